# A whole site: five servers at three hosters, one of them made at Linode here, a
# tinc mesh between them, a three-member InnoDB Cluster over the mesh, a MySQL
# Router beside each application, and files that are the same beside all of them.
# `make demo` applies this very file to the lab.

terraform {
  required_version = ">= 1.9"

  required_providers {
    atoll = {
      source = "atollhq/atoll"
    }
  }
}

provider "atoll" {
  ssh = {
    key_files = { default = var.ssh_key_file }
  }
  lost = var.lost
}

# Servers to be made at Linode, up to an SSH host key that is known by itself.
resource "atoll_linode" "node" {
  for_each        = var.linodes
  label           = each.key
  region          = each.value.region
  type            = each.value.type
  image           = "linode/debian13"
  authorized_keys = [trimspace(file("${var.ssh_key_file}.pub"))]
}

# Servers that answer SSH already, and those of above: from here on all the same.
module "site" {
  source = "../modules/site"
  nodes = merge(var.nodes, { for name, linode in var.linodes : name => {
    roles        = linode.roles
    mesh_address = linode.mesh_address
    ssh          = atoll_linode.node[name].ssh
    memory_mib   = atoll_linode.node[name].specs.memory_mib # the settings follow a resize in the same apply
  } })
  mysql_settings = var.mysql_settings
}

# What an application writes below /srv/files is beside the others within seconds.
# Days that are older than a month move to the archive, and their paths still open.
resource "atoll_file_tier" "files" {
  name          = "files"
  hot           = "/srv/files"
  cold          = "/srv/archive"
  hot_days      = 30
  quiet_minutes = var.quiet_minutes
  mesh          = module.site.mesh
  nodes = { for name, node in var.nodes : name => {
    ssh     = module.site.ssh[name]
    address = node.mesh_address
  } if contains(node.roles, "router") }
}
