// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"slices"
	"strings"
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
	// Without ssh nobody can look at the machine, and still an apply mends it. What
	// has to reach the machine in the same run fails, and says so.
	open.Inbound = []linodego.FirewallRule{{
		Action: "ACCEPT", Label: "debug", Protocol: "TCP", Ports: "6000", Addresses: linodego.NetworkAddresses{IPv4: &[]string{"0.0.0.0/0"}},
	}}
	_, err = a.api.UpdateFirewallRules(ctx, walls[0].ID, open)
	a.must(err)
	plan := a.plan()
	if len(plan.Drift[address]) != 1 {
		t.Errorf("the machine behind the firewall: %s", plan)
	}
	lines := plan.Drift["atoll_linode_firewall.site"]
	for _, want := range []string{"rule debug: not declared", "rule ssh: missing", "rule web: missing"} {
		if !slices.Contains(lines, want) {
			t.Errorf("drift %q lacks %q", lines, want)
		}
	}
	a.says(a.refusal(a.terraform.Apply(ctx)), "Unable to Update Host", "host is unreachable")
	if lines := a.plan().Drift["atoll_linode_firewall.site"]; len(lines) > 0 {
		t.Errorf("after an apply the firewall is still %q", lines)
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

// adopted is a firewall that was made by hand, taken over by the plan that declares it.
const adopted = `
import {
  to = atoll_linode_firewall.production
  id = "prodfw"
}

resource "atoll_linode_firewall" "production" {
  label = "prodfw"
  ssh   = { from = ["192.0.2.0/24"] }
MORE}
`

// The plan with an import block shows what its apply would take away, and one that
// declares all of it takes nothing.
func TestFirewallOfAnImportBlockShowsWhatGoes(t *testing.T) {
	a := declare(t, strings.Replace(adopted, "MORE", "", 1))
	ctx := t.Context()
	made := a.wall("prodfw")
	rules := made.Rules
	rules.Inbound = append(rules.Inbound, linodego.FirewallRule{
		Action: "ACCEPT", Label: "web", Protocol: "TCP", Ports: "443", Addresses: linodego.NetworkAddresses{IPv4: &[]string{"0.0.0.0/0"}, IPv6: &[]string{"::/0"}},
	})
	_, err := a.api.UpdateFirewallRules(ctx, made.ID, rules)
	a.must(err)
	a.says(flat(a.plan().Text), `- "rule web: not declared"`, "Adopting Linode Firewall prodfw Changes It", "deletes each rule that is not declared")
	a.write(strings.Replace(adopted, "MORE", "  open  = { web = { protocol = \"tcp\", ports = [\"443\"] } }\n", 1))
	if text := flat(a.plan().Text); strings.Contains(text, "- rule web") || !strings.Contains(text, "- rule ping: missing") {
		t.Errorf("with all of it declared: %s", text)
	}
	a.apply()
	a.inSync()
	after, err := a.api.GetFirewallRules(ctx, made.ID)
	a.must(err)
	if len(after.Inbound) != 3 {
		t.Errorf("it has the rules %+v", after.Inbound)
	}
	a.must(a.terraform.Destroy(ctx))
}

// guardedBy is one machine behind a firewall; RULES are further ones.
const guardedBy = `
resource "atoll_linode_firewall" "site" {
  label   = "site"
  ssh     = { from = ["192.0.2.10/32"RULES] }
  mesh    = { peers = { hk1 = "203.0.113.11" } }
  ping    = false
  linodes = [atoll_linode.vps.id]
}
`

// listens opens a port on a machine for as long as it lives.
func (a *account) listens(made vps, port int) {
	a.Helper()
	a.in(made, fmt.Sprintf(`systemd-run --quiet --unit=listen-%[1]d systemd-socket-activate --accept --listen=%[1]d cat
for i in $(seq 100); do ss -Hltn 'sport = :%[1]d' | grep -q . && exit; sleep 0.1; done; exit 1`, port))
}

const (
	meshPort  = 655
	otherPort = 8080
)

// knock says what a host hears from SSH's port, the mesh's and another one:
// open, refused, or silent, as it is when a firewall drops what comes.
const knock = `for port in 22 %d %d; do
  { timeout 4 bash -c ": </dev/tcp/%s/$port" 2>/dev/null && echo $port open || { [ $? = 124 ] && echo $port silent || echo $port refused; }; } &
done | sort -n | cut -d' ' -f2 | xargs`

// hears checks what hk1, which is in the mesh, and hk2, which is not, hear.
func (a *account) hears(when string, made vps, hk1, hk2 string) {
	a.Helper()
	for host, want := range map[string]string{"hk1": hk1, "hk2": hk2} {
		if got := a.on(host, fmt.Sprintf(knock, meshPort, otherPort, made.IPv4)); got != want {
			a.Errorf("%s: %s finds %s, want %s", when, host, got, want)
		}
	}
}

// What the rules do not let in does not come in; answers and the operator do.
func TestFirewallKeepsStrangersOut(t *testing.T) {
	a := declare(t, oneWith())
	a.apply()
	made := a.state(address)
	a.listens(made, meshPort)
	a.listens(made, otherPort)
	a.hears("without a firewall", made, "open open open", "open open open")

	a.write(oneWith() + strings.ReplaceAll(guardedBy, "RULES", ""))
	a.apply()
	a.inSync() // the operator still comes in
	a.hears("only the operator and the mesh", made, "silent open silent", "silent silent silent")
	if _, err := a.try("hk2", "ping -c 1 -W 2 "+made.IPv4); err == nil {
		t.Error("a ping comes in that no rule lets in")
	}
	if got := a.in(made, "ping -q -c 3 -W 5 203.0.113.12 >/dev/null && timeout 10 bash -c ': </dev/tcp/203.0.113.12/22' && echo answered"); got != "answered" {
		t.Errorf("what goes out is %q", got)
	}

	a.write(oneWith() + strings.ReplaceAll(guardedBy, "RULES", `, "203.0.113.12"`))
	a.apply()
	a.inSync()
	a.hears("with a rule for hk2", made, "silent open silent", "open silent silent")

	walls, err := a.api.ListFirewalls(t.Context(), nil)
	a.must(err)
	_, err = a.api.UpdateFirewall(t.Context(), walls[0].ID, linodego.FirewallUpdateOptions{Status: linodego.FirewallDisabled})
	a.must(err)
	a.hears("disabled", made, "open open open", "open open open")
	a.apply() // on again
	a.hears("enabled again", made, "silent open silent", "open silent silent")

	a.write(oneWith())
	a.apply()
	a.hears("without a firewall again", made, "open open open", "open open open")
}
