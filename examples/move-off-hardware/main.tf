# A physical machine makes room for a VPS under load: in one apply, where other
# databases stay.
#
# Before: hk1 is one of the databases. To move, take hk1 out of machines and add
# a machine under linodes in the same change. The apply makes the VPS, takes it
# into the mesh, clones the data to it, lets it join the group, and only then
# hands hk1's role over, takes MySQL off hk1 (its data stay on its disk) and lets
# it leave the mesh. The routers follow by themselves. Writes stand still for one
# change of the primary.
#
# Where hk1 is the only database, it takes two applies: add the machine under
# linodes by the first, and take hk1 out of machines by the second. In one, nobody
# with the data would be left, and the plan is refused.
#
# The next plan is empty, and hk1's contract can be cancelled. The way back is the
# same change the other way round.
#
# A Linode, too, is replaced under another name: add the new one and take the old
# one out. What would replace it under its name, such as another region, is refused,
# since create_before_destroy below holds for the machine as well, and an account
# has a label once.

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

resource "atoll_linode" "node" {
  for_each        = var.linodes
  label           = each.key
  region          = each.value.region
  type            = each.value.type
  image           = "linode/debian13"
  authorized_keys = [trimspace(file("${var.ssh_key_file}.pub"))]
}

locals {
  nodes = { for name, node in merge(var.machines, var.linodes) : name => { mesh = node.mesh, role = node.role } }
  ssh = merge(
    { for name, node in var.machines : name => { host = node.host, host_key = node.host_key } },
    { for name, node in atoll_linode.node : name => { host = node.ssh.host, host_key = node.ssh.host_key } },
  )
  databases    = { for name, node in local.nodes : name => node if node.role == "database" }
  applications = { for name, node in local.nodes : name => node if node.role == "application" }
}

resource "atoll_host" "node" {
  for_each = local.nodes
  hostname = each.key
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

  # One apply changes the type and, when that is done, the settings: its plan says
  # (known after apply).
  memory_mib = try(atoll_linode.node[each.key].specs.memory_mib, null)

  # The order of the move: who comes joins the cluster first, then who goes
  # leaves it. Without this Terraform takes the old server away at the start. It
  # holds for all that the server depends on, the Linode included.
  lifecycle {
    create_before_destroy = true
  }
}

resource "atoll_mysql_cluster" "main" {
  name    = "main"
  members = { for name, server in atoll_mysql_server.database : name => server.member }
}

resource "atoll_mysql_router" "application" {
  for_each = local.applications
  ssh      = atoll_host.node[each.key].ssh
  cluster  = atoll_mysql_cluster.main.routing
}
