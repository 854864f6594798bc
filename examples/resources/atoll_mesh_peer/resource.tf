resource "atoll_mesh_peer" "hk1" {
  ssh     = atoll_host.hk1.ssh
  mesh    = "site"
  name    = "hk1"
  address = "10.77.0.11"
}
