// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package firewall

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
)

func network(t *testing.T, text string) netip.Prefix {
	t.Helper()
	parsed, err := ParseNetwork(text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestIntentBecomesRules(t *testing.T) {
	intent := Intent{
		SSHFrom: []netip.Prefix{network(t, "192.0.2.0/24")}, MeshPeers: []netip.Addr{netip.MustParseAddr("203.0.113.12"), netip.MustParseAddr("203.0.113.11")},
		Ping: true, Open: []Rule{{"web", TCP, []Ports{{443, 443}, {80, 80}}, Anywhere}},
	}
	peers := []netip.Prefix{network(t, "203.0.113.11"), network(t, "203.0.113.12")}
	want := []Rule{
		{"mesh-tcp", TCP, []Ports{{655, 655}}, peers}, {"mesh-udp", UDP, []Ports{{655, 655}}, peers}, {"ping", ICMP, nil, Anywhere},
		{"ssh", TCP, []Ports{{22, 22}}, []netip.Prefix{network(t, "192.0.2.0/24")}}, {"web", TCP, []Ports{{80, 80}, {443, 443}}, Anywhere},
	}
	got := intent.Rules()
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Prefix{}), cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
	if err := Check(got); err != nil {
		t.Error(err)
	}
	if rules := (Intent{}).Rules(); len(rules) != 0 {
		t.Errorf("nothing asked for, and yet %v", rules)
	}
}

func TestDriftNamesEveryRule(t *testing.T) {
	from := []netip.Prefix{network(t, "192.0.2.0/24")}
	declared := []Rule{{"ssh", TCP, []Ports{{22, 22}}, from}, {"mesh", UDP, []Ports{{655, 655}}, from}, {"web", TCP, []Ports{{80, 80}, {443, 443}}, Anywhere}}
	present := []Rule{{"ssh", TCP, []Ports{{22, 22}}, Anywhere}, {"web", TCP, []Ports{{443, 443}, {80, 80}}, Anywhere}, {"debug", TCP, []Ports{{6000, 6010}}, Anywhere}}
	want := []string{"rule mesh: missing", "rule ssh: from 0.0.0.0/0, ::/0, want 192.0.2.0/24", "rule debug: not declared"}
	if diff := cmp.Diff(want, converge.Texts(Drift(declared, present))); diff != "" {
		t.Error(diff)
	}
	if lines := Drift(declared, declared); len(lines) != 0 {
		t.Errorf("no difference, and yet %q", lines)
	}
}

func TestNonsenseIsNamed(t *testing.T) {
	for text, want := range map[string]string{"0": "range", "70000": "65535", "22-21": "range", "ssh": "65535"} {
		if _, err := ParsePorts(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	for text, want := range map[string]string{"192.0.2.1/24": "192.0.2.0/24", "home": "neither", "300.0.0.1": "neither"} {
		if _, err := ParseNetwork(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	err := Check([]Rule{{"a", TCP, nil, Anywhere}, {"a", ICMP, []Ports{{1, 1}}, nil}})
	for _, want := range []string{"a is there twice", "lets nobody in", "need ports"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
}
