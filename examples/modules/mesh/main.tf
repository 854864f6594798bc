# A tinc mesh between servers that stand: every server reaches every other over
# encrypted links, and they relay for one another when a line breaks.

resource "atoll_mesh_peer" "node" {
  for_each = var.nodes
  ssh      = each.value.ssh
  mesh     = var.name
  name     = each.key
  address  = each.value.address
  endpoint = each.value.endpoint
  port     = each.value.port
}

resource "atoll_mesh" "site" {
  name  = var.name
  cidr  = var.cidr
  peers = { for name, node in atoll_mesh_peer.node : name => node.peer }
}
