# A whole site: servers that answer SSH, a tinc mesh between them, an InnoDB
# Cluster over the mesh, and a MySQL Router beside each application.

locals {
  databases = { for name, node in var.nodes : name => node if contains(node.roles, "database") }
  routers   = { for name, node in var.nodes : name => node if contains(node.roles, "router") }

  # MySQL's own repository, where it is asked for, is one source among others.
  package_sources = merge(var.package_sources, var.mysql_repository == null ? {} : {
    mysql = {
      uris          = ["https://repo.mysql.com/apt/${var.mysql_repository.distribution}"]
      suites        = [var.mysql_repository.suite]
      components    = [var.mysql_repository.release, "mysql-tools"]
      architectures = null
      key           = var.mysql_repository.key
      fingerprint   = var.mysql_repository.fingerprint
      pin           = null
    }
  })
  mysql_package  = coalesce(var.mysql_package, var.mysql_repository == null ? "mysql-server" : "mysql-community-server")
  router_package = coalesce(var.router_package, var.mysql_repository == null ? "mysql-router" : "mysql-router-community")

  # Optional: what the resources below would install one after another comes in
  # one go, on all servers at once, before anything waits for it.
  packages = { for name, node in var.nodes : name => concat(
    ["tinc", "iputils-ping", "openssl"],
    contains(node.roles, "database") ? [local.mysql_package] : [],
    contains(node.roles, "router") ? [local.router_package] : [],
  ) }
}

# The one place where a server is prepared: what it needs before the rest comes
# belongs here.
resource "atoll_host" "node" {
  for_each     = var.nodes
  hostname     = var.set_hostnames ? each.key : null
  apt_sources  = length(local.package_sources) > 0 ? local.package_sources : null
  packages     = local.packages[each.key]
  watcher_keys = length(var.watcher_keys) > 0 ? var.watcher_keys : null
  ssh          = each.value.ssh
}

resource "atoll_mesh_peer" "node" {
  for_each = var.nodes
  ssh      = atoll_host.node[each.key].ssh
  mesh     = var.name
  name     = each.key
  address  = each.value.mesh_address
  endpoint = each.value.endpoint
}

resource "atoll_mesh" "site" {
  name  = var.name
  cidr  = var.cidr
  peers = { for name, node in atoll_mesh_peer.node : name => node.peer }
}

resource "atoll_mysql_server" "database" {
  for_each   = local.databases
  ssh        = atoll_host.node[each.key].ssh
  mesh       = atoll_mesh.site.id
  address    = atoll_mesh_peer.node[each.key].address
  package    = local.mysql_package
  settings   = var.mysql_settings
  memory_mib = each.value.memory_mib
}

resource "atoll_mysql_cluster" "main" {
  name             = var.cluster_name
  members          = { for name, server in atoll_mysql_server.database : name => server.member }
  failover         = var.failover
  quorum_survivors = var.quorum_survivors
}

resource "atoll_mysql_router" "application" {
  for_each = local.routers
  ssh      = atoll_host.node[each.key].ssh
  cluster  = atoll_mysql_cluster.main.routing
  package  = local.router_package
}
