resource "atoll_mysql_router" "app1" {
  ssh     = atoll_host.app1.ssh
  cluster = atoll_mysql_cluster.main.routing
}

# The application on app1 connects to this address, always.
output "database" {
  value = atoll_mysql_router.app1.endpoints.read_write
}
