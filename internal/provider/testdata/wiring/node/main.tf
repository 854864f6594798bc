# A module that hands out what its resources export.
terraform {
  required_providers {
    atoll = { source = "atollhq/atoll" }
  }
}

variable "host" { type = string }

resource "atoll_host" "this" {
  ssh = { host = var.host, host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN+BKQXTY+cPtK3EW+P/7sLf2nwaUaUAs5NJiqVcSjhH" }
}

resource "atoll_mesh_peer" "this" {
  ssh     = atoll_host.this.ssh
  mesh    = "site"
  name    = "this"
  address = "10.77.0.21"
}

resource "atoll_mysql_server" "this" {
  ssh     = atoll_host.this.ssh
  address = atoll_mesh_peer.this.address
}

output "ssh" { value = atoll_host.this.ssh }
output "peer" { value = atoll_mesh_peer.this.peer }
output "member" { value = atoll_mysql_server.this.member }
