resource "atoll_mysql_server" "hk1" {
  ssh     = atoll_host.hk1.ssh
  mesh    = atoll_mesh.site.id
  address = atoll_mesh_peer.hk1.address

  settings = {
    max_connections          = "200"
    innodb_redo_log_capacity = "512M"
  }
}
