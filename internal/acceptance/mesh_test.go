// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// dropping lets a host drop what comes from another to tinc's port, and what it
// sends to the other's.
func (f *fixture) dropping(host, other string) {
	f.Helper()
	found, err := f.lab.Inventory.Host(other)
	f.must(err)
	f.on(host, fmt.Sprintf(`nft -f - <<'END'
table inet forgotten {
  chain incoming { type filter hook input priority 0; ip saddr %[1]s meta l4proto { tcp, udp } th dport 655 drop; ip saddr %[1]s meta l4proto { tcp, udp } th sport 655 drop; }
  chain outgoing { type filter hook output priority 0; ip daddr %[1]s meta l4proto { tcp, udp } th dport 655 drop; ip daddr %[1]s meta l4proto { tcp, udp } th sport 655 drop; }
}
END`, found.Address))
	f.afterwards(host, "nft delete table inet forgotten 2>/dev/null || :")
}

// The forgotten firewall rule that stays unseen until another node goes: tinc
// relays, so all pings over the mesh are answered. The plan names the pair, and an
// apply, which cannot open a port, warns and does not fail.
func TestForgottenFirewallRuleIsSeen(t *testing.T) {
	f := stand(t)
	f.inSync()
	f.dropping("hk1", "sg1")
	const want = "hk1 ↔ sg1: neither can dial the other, so only a link that still stands or other peers carry what they say, until those go: open TCP and UDP port 655 of both"
	f.eventually("seen", time.Minute, func() bool {
		return f.plan().Drift["atoll_mesh.site"] != nil
	})
	plan := f.plan()
	if lines := plan.Drift["atoll_mesh.site"]; !slices.Equal(lines, []string{want}) {
		t.Errorf("the drift is %q", lines)
	}
	f.must(f.terraform.ApplyPlan(f.Context()))
	f.on("hk1", "nft delete table inet forgotten")
	f.inSync()

	// One way is enough for tinc.
	found, err := f.lab.Inventory.Host("sg1")
	f.must(err)
	f.on("hk1", fmt.Sprintf(`nft -f - <<'END'
table inet forgotten {
  chain outgoing { type filter hook output priority 0; ip daddr %s tcp dport 655 ct state new drop; }
}
END`, found.Address))
	plan = f.plan()
	if !plan.Empty() || !strings.Contains(flat(plan.Text), "hk1 cannot dial sg1, which can dial it: TCP port 655 of "+found.Address) {
		t.Errorf("one way: %s\n%s", plan, plan.Text)
	}
	f.on("hk1", "nft delete table inet forgotten")
	f.inSync()
}
