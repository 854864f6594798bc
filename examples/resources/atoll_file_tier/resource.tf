# /srv/files is the same on both application servers: what is written on one is on
# the other within seconds.
resource "atoll_file_tier" "files" {
  name  = "files"
  hot   = "/srv/files"
  cold  = "/srv/archive" # the same on both by the next morning
  owner = "www-data"
  mesh  = atoll_mesh.site.id
  nodes = {
    app1 = { ssh = atoll_host.app1.ssh, address = atoll_mesh_peer.app1.address }
    app2 = { ssh = atoll_host.app2.ssh, address = atoll_mesh_peer.app2.address }
  }
  ignore = ["Name *.tmp", "Path cache"]
}

# An archive alone, without a tree: what is put into it on one machine is on the other
# by the next morning, read again for rot, and never deleted by a run.
resource "atoll_file_tier" "records" {
  name  = "records"
  cold  = "/srv/records"
  owner = "www-data"
  mesh  = atoll_mesh.site.id
  nodes = {
    app1 = { ssh = atoll_host.app1.ssh, address = atoll_mesh_peer.app1.address }
    app2 = { ssh = atoll_host.app2.ssh, address = atoll_mesh_peer.app2.address }
  }
}
