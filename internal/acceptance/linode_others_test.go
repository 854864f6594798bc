// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/linode/linodego"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// What the hoster or a person does to a machine is never a reason to replace it.
// The harness fails for any plan that would.
func TestLinodeIsNotReplacedForWhatOthersDid(t *testing.T) {
	a := declare(t, oneWith())
	ctx := t.Context()
	a.apply()
	made := a.state(address)
	id := a.instances(ctx)[0].ID
	for _, public := range []bool{false, true} {
		_, err := a.api.AddInstanceIPAddress(ctx, id, public)
		a.must(err)
		a.inSync()
	}
	a.write(oneWith("MORE", "private_ip = false"))
	a.inSync()
	if same := a.state(address); same != made {
		t.Errorf("with more addresses the state has %+v, was %+v", same, made)
	}
	// Moved to another region: it stays there, and the plan says so.
	a.must(a.api.MigrateInstance(ctx, id, linodego.InstanceMigrateOptions{Region: "jp-osa"}))
	a.eventually("moved", time.Minute, func() bool {
		instance := a.instances(ctx)[0]
		return instance.Region == "jp-osa" && instance.Status == linodego.InstanceRunning
	})
	a.must(a.pool.Host(remote.Target{Host: made.IPv4, HostKey: made.HostKey}).Await(ctx, 2*time.Minute))
	plan := a.plan()
	a.says(flat(plan.Text), "Changed Outside of This Configuration", "jp-osa", "-replace")
	if plan.Changes[address] != "" {
		t.Errorf("a machine that was moved is planned to %s", plan)
	}
	a.write(oneWith("ap-south", "jp-osa"))
	a.inSync()
	// What the user changes himself does replace it.
	a.write(oneWith("ap-south", "us-sea"))
	a.replaced = map[string]bool{address: true}
	if plan := a.plan(); plan.Changes[address] != "delete/create" {
		t.Errorf("another region is planned as %q", plan.Changes[address])
	}
}

// Two workspaces that use one label do not meet: one gets the machine, and keeps
// it; the other is refused and has nothing.
func TestLinodeOrdersWithOneLabelDoNotMeet(t *testing.T) {
	a := declare(t, oneWith())
	b := a.another(oneWith())
	var errs [2]error
	var both sync.WaitGroup
	for i, one := range []*account{a, b} {
		both.Go(func() { errs[i] = one.terraform.Apply(t.Context()) })
	}
	both.Wait()
	winner, loser, refusal := a, b, errs[1]
	if errs[0] != nil {
		winner, loser, refusal = b, a, errs[0]
	}
	if errs[0] == nil && errs[1] == nil || errs[0] != nil && errs[1] != nil {
		t.Fatalf("both ended alike: %v", errs)
	}
	a.says(a.refusal(refusal), "label is taken")
	if ids := loser.stateIDs(); len(ids) != 0 {
		t.Errorf("the one that was refused has %v in its state", ids)
	}
	a.says(a.refusal(loser.terraform.Apply(t.Context())), "label is taken")
	winner.inSync()
	if all := a.instances(t.Context()); len(all) != 1 || fmt.Sprint(all[0].ID) != winner.state(address).ID {
		t.Errorf("the account has %+v", all)
	}
}

// An account's settings, the spelling of its tags, and a machine that reboots or
// moves during an apply are no inconsistency.
func TestLinodeAppliesAreConsistent(t *testing.T) {
	a := declare(t, oneWith(`["site"]`, `["Site"]`))
	ctx := t.Context()
	on := true
	_, err := a.api.CreateTag(ctx, linodego.TagCreateOptions{Label: "SITE"})
	a.must(err)
	_, err = a.api.UpdateAccountSettings(ctx, linodego.AccountSettingsUpdateOptions{BackupsEnabled: &on})
	a.must(err)
	a.write(oneWith(`["site"]`, `["Site"]`, "MORE", "backups = false"))
	_, err = a.terraform.Plan(ctx)
	a.says(a.refusal(err), "backups = false", "whole account")
	a.write(oneWith(`["site"]`, `["Site"]`))
	a.apply()
	a.inSync()
	made := a.instances(ctx)[0]
	if !made.Backups.Enabled || len(made.Tags) != 1 {
		t.Errorf("made as %+v", made)
	}
	// A change of the case alone is none.
	a.write(oneWith(`["site"]`, `["sITE"]`))
	a.apply()
	a.inSync()
	for label, begin := range map[string]func() error{
		"vps2": func() error { return a.api.RebootInstance(ctx, made.ID, 0) },
		"vps3": func() error { return a.api.MigrateInstance(ctx, made.ID, linodego.InstanceMigrateOptions{}) },
	} {
		a.write(oneWith(`["site"]`, `["sITE"]`, "LABEL", label))
		a.plan()
		a.must(begin())
		a.begun(ctx, made.ID)
		a.must(a.terraform.ApplyPlan(ctx))
		a.inSync()
		if same := a.instances(ctx)[0]; same.ID != made.ID || same.Label != label {
			t.Errorf("%+v, was %+v", same, made)
		}
	}
}

// begun waits until what was ordered last for a machine goes on: until then its
// status is the former one, and no apply can know of it.
func (a *account) begun(ctx context.Context, id int) {
	a.Helper()
	for {
		events, err := a.api.ListEvents(ctx, linodego.NewListOptions(1, fmt.Sprintf(`{"entity.type":"linode","entity.id":%d,"+order_by":"id","+order":"desc"}`, id)))
		a.must(err)
		if len(events) == 0 {
			a.Fatalf("no event tells of machine %d", id)
		}
		if events[0].Status != linodego.EventScheduled {
			return
		}
		a.must(remote.Pause(ctx, 20*time.Millisecond))
	}
}

// On an account that has Linode interfaces only, firewalls hang on those; a
// declared generation that the account forbids is refused.
func TestLinodeInterfacesAreBehindFirewalls(t *testing.T) {
	a := declare(t, "")
	ctx := t.Context()
	setting := func(value linodego.InterfacesForNewLinodes) {
		t.Helper()
		_, err := a.api.UpdateAccountSettings(ctx, linodego.AccountSettingsUpdateOptions{InterfacesForNewLinodes: &value})
		a.must(err)
	}
	first, second, home := a.wall("first"), a.wall("second"), a.home("jp-osa")
	with := func(wall int, more string) string {
		return oneWith("ap-south", "jp-osa", "MORE", fmt.Sprintf("firewall_id = %d\n  vpc_subnet_id = %d\n  %s", wall, home.Subnets[0].ID, more))
	}
	setting(linodego.LinodeOnly)
	a.write(with(first.ID, `interface_generation = "legacy_config"`))
	_, err := a.terraform.Plan(ctx)
	a.says(a.refusal(err), "interface_generation", "linode_only")
	a.write(with(first.ID, ""))
	a.apply()
	a.inSync()
	made := a.instances(ctx)[0]
	stand := func(wall *linodego.Firewall, want int) {
		t.Helper()
		devices, err := a.api.ListFirewallDevices(ctx, wall.ID, nil)
		a.must(err)
		if len(devices) != want || want > 0 && devices[0].Entity.Type != linodego.FirewallDeviceLinodeInterface {
			t.Errorf("firewall %s stands before %+v, want %d interfaces", wall.Label, devices, want)
		}
	}
	if made.InterfaceGeneration != linodego.GenerationLinode {
		t.Errorf("made with %s", made.InterfaceGeneration)
	}
	stand(first, 2)
	a.write(with(second.ID, ""))
	a.requests()
	a.apply()
	a.inSync()
	stand(first, 0)
	stand(second, 2)
	if asked := a.requests(); asked[fmt.Sprintf("POST /linode/instances/%d/shutdown", made.ID)] != 1 {
		t.Error("the machine was on in the moment between two firewalls")
	}
	a.write(with(0, ""))
	a.apply()
	a.inSync()
	stand(second, 0)
	// The firewall's own list reaches the interfaces, too.
	a.write(strings.Replace(with(0, ""), "firewall_id = 0", "", 1) + firewalled)
	a.apply()
	a.inSync()
	walls, err := a.api.ListFirewalls(ctx, &linodego.ListOptions{Filter: `{"label":"site"}`})
	a.must(err)
	stand(&walls[0], 2)
	a.must(a.terraform.Destroy(ctx))
	// Where an account merely prefers them, ours are of the declared kind.
	setting(linodego.LinodeDefaultButLegacyConfigAllowed)
	a.write(with(first.ID, ""))
	a.apply()
	a.inSync()
	if made := a.instances(ctx)[0]; made.InterfaceGeneration != linodego.GenerationLegacyConfig {
		t.Errorf("made with %s", made.InterfaceGeneration)
	}
	setting(linodego.LegacyConfigOnly)
	a.inSync()
}

const movedWalls = `
resource "atoll_linode_firewall" "a" {
  label   = "wall-a"
  ssh     = { from = ["192.0.2.10/32"] }
  linodes = LEFT
}
resource "atoll_linode_firewall" "b" {
  label   = "wall-b"
  ssh     = { from = ["192.0.2.10/32"] }
  linodes = RIGHT
}
`

// A machine that changes its firewall is not open for a moment: not from the
// account's default to a declared one, not from one number to another, and not
// between two declarations.
func TestFirewallsTakeEachOthersPlace(t *testing.T) {
	a := declare(t, "")
	ctx := t.Context()
	everybody, first, second := a.wall("everybody"), a.wall("first"), a.wall("second")
	number := &everybody.ID
	_, err := a.api.UpdateFirewallSettings(ctx, linodego.FirewallSettingsUpdateOptions{DefaultFirewallIDs: &linodego.DefaultFirewallIDsOptions{Linode: &number}})
	a.must(err)
	a.write(oneWith())
	a.apply()
	a.inSync()
	made := a.state(address)
	a.listens(made, otherPort)
	stop := a.watches(made)
	behind := func(label string) {
		t.Helper()
		walls, err := a.api.ListInstanceFirewalls(ctx, a.instances(ctx)[0].ID, nil)
		a.must(err)
		if len(walls) != 1 || walls[0].Label != label {
			t.Errorf("behind %+v, want %s", walls, label)
		}
	}
	behind("everybody")
	for _, wall := range []*linodego.Firewall{first, second} {
		a.write(oneWith("MORE", fmt.Sprintf("firewall_id = %d", wall.ID)))
		a.apply()
		a.inSync()
		behind(wall.Label)
	}
	const listed = "[atoll_linode.vps.id]"
	for _, sides := range [][2]string{{listed, "null"}, {"null", listed}, {listed, "null"}} {
		a.write(oneWith() + strings.NewReplacer("LEFT", sides[0], "RIGHT", sides[1]).Replace(movedWalls))
		a.apply()
		a.inSync()
		behind(map[bool]string{true: "wall-a", false: "wall-b"}[sides[0] == listed])
	}
	if seen := stop(); seen != "" {
		t.Errorf("a stranger came in: %s", seen)
	}
	for request := range a.requests() {
		if strings.HasPrefix(request, "DELETE /networking/firewalls/") && strings.Contains(request, "/devices/") {
			t.Errorf("%s: between two firewalls there was none", request)
		}
	}
	a.write(oneWith("MORE", "firewall_id = 0"))
	a.apply()
	a.inSync()
	a.hears("behind none", made, "open refused open", "open refused open")
}

// watches knocks at a port that no firewall opens, from a stranger's host, until
// it is stopped; it gives what was heard.
func (a *account) watches(made vps) (stop func() string) {
	a.Helper()
	a.on("hk2", fmt.Sprintf(`rm -f /run/heard /run/knocking-ends
cat >/run/knock <<'EOF'
while [ ! -e /run/knocking-ends ]; do
  timeout 0.3 bash -c ': </dev/tcp/%s/%d' 2>/dev/null && date +%%T.%%N >>/run/heard
done
EOF
systemd-run --quiet --collect --unit=knock bash /run/knock`, made.IPv4, otherPort))
	return func() string {
		a.Helper()
		return a.on("hk2", "touch /run/knocking-ends; sleep 1; cat /run/heard 2>/dev/null || :")
	}
}
