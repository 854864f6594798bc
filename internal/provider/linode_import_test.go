// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"strings"
	"testing"

	"github.com/linode/linodego"
)

// handmade makes a firewall as people do in Cloud Manager.
func (a account) handmade(t *testing.T) {
	t.Helper()
	anywhere := linodego.NetworkAddresses{IPv4: &[]string{"0.0.0.0/0"}, IPv6: &[]string{"::/0"}}
	accept := func(name, ports string) linodego.FirewallRule {
		return linodego.FirewallRule{Action: "ACCEPT", Label: name, Protocol: linodego.TCP, Ports: ports, Addresses: anywhere}
	}
	rules := linodego.FirewallRuleSet{
		Inbound: []linodego.FirewallRule{accept("ssh", "22"), accept("web", "80,443"), accept("mail", "25")}, InboundPolicy: "DROP", OutboundPolicy: "DROP", Outbound: []linodego.FirewallRule{},
	}
	if _, err := a.api.CreateFirewall(t.Context(), linodego.FirewallCreateOptions{Label: "prodfw", Rules: rules}); err != nil {
		t.Fatal(err)
	}
}

// A firewall that was made by hand is imported and planned in one run, as an import
// block does: the plan shows what the apply takes away, and says what differs.
func TestAdoptingAFirewallShowsWhatGoes(t *testing.T) {
	t.Parallel()
	account := hoster(t)
	account.handmade(t)
	tf := start(t, machines(t), account.block)
	found, problems := tf.find("atoll_linode_firewall", "prodfw")
	if problems != "" {
		t.Fatal(problems)
	}
	if want := "[outbound: policy DROP with 0 rules, want ACCEPT without rule mail: not declared rule ssh: not declared rule web: not declared]"; found.lines() != want {
		t.Errorf("an import finds %s, want %s", found.lines(), want)
	}
	const warned = "Adopting Linode Firewall prodfw Changes It"
	everybody := []any{"0.0.0.0/0", "::/0"}
	ssh := object{"from": everybody}
	open := object{"web": object{"protocol": "tcp", "ports": []any{"80", "443"}}, "mail": object{"protocol": "tcp", "ports": []any{"25"}}}
	for name, row := range map[string]struct {
		config       object
		says, silent []string
	}{
		"ssh alone":      {object{"label": "prodfw", "ssh": ssh}, []string{warned, "- rule web: not declared", "- rule mail: not declared", "- outbound: policy DROP", "- rule ping: missing"}, []string{"rule ssh"}},
		"ssh of another": {object{"label": "prodfw", "ssh": object{"from": []any{"192.0.2.0/24"}}}, []string{"- rule ssh: from 0.0.0.0/0, ::/0, want 192.0.2.0/24"}, nil},
		"all of it":      {object{"label": "prodfw", "ssh": ssh, "open": open}, []string{warned, "- outbound: policy DROP"}, []string{"rule web", "rule mail"}},
	} {
		planned, problems := tf.plan("atoll_linode_firewall", found, write(tf.kind("atoll_linode_firewall"), row.config))
		if problems != "" || planned.lines() != "[]" {
			t.Fatalf("%s: %s: drift %s", name, problems, planned.lines())
		}
		for _, text := range row.says {
			if !strings.Contains(planned.warnings, text) {
				t.Errorf("%s: %q, want %q", name, planned.warnings, text)
			}
		}
		for _, text := range row.silent {
			if strings.Contains(planned.warnings, text) {
				t.Errorf("%s: %q says %q", name, planned.warnings, text)
			}
		}
	}
	config := object{"label": "prodfw", "ssh": ssh, "open": open}
	taken := tf.refreshed("atoll_linode_firewall", tf.made("atoll_linode_firewall", found, config))
	if planned, problems := tf.plan("atoll_linode_firewall", taken, write(tf.kind("atoll_linode_firewall"), config)); problems != "" || planned.warnings != "" || !planned.value.Equal(taken.value) {
		t.Errorf("the plan after it: %s %q", problems, planned.warnings)
	}
}
