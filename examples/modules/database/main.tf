# An InnoDB Cluster on servers that reach one another over a mesh or another
# private network, and a MySQL Router beside each application.

resource "atoll_mysql_server" "database" {
  for_each   = var.databases
  ssh        = each.value.ssh
  mesh       = var.mesh
  address    = each.value.address
  package    = var.mysql_package
  settings   = var.settings
  memory_mib = each.value.memory_mib
}

resource "atoll_mysql_cluster" "main" {
  name             = var.name
  members          = { for name, server in atoll_mysql_server.database : name => server.member }
  failover         = var.failover
  quorum_survivors = var.quorum_survivors
}

resource "atoll_mysql_router" "application" {
  for_each = var.routers
  ssh      = each.value.ssh
  cluster  = atoll_mysql_cluster.main.routing
  package  = var.router_package
}
