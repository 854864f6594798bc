# The whole site of five servers, resource by resource, in the form that
# examples/site had before there were modules. It is kept as it is: what users
# wrote has to plan empty with every later provider, and the acceptance tests
# prove it with this very file.

terraform {
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

locals {
  # Servers that answer SSH already, and those of above: from here on all the same.
  nodes = { for name, node in merge(var.nodes, var.linodes) : name => { mesh = node.mesh, database = node.database } }
  ssh = merge(
    { for name, node in var.nodes : name => { host = node.host, host_key = node.host_key } },
    { for name, node in atoll_linode.node : name => { host = node.ssh.host, host_key = node.ssh.host_key } },
  )
  databases    = { for name, node in local.nodes : name => node if node.database }
  applications = { for name, node in local.nodes : name => node if !node.database }

  # Optional: what the resources below would install one after another comes in
  # one go, on all servers at once, before anything waits for it.
  packages = {
    true  = ["tinc", "iputils-ping", "openssl", "mysql-server"]
    false = ["tinc", "iputils-ping", "openssl", "mysql-router"]
  }
}

resource "atoll_host" "node" {
  for_each = local.nodes
  hostname = each.key
  packages = local.packages[each.value.database]
  ssh      = local.ssh[each.key]
}

resource "atoll_mesh_peer" "node" {
  for_each = local.nodes
  ssh      = atoll_host.node[each.key].ssh
  mesh     = "site"
  name     = each.key
  address  = each.value.mesh
}

resource "atoll_mesh" "site" {
  name  = "site"
  cidr  = "10.77.0.0/24"
  peers = { for name, node in atoll_mesh_peer.node : name => node.peer }
}

resource "atoll_mysql_server" "database" {
  for_each = local.databases
  ssh      = atoll_host.node[each.key].ssh
  mesh     = atoll_mesh.site.id
  address  = atoll_mesh_peer.node[each.key].address
  settings = var.mysql_settings

  # Known before a resize, so that one apply changes the type and the settings.
  memory_mib = try(atoll_linode.node[each.key].specs.memory_mib, null)
}

resource "atoll_mysql_cluster" "main" {
  name     = "main"
  members  = { for name, server in atoll_mysql_server.database : name => server.member }
  failover = var.failover
}

resource "atoll_mysql_router" "application" {
  for_each = local.applications
  ssh      = atoll_host.node[each.key].ssh
  cluster  = atoll_mysql_cluster.main.routing
}
