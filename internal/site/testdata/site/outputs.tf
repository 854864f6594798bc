# State and role of the members are attributes of atoll_mysql_cluster.main and
# move by themselves (terraform state show atoll_mysql_cluster.main). As outputs
# they would make a plan non-empty after every failover.

output "mesh" {
  description = "Which node reaches which over the mesh."
  value       = atoll_mesh.site.links
}

output "routers" {
  description = "Where the applications connect: always on their own host."
  value       = { for name, router in atoll_mysql_router.application : name => router.endpoints }
}
