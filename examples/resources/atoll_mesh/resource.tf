resource "atoll_mesh" "site" {
  name = "site"
  cidr = "10.77.0.0/24"
  peers = {
    hk1 = atoll_mesh_peer.hk1.peer
    hk2 = atoll_mesh_peer.hk2.peer
    sg1 = atoll_mesh_peer.sg1.peer
  }
}
