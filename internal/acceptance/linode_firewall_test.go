// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"slices"
	"testing"

	"github.com/linode/linodego"
)

const firewalled = `
resource "atoll_linode_firewall" "site" {
  label   = "site"
  ssh     = { from = ["192.0.2.0/24"] }
  mesh    = { peers = { hk1 = "203.0.113.11" } }
  open    = { web = { protocol = "tcp", ports = ["443"] } }
  linodes = [atoll_linode.vps.id]
}
`

func TestFirewallKeepsForeignDevicesAndShowsDriftByRule(t *testing.T) {
	a := declare(t, oneWith()+firewalled)
	a.apply()
	a.inSync()
	ctx := t.Context()
	walls, err := a.api.ListFirewalls(ctx, nil)
	a.must(err)
	foreign, err := a.api.CreateInstance(ctx, linodego.InstanceCreateOptions{Region: "ap-south", Type: "g6-nanode-1", Label: "foreign"})
	a.must(err)
	_, err = a.api.CreateFirewallDevice(ctx, walls[0].ID, linodego.FirewallDeviceCreateOptions{ID: foreign.ID, Type: linodego.FirewallDeviceLinode})
	a.must(err)
	a.inSync()
	open := walls[0].Rules
	open.Inbound = append(open.Inbound[:1:1], linodego.FirewallRule{
		Action: "ACCEPT", Label: "debug", Protocol: "TCP", Ports: "6000", Addresses: linodego.NetworkAddresses{IPv4: &[]string{"0.0.0.0/0"}},
	})
	_, err = a.api.UpdateFirewallRules(ctx, walls[0].ID, open)
	a.must(err)
	lines := a.plan().Drift["atoll_linode_firewall.site"]
	for _, want := range []string{"rule debug: not declared", "rule ssh: missing", "rule web: missing"} {
		if !slices.Contains(lines, want) {
			t.Errorf("drift %q lacks %q", lines, want)
		}
	}
	a.apply()
	a.inSync()
	devices, err := a.api.ListFirewallDevices(ctx, walls[0].ID, nil)
	a.must(err)
	if len(devices) != 2 {
		t.Errorf("%d devices, want ours and the foreign one", len(devices))
	}
	a.says(a.refusal(a.terraform.Destroy(ctx)), "still protects others", fmt.Sprint(foreign.ID))
	a.must(a.api.DeleteInstance(ctx, foreign.ID))
	a.must(a.terraform.Destroy(ctx))
}
