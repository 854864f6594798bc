import {
  to = atoll_mesh_peer.hk1
  identity = {
    host     = "203.0.113.11"
    host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN+BKQXTY+cPtK3EW+P/7sLf2nwaUaUAs5NJiqVcSjhH"
    name     = "site/hk1"
  }
}
