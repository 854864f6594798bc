// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"strings"
	"testing"
	"time"
)

const renamedBody = lagoonBody + `
variable "name" {}
variable "initial" {}

resource "atoll_file_tier" "files" {
  name    = var.name
  hot     = "/srv/files"
  owner   = "www-data"
  mesh    = atoll_mesh.lagoon.id
  initial = var.initial

  nodes = { for name in ["app1", "app2"] : name => { ssh = atoll_mesh_peer.node[name].ssh, address = atoll_mesh_peer.node[name].address } }
}
`

// A tier with a conflict that is open is not renamed unasked, and goes on as it was. With
// initial = "merge" one apply brings it under its new name, with all that both nodes had and
// what is written in between.
func TestTierIsRenamed(t *testing.T) {
	f := &tree{fixture: open(t), nodes: []string{"app1", "app2"}}
	f.terraform = written(t, f.lab, renamedBody)
	for _, host := range f.nodes {
		f.on(host, "rm -rf /srv/files")
	}
	declare := func(name string, initial any) {
		f.must(f.terraform.Variables(map[string]any{"machines": f.machines(), "name": name, "initial": initial}))
	}
	declare("files", nil)
	f.apply()
	f.on("app2", "systemctl stop atoll-tier-files.app1.service")
	f.as("app1", "echo from app1 >both; echo mine >only1")
	f.as("app2", "echo from app2 >both; echo mine >only2")
	f.on("app2", "systemctl start atoll-tier-files.app1.service")
	f.comes("app2", "cat only1 only2 both", "mine\nmine\nfrom app2")
	f.eventually("the conflict is listed", time.Minute, func() bool { return len(f.pair("app2").Skipped) == 1 })

	declare("papers", nil)
	if err := f.terraform.Apply(f.Context()); err == nil || !strings.Contains(flat(strings.ReplaceAll(err.Error(), "│", " ")), `name = "papers": the tier "files" would end`) {
		f.Errorf("another name, unasked: %v", err)
	}
	f.as("app1", "echo goes on >still")
	f.comes("app2", "cat still", "goes on")

	declare("papers", "merge")
	f.apply()
	f.inSync()
	if left := f.on("app1", "ls -A /var/lib/atoll/tier"); left != "papers" {
		f.Errorf("app1 has the tiers %q", left)
	}
	f.as("app2", "echo new >after")
	f.comes("app1", "cat after only1 only2 both", "new\nmine\nmine\nfrom app1")
	f.comes("app2", "cat after only1 only2 both", "new\nmine\nmine\nfrom app2")
	f.must(f.terraform.Destroy(f.Context()))
}
