# A whole site: five servers at three hosters, a tinc mesh between them, a
# three-member InnoDB Cluster over the mesh, and a MySQL Router beside each
# application. `make demo` applies this very file to five hosts of the lab.

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

locals {
  databases    = { for name, node in var.nodes : name => node if node.database }
  applications = { for name, node in var.nodes : name => node if !node.database }

  # Optional: what the resources below would install one after another comes in
  # one go, on all servers at once, before anything waits for it.
  packages = {
    true  = ["tinc", "iputils-ping", "openssl", "mysql-server"]
    false = ["tinc", "iputils-ping", "openssl", "mysql-router"]
  }
}

resource "atoll_host" "node" {
  for_each = var.nodes
  hostname = each.key
  packages = local.packages[each.value.database]
  ssh      = { host = each.value.host, host_key = each.value.host_key }
}

resource "atoll_mesh_peer" "node" {
  for_each = var.nodes
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
