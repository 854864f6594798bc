// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/site"
)

// lagoonBody is a mesh of its own between the nodes of a tier.
const lagoonBody = `
variable "machines" {}

resource "atoll_mesh_peer" "node" {
  for_each = var.machines
  ssh      = { host = each.value.host, host_key = each.value.host_key }
  mesh     = "lagoon"
  name     = each.key
  address  = each.value.mesh
  port     = 656
}

resource "atoll_mesh" "lagoon" {
  name  = "lagoon"
  cidr  = "10.78.0.0/24"
  peers = { for name, node in atoll_mesh_peer.node : name => node.peer }
}
`

const tierBody = lagoonBody + `
variable "nodes" {}
variable "initial" {}
variable "deletions" {}
variable "reserve" {}
variable "hot_days" {}
variable "vault" {}

resource "atoll_file_tier" "files" {
  name    = "files"
  hot     = "/srv/files"
  owner   = "www-data"
  mesh    = atoll_mesh.lagoon.id
  initial = var.initial
  cold    = "/srv/cold"

  cold_deletions   = var.deletions
  cold_reserve_mib = var.reserve

  hot_days      = var.hot_days
  quiet_minutes = var.hot_days == null ? null : 0
  grace_hours   = var.hot_days == null ? null : 0

  nodes   = { for name in var.nodes : name => { ssh = atoll_mesh_peer.node[name].ssh, address = atoll_mesh_peer.node[name].address } }
}

resource "atoll_file_tier" "vault" {
  count = length(var.vault) > 0 ? 1 : 0
  name  = "vault"
  cold  = "/srv/vault"
  owner = "www-data"
  mesh  = atoll_mesh.lagoon.id

  hot_days      = contains(values(var.vault), "/srv/fresh") ? 30 : null
  quiet_minutes = contains(values(var.vault), "/srv/fresh") ? 0 : null
  grace_hours   = contains(values(var.vault), "/srv/fresh") ? 0 : null

  nodes = { for name, hot in var.vault : name => { ssh = atoll_mesh_peer.node[name].ssh, address = atoll_mesh_peer.node[name].address, hot = hot == "" ? null : hot } }
}
`

const tierStatusBody = `
variable "machines" {}
variable "nodes" {}
variable "initial" {}
variable "hot_days" {}
variable "vault" {}

data "atoll_file_tier_status" "now" {
  tier = {
    name  = "files"
    hot   = "/srv/files"
    cold  = "/srv/cold"
    hub   = "app1"

    hot_days = var.hot_days

    nodes = { for name in var.nodes : name => {
      ssh     = { host = var.machines[name].host, host_key = var.machines[name].host_key, port = 22, user = "root", key = "default", jumps = [] }
      address = var.machines[name].mesh
      hot     = null
      cold    = null
    } }
  }
  least_free_percent = 0
}

output "status" {
  value = data.atoll_file_tier_status.now
}

data "atoll_file_tier_status" "vault" {
  count = length(var.vault) > 0 ? 1 : 0
  tier = {
    name  = "vault"
    cold  = "/srv/vault"
    hub   = "app1"

    nodes = { for name, hot in var.vault : name => {
      ssh     = { host = var.machines[name].host, host_key = var.machines[name].host_key, port = 22, user = "root", key = "default", jumps = [] }
      address = var.machines[name].mesh
      hot     = hot == "" ? null : hot
      cold    = null
    } }
  }
  least_free_percent = 0
}

output "vault" {
  value = one(data.atoll_file_tier_status.vault)
}
`

// machines are the hosts of the story, as variables. What is told of two of them may be
// told in a lab that has no third.
func (f *tree) machines() map[string]any {
	f.Helper()
	machines := map[string]any{}
	for _, name := range []string{"app1", "app2", "sg1"} {
		host, err := f.lab.Inventory.Host(name)
		if err != nil && !slices.Contains(f.nodes, name) {
			continue
		}
		f.must(err)
		machines[name] = map[string]any{"host": host.Address, "host_key": host.HostKey, "mesh": strings.Replace(site.MeshAddress(host.HostSpec), "10.77.", "10.78.", 1)}
	}
	return machines
}

// declare writes the variables.
func (f *tree) declare() {
	f.Helper()
	machines := f.machines()
	if f.vault == nil {
		f.vault = map[string]string{}
	}
	values := map[string]any{"machines": machines, "nodes": f.nodes, "initial": nil, "deletions": f.deletions, "reserve": f.reserve, "hot_days": nil, "vault": f.vault}
	if f.hotDays > 0 {
		values["hot_days"] = f.hotDays
	}
	if f.initial != "" {
		values["initial"] = f.initial
	}
	f.must(f.terraform.Variables(values))
	f.must(f.looks.Variables(values))
}
