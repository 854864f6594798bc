# State and role of the members are in module.site.status, and move by themselves:
# as outputs they would make a plan non-empty after every failover.

output "mesh" {
  description = "Which node reaches which over the mesh."
  value       = module.site.links
}

output "routers" {
  description = "Where the applications connect: always on their own host."
  value       = module.site.endpoints
}
