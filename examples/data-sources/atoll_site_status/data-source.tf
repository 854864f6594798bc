# How the whole site is, in one look. Alone it costs a plan with -refresh=false.
data "atoll_site_status" "now" {
  hosts   = { hk1 = atoll_host.hk1.ssh }
  peers   = { hk1 = atoll_mesh_peer.hk1.peer }
  members = { hk1 = atoll_mysql_server.hk1.member }

  # What a refresh finds beside, in the same list.
  drift = { "host hk1" = atoll_host.hk1.drift, "server hk1" = atoll_mysql_server.hk1.drift }

  # Peers reach each other when the mesh stands, and members are online when the cluster
  # does: an apply that has to do with them asks after that.
  depends_on = [atoll_mesh.site, atoll_mysql_cluster.main]
}

# A plan warns when something is wrong, and goes on.
check "site" {
  assert {
    condition     = data.atoll_site_status.now.healthy
    error_message = join("\n", data.atoll_site_status.now.problems)
  }
}

output "problems" {
  value = data.atoll_site_status.now.problems
}
