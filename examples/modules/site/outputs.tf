output "ssh" {
  description = "How each server is reached, by name; what else you declare on a server takes it whole. It is known when the server is prepared."
  value       = { for name, node in atoll_host.node : name => node.ssh }
}

output "mesh" {
  description = "Name of the mesh, once every server reaches every other over it; what must wait for the mesh takes it."
  value       = atoll_mesh.site.id
}

output "links" {
  description = "Which servers each server reached over the mesh at the last look, by name."
  value       = atoll_mesh.site.links
}

output "peers" {
  description = "What an atoll_site_status takes as its peers."
  value       = { for name, node in atoll_mesh_peer.node : name => node.peer }
}

output "members" {
  description = "What an atoll_site_status takes as its members."
  value       = { for name, server in atoll_mysql_server.database : name => server.member }
}

output "databases" {
  description = "Where each database listens, by name, such as \"10.77.0.11:3306\": for backups and monitoring. Applications go through a router."
  value       = { for name, server in atoll_mysql_server.database : name => server.id }
}

output "routing" {
  description = "What a further atoll_mysql_router takes as its cluster."
  value       = atoll_mysql_cluster.main.routing
}

output "endpoints" {
  description = "Where the applications of each router connect, by name: on their own server."
  value       = { for name, router in atoll_mysql_router.application : name => router.endpoints }
}

# These move by themselves: as outputs of the root module they make a plan
# non-empty after every failover.

output "primary" {
  description = "Name of the database that took writes at the last look."
  value       = atoll_mysql_cluster.main.primary
}

output "status" {
  description = "State, role and version of each database at the last look, by name."
  value       = atoll_mysql_cluster.main.status
}
