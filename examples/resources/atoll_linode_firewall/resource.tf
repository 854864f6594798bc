resource "atoll_linode_firewall" "site" {
  label = "site"
  ssh   = { from = ["192.0.2.0/24"] }
  mesh  = { peers = { hk1 = "203.0.113.11", hk2 = "203.0.113.12" } }
  open = {
    web = { protocol = "tcp", ports = ["80", "443"] }
  }
  linodes = [atoll_linode.sg1.id]
}
