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
