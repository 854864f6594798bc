output "mesh" {
  description = "Name of the mesh, once every server reaches every other over it; what must wait for the mesh takes it."
  value       = atoll_mesh.site.id
}

output "links" {
  description = "Which servers each server reached over the mesh at the last look, by name."
  value       = atoll_mesh.site.links
}

output "addresses" {
  description = "Address of each server inside the mesh, by name, once the mesh stands."
  value       = { for name, node in atoll_mesh_peer.node : name => node.address if atoll_mesh.site.id != null }
}
