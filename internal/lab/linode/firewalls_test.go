// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"fmt"
	"net/http"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/linode/linodego"

	"github.com/atollhq/terraform-provider-atoll/internal/lab/filter"
	provision "github.com/atollhq/terraform-provider-atoll/internal/provision/firewall"
)

// Whatever changes at the API holds before the machines with the answer.
func TestFirewallsStandBeforeMachines(t *testing.T) {
	server, client, _ := open(t)
	hosts := &floor{walls: map[string][]filter.Rules{}}
	server.options.Machines = hosts
	ctx := t.Context()
	wall := must(client.CreateFirewall(ctx, linodego.FirewallCreateOptions{Label: "wall", Rules: linodego.FirewallRuleSet{InboundPolicy: "DROP", OutboundPolicy: "ACCEPT"}}))(t)
	options := wanted("host")
	options.FirewallID = wall.ID
	made := must(client.CreateInstance(ctx, options))(t)
	until(t, client, made.ID, linodego.InstanceRunning)
	stands := func(when string, want ...filter.Rules) {
		t.Helper()
		hosts.mu.Lock()
		defer hosts.mu.Unlock()
		if diff := cmp.Diff(want, hosts.walls[fmt.Sprintf("linode-%d", made.ID)], cmpopts.EquateComparable(netip.Prefix{}), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: %s", when, diff)
		}
	}
	plain := filter.Rules{Outbound: filter.Chain{Accept: true}}
	stands("created behind a firewall", plain)

	ruled := plain
	ruled.Inbound.Rules = []filter.Rule{
		{Protocol: filter.TCP, Ports: []provision.Ports{{First: 22, Last: 24}, {First: 80, Last: 80}}, Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::/32")}, Accept: true},
		{Protocol: filter.ICMP, Networks: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}},
	}
	must(client.UpdateFirewallRules(ctx, wall.ID, linodego.FirewallRuleSet{InboundPolicy: "DROP", OutboundPolicy: "ACCEPT", Inbound: []linodego.FirewallRule{
		{Label: "web", Protocol: "TCP", Ports: "22-24, 80", Action: "ACCEPT", Addresses: linodego.NetworkAddresses{IPv4: &[]string{"192.0.2.0/24"}, IPv6: &[]string{"2001:db8::/32"}}},
		{Label: "ping", Protocol: "ICMP", Action: "DROP", Addresses: linodego.NetworkAddresses{IPv4: &anywhere}},
	}}))(t)
	stands("other rules", ruled)
	must(client.UpdateFirewall(ctx, wall.ID, linodego.FirewallUpdateOptions{Status: linodego.FirewallDisabled}))(t)
	stands("disabled")
	must(client.UpdateFirewall(ctx, wall.ID, linodego.FirewallUpdateOptions{Status: linodego.FirewallEnabled}))(t)
	stands("enabled", ruled)
	check(t, client.DeleteFirewallDevice(ctx, wall.ID, must(client.ListFirewallDevices(ctx, wall.ID, nil))(t)[0].ID))
	stands("detached")
	must(client.CreateFirewallDevice(ctx, wall.ID, linodego.FirewallDeviceCreateOptions{ID: made.ID, Type: linodego.FirewallDeviceLinode}))(t)
	stands("attached", ruled)
	other := linodego.FirewallCreateOptions{
		Label: "other", Rules: linodego.FirewallRuleSet{InboundPolicy: "DROP", OutboundPolicy: "ACCEPT"}, Devices: linodego.DevicesCreationOptions{Linodes: []int{made.ID}},
	}
	_, err := client.CreateFirewall(ctx, other)
	refused(t, err, http.StatusBadRequest, oneOnly)
	other.Devices.Linodes = nil
	second := must(client.CreateFirewall(ctx, other))(t)
	device := linodego.FirewallDeviceCreateOptions{ID: made.ID, Type: linodego.FirewallDeviceLinode}
	_, err = client.CreateFirewallDevice(ctx, second.ID, device)
	refused(t, err, http.StatusBadRequest, oneOnly)
	must(client.UpdateInstanceFirewalls(ctx, made.ID, linodego.InstanceFirewallUpdateOptions{FirewallIDs: []int{second.ID}}))(t)
	stands("replaced by another", plain)
	// One that is off may stand beside it, and not be switched on.
	must(client.UpdateFirewall(ctx, wall.ID, linodego.FirewallUpdateOptions{Status: linodego.FirewallDisabled}))(t)
	must(client.CreateFirewallDevice(ctx, wall.ID, device))(t)
	_, err = client.UpdateFirewall(ctx, wall.ID, linodego.FirewallUpdateOptions{Status: linodego.FirewallEnabled})
	refused(t, err, http.StatusBadRequest, oneOnly)
	check(t, client.DeleteFirewall(ctx, second.ID))
	stands("the second one deleted")
	must(client.UpdateFirewall(ctx, wall.ID, linodego.FirewallUpdateOptions{Status: linodego.FirewallEnabled}))(t)
	stands("the first one enabled", ruled)
	check(t, client.DeleteInstance(ctx, made.ID))
	check(t, client.DeleteFirewall(ctx, wall.ID))
	stands("deleted, until the host is gone", ruled)
}

func TestPortsThatMeanNothingAreRefused(t *testing.T) {
	_, client, _ := open(t)
	for _, ports := range []string{"0", "65536", "24-22", "22;23", "22,", "http"} {
		_, err := client.CreateFirewall(t.Context(), linodego.FirewallCreateOptions{Label: "wall", Rules: linodego.FirewallRuleSet{
			InboundPolicy: "DROP", OutboundPolicy: "ACCEPT",
			Inbound: []linodego.FirewallRule{{Label: "web", Protocol: "TCP", Ports: ports, Action: "ACCEPT", Addresses: linodego.NetworkAddresses{IPv4: &anywhere}}},
		}})
		refused(t, err, http.StatusBadRequest, "Ports are invalid")
	}
}
