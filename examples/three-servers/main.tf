# The smallest site that survives the loss of a server: three servers that stand,
# each a database and a router. An application runs on any of them, or on all, and
# connects to its own server.

terraform {
  required_version = ">= 1.9"

  required_providers {
    atoll = {
      source = "atollhq/atoll"
    }
  }
}

provider "atoll" {
  ssh = {
    key_files      = { default = var.ssh_key_file }
    sudo_passwords = { (var.user) = var.sudo_password }
  }
}

module "site" {
  source = "../modules/site"
  nodes = { for name, server in var.servers : name => {
    roles        = ["database", "router"]
    mesh_address = server.mesh_address
    ssh          = { host = server.host, host_key = server.host_key, user = var.user }
  } }

  # Where MySQL comes from, if not from what the servers have.
  package_sources  = { for name, source in var.package_sources : name => merge(source, { key = file(source.key_file) }) }
  mysql_repository = var.mysql_repository == null ? null : merge(var.mysql_repository, { key = file(var.mysql_repository.key_file) })
}

output "database" {
  description = "Where an application connects, on each server."
  value       = { for name, endpoints in module.site.endpoints : name => endpoints.read_write }
}
