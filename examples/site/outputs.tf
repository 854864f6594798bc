output "mesh" {
  description = "Which node reaches which over the mesh."
  value       = atoll_mesh.site.links
}

output "members" {
  description = "Members of the cluster with state and role."
  value       = atoll_mysql_cluster.main.status
}

output "primary" {
  description = "The member that takes writes now."
  value       = atoll_mysql_cluster.main.primary
}

output "routers" {
  description = "Where the applications connect: always on their own host."
  value       = { for name, router in atoll_mysql_router.application : name => router.endpoints }
}
