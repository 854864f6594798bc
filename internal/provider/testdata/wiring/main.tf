# Every way to write a map of exported objects, and to hand one object on.
terraform {
  required_providers {
    atoll = { source = "atollhq/atoll" }
  }
}

provider "atoll" {}

locals {
  hosts = { hk1 = "203.0.113.11", hk2 = "203.0.113.12", sg1 = "198.51.100.13" }
  keys  = ["hk1", "hk2", "sg1"]
  big   = length(local.hosts) > 2
}

variable "typed" {
  type    = map(any)
  default = {}
}

resource "atoll_host" "each" {
  for_each = local.hosts
  ssh      = { host = each.value, host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN+BKQXTY+cPtK3EW+P/7sLf2nwaUaUAs5NJiqVcSjhH" }
}

resource "atoll_linode" "made" {
  label           = "made"
  region          = "ap-south"
  type            = "g6-standard-1"
  image           = "linode/debian13"
  authorized_keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN+BKQXTY+cPtK3EW+P/7sLf2nwaUaUAs5NJiqVcSjhH"]
}

resource "atoll_host" "made" {
  ssh = atoll_linode.made.ssh
}

module "node" {
  source   = "./node"
  for_each = local.hosts
  host     = each.value
}

module "one" {
  source = "./node"
  host   = "203.0.113.21"
}

resource "atoll_mesh_peer" "single" {
  ssh     = atoll_host.each["hk1"].ssh
  mesh    = "site"
  name    = "single"
  address = "10.77.0.11"
}

resource "atoll_mesh_peer" "counted" {
  count   = 2
  ssh     = atoll_host.each[local.keys[count.index]].ssh
  mesh    = "site"
  name    = "counted"
  address = "10.77.0.1${count.index}"
}

resource "atoll_mesh_peer" "each" {
  for_each = local.hosts
  ssh      = atoll_host.each[each.key].ssh
  mesh     = "site"
  name     = each.key
  address  = "10.77.0.11"
}

resource "atoll_mesh" "by_name" {
  name  = "site"
  cidr  = "10.77.0.0/24"
  peers = { hk1 = atoll_mesh_peer.single.peer, sg1 = atoll_mesh_peer.each["sg1"].peer }
}

resource "atoll_mesh" "by_index" {
  name  = "site"
  cidr  = "10.77.0.0/24"
  peers = { hk1 = atoll_mesh_peer.counted[0].peer, hk2 = atoll_mesh_peer.counted[1].peer }
}

resource "atoll_mesh" "by_loop" {
  name  = "site"
  cidr  = "10.77.0.0/24"
  peers = { for name, node in atoll_mesh_peer.each : name => node.peer }
}

resource "atoll_mesh" "by_merge" {
  name  = "site"
  cidr  = "10.77.0.0/24"
  peers = merge({ hk1 = atoll_mesh_peer.single.peer }, { for name, node in atoll_mesh_peer.each : name => node.peer if name != "hk1" })
}

resource "atoll_mesh" "by_zip" {
  name  = "site"
  cidr  = "10.77.0.0/24"
  peers = zipmap(local.keys, values(atoll_mesh_peer.each)[*].peer)
}

resource "atoll_mesh" "by_splat" {
  name  = "site"
  cidr  = "10.77.0.0/24"
  peers = zipmap(["hk1", "hk2"], atoll_mesh_peer.counted[*].peer)
}

resource "atoll_mesh" "by_map" {
  name  = "site"
  cidr  = "10.77.0.0/24"
  peers = tomap({ hk1 = atoll_mesh_peer.single.peer })
}

resource "atoll_mesh" "by_choice" {
  name  = "site"
  cidr  = "10.77.0.0/24"
  peers = local.big ? { hk1 = atoll_mesh_peer.single.peer, hk2 = atoll_mesh_peer.each["hk2"].peer } : { hk1 = atoll_mesh_peer.single.peer, hk2 = atoll_mesh_peer.each["hk2"].peer }
}

resource "atoll_mesh" "by_try" {
  name  = "site"
  cidr  = "10.77.0.0/24"
  peers = try({ hk1 = atoll_mesh_peer.single.peer }, {})
}

resource "atoll_mesh" "by_one" {
  name  = "site"
  cidr  = "10.77.0.0/24"
  peers = { hk1 = one([atoll_mesh_peer.single.peer]) }
}

resource "atoll_mesh" "by_variable" {
  name  = "site"
  cidr  = "10.77.0.0/24"
  peers = merge(var.typed, { hk1 = atoll_mesh_peer.single.peer })
}

resource "atoll_mesh" "by_module" {
  name  = "site"
  cidr  = "10.77.0.0/24"
  peers = { hk1 = module.node["hk1"].peer, hk2 = module.one.peer }
}

resource "atoll_mesh" "by_modules" {
  name  = "site"
  cidr  = "10.77.0.0/24"
  peers = { for name, node in module.node : name => node.peer }
}

resource "atoll_mysql_server" "single" {
  ssh     = atoll_host.each["hk1"].ssh
  address = "10.77.0.11"
}

resource "atoll_mysql_server" "counted" {
  count   = 2
  ssh     = atoll_host.each[local.keys[count.index]].ssh
  address = "10.77.0.1${count.index}"
}

resource "atoll_mysql_server" "each" {
  for_each = local.hosts
  ssh      = atoll_host.each[each.key].ssh
  address  = "10.77.0.11"
}

resource "atoll_mysql_cluster" "by_name" {
  name    = "main"
  members = { hk1 = atoll_mysql_server.single.member, sg1 = atoll_mysql_server.each["sg1"].member }
}

resource "atoll_mysql_cluster" "by_index" {
  name    = "main"
  members = { hk1 = atoll_mysql_server.counted[0].member, hk2 = atoll_mysql_server.counted[1].member }
}

resource "atoll_mysql_cluster" "by_loop" {
  name    = "main"
  members = { for name, node in atoll_mysql_server.each : name => node.member }
}

resource "atoll_mysql_cluster" "by_merge" {
  name    = "main"
  members = merge({ hk1 = atoll_mysql_server.single.member }, { for name, node in atoll_mysql_server.each : name => node.member if name != "hk1" })
}

resource "atoll_mysql_cluster" "by_zip" {
  name    = "main"
  members = zipmap(local.keys, values(atoll_mysql_server.each)[*].member)
}

resource "atoll_mysql_cluster" "by_splat" {
  name    = "main"
  members = zipmap(["hk1", "hk2"], atoll_mysql_server.counted[*].member)
}

resource "atoll_mysql_cluster" "by_map" {
  name    = "main"
  members = tomap({ hk1 = atoll_mysql_server.single.member })
}

resource "atoll_mysql_cluster" "by_choice" {
  name    = "main"
  members = local.big ? { hk1 = atoll_mysql_server.single.member, hk2 = atoll_mysql_server.each["hk2"].member } : { hk1 = atoll_mysql_server.single.member, hk2 = atoll_mysql_server.each["hk2"].member }
}

resource "atoll_mysql_cluster" "by_try" {
  name    = "main"
  members = try({ hk1 = atoll_mysql_server.single.member }, {})
}

resource "atoll_mysql_cluster" "by_one" {
  name    = "main"
  members = { hk1 = one([atoll_mysql_server.single.member]) }
}

resource "atoll_mysql_cluster" "by_variable" {
  name    = "main"
  members = merge(var.typed, { hk1 = atoll_mysql_server.single.member })
}

resource "atoll_mysql_cluster" "by_module" {
  name    = "main"
  members = { hk1 = module.node["hk1"].member, hk2 = module.one.member }
}

resource "atoll_mysql_cluster" "by_modules" {
  name    = "main"
  members = { for name, node in module.node : name => node.member }
}

resource "atoll_mesh" "written" {
  name = "site"
  cidr = "10.77.0.0/24"
  peers = {
    hk1 = {
      name = "hk1", address = "10.77.0.11", endpoint = "203.0.113.11", port = 655, public_key = atoll_mesh_peer.single.peer.public_key
      ssh  = { host = "203.0.113.11" }
    }
  }
}

resource "atoll_mysql_cluster" "written" {
  name    = "main"
  members = { hk1 = { address = "10.77.0.11", port = 3306, server_id = 7, ssh = { host = "203.0.113.11" } } }
}

locals {
  routing = { named = atoll_mysql_cluster.by_name.routing, looped = atoll_mysql_cluster.by_loop.routing }
}

resource "atoll_mysql_router" "whole" {
  ssh     = atoll_host.each["hk1"].ssh
  cluster = atoll_mysql_cluster.by_name.routing
}

resource "atoll_mysql_router" "looked_up" {
  for_each = local.routing
  ssh      = module.node["hk1"].ssh
  cluster  = each.value
}

resource "atoll_mysql_router" "conditional" {
  ssh     = local.big ? module.one.ssh : atoll_host.each["hk1"].ssh
  cluster = local.big ? atoll_mysql_cluster.by_merge.routing : atoll_mysql_cluster.by_loop.routing
}

output "database" { value = atoll_mysql_router.whole.endpoints.read_write }
output "peers" { value = { for name, node in atoll_mesh_peer.each : name => node.peer } }
