// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/lab"
	"github.com/atollhq/terraform-provider-atoll/internal/site"
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
	// Until tinc has given the link up, what is sent over it is lost.
	f.eventually("seen", 2*time.Minute, func() bool {
		return slices.Equal(f.plan().Drift["atoll_mesh.site"], []string{want})
	})
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
	plan := f.plan()
	if !plan.Empty() || !strings.Contains(flat(plan.Text), "hk1 cannot dial sg1, which can dial it: TCP port 655 of "+found.Address) {
		t.Errorf("one way: %s\n%s", plan, plan.Text)
	}
	f.on("hk1", "nft delete table inet forgotten")
	f.inSync()
}

// Where UDP alone is closed, the mesh works and tinc says nothing: a plan does, and
// takes it back once UDP comes through.
func TestLinkWithoutUDPIsSeen(t *testing.T) {
	f := stand(t)
	f.inSync()
	found, err := f.lab.Inventory.Host("sg1")
	f.must(err)
	f.on("hk1", fmt.Sprintf(`nft -f - <<'END'
table inet forgotten {
  chain incoming { type filter hook input priority 0; ip saddr %s udp dport 655 drop; }
}
END`, found.Address))
	f.afterwards("hk1", "nft delete table inet forgotten 2>/dev/null || :")
	// Until tinc has given UDP up, and until it trusts it again, a ping may be lost.
	stands := func(warned bool) bool {
		plan := f.plan()
		return plan.Empty() && strings.Contains(flat(plan.Text), "hk1 ↔ sg1: UDP port 655 of both") == warned
	}
	f.eventually("told", 3*time.Minute, func() bool { return stands(true) })
	f.on("hk1", "nft delete table inet forgotten")
	f.eventually("taken back", 3*time.Minute, func() bool { return stands(false) })
}

// A mesh of two beside that of the site: its port and its network are its own, and
// what tinc takes from others is seen.
func TestMeshBesideAnother(t *testing.T) {
	f := stand(t)
	body := func(cidr string, port int) string {
		text := "locals {\n  keys = []\n}\n"
		peers := ""
		for i, name := range []string{"app1", "app2"} {
			host, err := f.lab.Inventory.Host(name)
			f.must(err)
			text += fmt.Sprintf("resource \"atoll_mesh_peer\" %[1]q {\n  mesh = \"lagoon\"\n  name = %[1]q\n  address = \"10.88.0.%[2]d\"\n  port = %[3]d\n  ssh = { host = %[4]q, host_key = %[5]q }\n}\n",
				name, i+1, port, host.Address, host.HostKey)
			peers += fmt.Sprintf("    %[1]s = atoll_mesh_peer.%[1]s.peer\n", name)
		}
		return text + fmt.Sprintf("resource \"atoll_mesh\" \"lagoon\" {\n  name = \"lagoon\"\n  cidr = %q\n  peers = {\n%s  }\n}\n", cidr, peers)
	}
	terraform := written(t, f.lab, body("10.88.0.0/24", 1655))
	t.Cleanup(func() { f.must(terraform.Destroy(context.WithoutCancel(f.Context()))) })
	plan := func() site.Plan {
		t.Helper()
		made, err := terraform.Plan(f.Context())
		f.must(err)
		return made
	}
	refused := func(cidr string, port int, want string) {
		t.Helper()
		rewritten(t, terraform, body(cidr, port))
		if _, err := terraform.Plan(f.Context()); err == nil || !strings.Contains(flat(err.Error()), want) {
			t.Errorf("%s, port %d: want %q, got %v", cidr, port, want, err)
		}
	}
	refused("0.0.0.0/0", 1655, "is wider than a /8")
	refused("10.0.0.0/8", 1655, "overlaps 10.77.0.0/24, which this machine has on its interface site")
	refused("10.88.0.0/24", 22, "port = 22 is the one at which sshd answers on this machine")
	rewritten(t, terraform, strings.ReplaceAll(body("10.88.0.0/24", 1655), "\"lagoon\"", "\"wan0\""))
	if _, err := terraform.Plan(f.Context()); err == nil || !strings.Contains(flat(err.Error()), "the machine has an interface wan0, which is no mesh's") {
		t.Errorf("a mesh called like an interface of the machine: %v", err)
	}
	rewritten(t, terraform, body("10.88.0.0/24", 1655))
	f.must(terraform.Apply(f.Context()))

	// Another network, and another port that is not free.
	rewritten(t, terraform, body("10.88.0.0/16", 1655))
	f.must(terraform.Apply(f.Context()))
	if left := f.on("app1", "ip -o -4 route show dev lagoon | awk '{print $1}'"); left != "10.88.0.0/16" {
		t.Errorf("routes into the mesh: %q", left)
	}
	refused("10.88.0.0/16", 655, "port 655 of this machine is held by tincd, pid ")
	rewritten(t, terraform, body("10.88.0.0/16", 1655))
	if made := plan(); !made.Empty() {
		t.Errorf("after the apply: %s", made)
	}

	f.on("app1", "echo 'PingTimeout = 1' >/etc/tinc/lagoon/conf.d/own.conf; echo >/etc/tinc/lagoon/hosts/nobody; ip link set dev lagoon mtu 1280; ip route add 10.99.0.0/24 dev lagoon")
	made := plan()
	for address, lines := range map[string][]string{
		"atoll_mesh_peer.app1": {"interface lagoon: its MTU is 1280, want 1400"},
		"atoll_mesh.lagoon": {
			"app1: route 10.99.0.0/24: leads into the mesh, whose network is 10.88.0.0/16",
			"app1: file /etc/tinc/lagoon/hosts/nobody: is no declared peer's; it holds no key, so it opens nothing",
			"app1: file /etc/tinc/lagoon/conf.d/own.conf: is not declared, and tinc takes settings from it when it starts",
		},
	} {
		for _, line := range lines {
			if !slices.Contains(made.Drift[address], line) {
				t.Errorf("%s lacks %q: %q", address, line, made.Drift[address])
			}
		}
	}
	f.must(terraform.ApplyPlan(f.Context()))
	if made := plan(); !made.Empty() {
		t.Errorf("after the drift was mended: %s", made)
	}

	// One that takes the port while the unit is down is named by the apply.
	f.on("app2", "systemctl stop tinc@lagoon; systemd-run -q --unit=squatter --collect perl -MIO::Socket::INET -e '@s = IO::Socket::INET->new(LocalPort => 1655, Listen => 1, ReuseAddr => 1) or exit 1; sleep 600'")
	f.afterwards("app2", "systemctl stop squatter 2>/dev/null || :")
	f.eventually("listening", time.Minute, func() bool { return f.on("app2", "ss -Hlnt 'sport = :1655'") != "" })
	if err := terraform.Apply(f.Context()); err == nil || !strings.Contains(flat(err.Error()), "port 1655 of this machine is held by perl, pid ") {
		t.Errorf("with another on its port: %v", err)
	}
	f.on("app2", "systemctl stop squatter")
	f.must(terraform.Apply(f.Context()))
	if made := plan(); !made.Empty() {
		t.Errorf("with the port free again: %s", made)
	}
}

// A line that loses one packet in five is no closed port.
func TestLossIsNoClosedPort(t *testing.T) {
	f := stand(t)
	f.must(f.lab.SetLink(f.Context(), "hk1", "sg1", lab.Link{Delay: 50 * time.Millisecond, Loss: 0.2}, false))
	t.Cleanup(func() { f.must(f.lab.Reset(context.WithoutCancel(f.Context()))) })
	for range 3 {
		if plan := f.plan(); strings.Contains(plan.Text, "neither can dial") || strings.Contains(plan.Text, "cannot dial") {
			t.Errorf("the plan takes loss for a closed port: %s", plan.Text)
		}
	}
}
