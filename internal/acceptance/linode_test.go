// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linode/linodego"

	"github.com/atollhq/terraform-provider-atoll/internal/lab/linode"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// account is a fixture with a configuration of its own at the lab's Linode.
type account struct {
	*fixture
	api linodego.Client
}

// pollInterval is DefaultPoll, as much faster as the emulator is.
const pollInterval = "400ms"

// declare opens the account with a configuration. At the test's end everything
// in it goes, however the test ended.
func declare(t *testing.T, config string) *account {
	t.Helper()
	f := open(t)
	a := &account{fixture: f, api: linodego.NewClient(nil)}
	a.api.SetToken(f.lab.Inventory.Linode.Token).SetRetryCount(10).SetRetryWaitTime(50 * time.Millisecond)
	a.api.UseCache(false)
	if _, err := a.api.UseURL(f.lab.Inventory.Linode.URL); err != nil {
		t.Fatal(err)
	}
	f.terraform = written(t, f.lab, "")
	a.write(config)
	a.requests()
	t.Cleanup(func() {
		ctx := context.Background()
		f.must(f.lab.FailLinode(ctx, linode.Faults{}))
		for _, left := range a.instances(ctx) {
			_ = a.api.DeleteInstance(ctx, left.ID)
		}
	})
	return a
}

// write replaces the configuration; KEY is the lab's public key.
func (a *account) write(config string) {
	a.Helper()
	public, err := os.ReadFile(a.lab.Inventory.Key + ".pub")
	a.must(err)
	head := fmt.Sprintf(`terraform {
  required_providers {
    atoll = { source = "atollhq/atoll" }
  }
}
provider "atoll" {
  ssh    = { key_files = { default = %q } }
  linode = { url = %q, token = %q, poll_interval = %q }
}
`, a.lab.Inventory.Key, a.lab.Inventory.Linode.URL, a.lab.Inventory.Linode.Token, pollInterval)
	config = strings.ReplaceAll(config, "KEY", strings.TrimSpace(string(public)))
	a.must(os.WriteFile(filepath.Join(a.terraform.Dir, "main.tf"), []byte(head+config), 0o600))
}

func (a *account) instances(ctx context.Context) []linodego.Instance {
	a.Helper()
	all, err := a.api.ListInstances(ctx, nil)
	a.must(err)
	return all
}

// requests counts what the API was asked since the last call, by method and path.
func (a *account) requests() map[string]int {
	a.Helper()
	all, err := a.lab.LinodeRequests(a.Context())
	a.must(err)
	counts := map[string]int{}
	for _, one := range all {
		counts[one.Method+" "+one.Path]++
		counts["all"]++
	}
	return counts
}

func (a *account) fail(faults ...linode.Next) {
	a.Helper()
	a.must(a.lab.FailLinode(a.Context(), linode.Faults{Next: faults}))
}

// vps is what the state has of an atoll_linode.
type vps struct {
	ID, Label, IPv4 string
	HostKey         string `json:"host_key"`
}

func (a *account) state(address string) vps {
	a.Helper()
	var made vps
	a.must(a.terraform.Attributes(a.Context(), address, &made))
	return made
}

// in runs a script on a machine as the state says how to reach it.
func (a *account) in(made vps, script string) string {
	a.Helper()
	result, err := a.pool.Host(remote.Target{Host: made.IPv4, HostKey: made.HostKey}).Run(a.Context(), remote.Command{Name: "testing", Script: script, Long: true})
	a.must(err)
	return strings.TrimSpace(string(result.Stdout))
}

// refusal is the error of an apply or plan that must fail, on one line.
func (a *account) refusal(err error) string {
	a.Helper()
	if err == nil {
		a.Fatal("it succeeded")
	}
	return flat(strings.ReplaceAll(err.Error(), "│", " "))
}

func (a *account) says(text string, wants ...string) {
	a.Helper()
	for _, want := range wants {
		if !strings.Contains(text, want) {
			a.Errorf("%s\ndoes not say %q", text, want)
		}
	}
}

const oneVPS = `
resource "atoll_linode" "vps" {
  label           = "LABEL"
  region          = "ap-south"
  type            = "TYPE"
  image           = "linode/debian13"
  tags            = ["site"]
  authorized_keys = [KEYS]
  user_data       = "#cloud-config\nwrite_files:\n- {path: /root/hello, content: hi}\n"
  MORE
}
resource "atoll_host" "vps" {
  ssh      = atoll_linode.vps.ssh
  hostname = "vps"
}
`

// oneWith is oneVPS with its words replaced.
func oneWith(pairs ...string) string {
	all := slices.Concat(pairs, []string{"LABEL", "vps1", "TYPE", "g6-nanode-1", "KEYS", `"KEY"`, "MORE", ""})
	return strings.NewReplacer(all...).Replace(oneVPS)
}

const address = "atoll_linode.vps"

func TestLinodeFromNothingToGone(t *testing.T) {
	a := declare(t, oneWith())
	a.apply()
	a.inSync()
	made := a.state(address)
	if got := a.in(made, "cat /root/hello; hostname; ls /etc/ssh/ssh_host_*_key"); got != "hi\nvps\n/etc/ssh/ssh_host_ed25519_key" && !strings.HasPrefix(got, "hivps") {
		t.Errorf("the host says %q", got)
	}
	a.noLiveKey(made)
	// In place: label, tags, keys. The machine stays the same.
	const other = `"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIODemPSmCiN57xuhwV5DI/saEWet9DMN/vL3zZZ41wq+ other"`
	a.write(oneWith("LABEL", "vps2", `tags            = ["site"]`, `tags = ["site", "more"]`, "KEYS", `"KEY", `+other))
	a.apply()
	a.inSync()
	if same := a.state(address); same.ID != made.ID || same.Label != "vps2" {
		t.Errorf("after renaming: %+v", same)
	}
	if keys := a.in(made, "grep -c . /root/.ssh/authorized_keys"); keys != "2" {
		t.Errorf("%s keys may log in, want 2", keys)
	}
	// Keys that would lock us out come back.
	a.write(oneWith("LABEL", "vps2", "KEYS", other))
	a.says(a.refusal(a.terraform.Apply(a.Context())), "nobody can log in", "former ones are back")
	a.write(oneWith("LABEL", "vps2"))
	a.apply()
	a.inSync()
	a.resizeAndRebuild(made)
	a.importAgain()
	a.must(a.terraform.Destroy(a.Context()))
	if left := a.instances(a.Context()); len(left) != 0 {
		t.Errorf("%d instances are left", len(left))
	}
}

// noLiveKey: what the metadata service and the state hold lets nobody pose as
// the machine.
func (a *account) noLiveKey(made vps) {
	a.Helper()
	state, err := a.terraform.State(a.Context())
	a.must(err)
	if strings.Contains(string(state), "PRIVATE KEY") || strings.Contains(string(state), "write_files") {
		a.Error("the state holds a private key, or the user data")
	}
	injected := a.in(made, "grep -h ed25519_public /var/lib/cloud/instance/user-data.txt* | head -n 1")
	_, injected, _ = strings.Cut(injected, "ed25519_public: ")
	if !strings.HasPrefix(injected, "ssh-ed25519 ") {
		a.Fatalf("the user data hold no host key: %q", injected)
	}
	if strings.TrimSpace(injected) == made.HostKey || strings.HasPrefix(made.HostKey, injected) {
		a.Error("the host still has the key that was injected")
	}
}

func (a *account) resizeAndRebuild(made vps) {
	a.Helper()
	a.write(oneWith("LABEL", "vps2", "TYPE", "g6-standard-1", "MORE", "rebuild_generation = 1"))
	a.apply()
	a.inSync()
	if memory := a.in(made, "awk '/^MemTotal/ {print $2}' /proc/meminfo"); memory != "2097152" {
		a.Errorf("after the resize the host has %s KiB", memory)
	}
	a.in(made, "touch /root/on-the-old-disk")
	a.write(oneWith("LABEL", "vps2", "TYPE", "g6-standard-1", "MORE", "rebuild_generation = 2"))
	plan := a.plan()
	if plan.Changes[address] != "update" {
		a.Errorf("a rebuild is planned as %q", plan.Changes[address])
	}
	a.apply()
	a.inSync()
	rebuilt := a.state(address)
	if rebuilt.ID != made.ID || rebuilt.IPv4 != made.IPv4 || rebuilt.HostKey == made.HostKey {
		a.Errorf("rebuilt as %+v, was %+v", rebuilt, made)
	}
	if left := a.in(rebuilt, "ls /root; hostname"); strings.Contains(left, "on-the-old-disk") || !strings.Contains(left, "vps") {
		a.Errorf("after the rebuild: %q", left)
	}
}

// importAgain takes the machine over by label and by number; the plan after it
// is empty but for the number of rebuilds, which no machine tells.
func (a *account) importAgain() {
	a.Helper()
	made := a.state(address)
	a.write(oneWith("LABEL", "vps2", "TYPE", "g6-standard-1"))
	for _, name := range []string{"vps2", made.ID} {
		_ = os.Remove(filepath.Join(a.terraform.Dir, "terraform.tfstate"))
		a.must(a.terraform.Import(a.Context(), address, name+" "+made.HostKey))
		a.must(a.terraform.Import(a.Context(), "atoll_host.vps", made.IPv4+" "+made.HostKey))
		if plan := a.plan(); plan.Changes[address] != "" {
			a.Errorf("after an import by %q the plan is %s\n%s", name, plan, plan.Text)
		}
	}
	a.apply()
}

func TestLinodeDriftShowsAndIsMended(t *testing.T) {
	a := declare(t, oneWith())
	a.apply()
	made := a.state(address)
	id := a.instances(t.Context())[0].ID
	a.must(a.api.ShutdownInstance(t.Context(), id))
	a.eventually("off", time.Minute, func() bool { return a.instances(t.Context())[0].Status == linodego.InstanceOffline })
	_, err := a.api.UpdateInstance(t.Context(), id, linodego.InstanceUpdateOptions{Tags: &[]string{"foreign"}})
	a.must(err)
	plan := a.plan()
	if lines := plan.Drift[address]; len(lines) != 1 || lines[0] != "power: offline, want running" {
		t.Errorf("drift %q", lines)
	}
	a.says(flat(plan.Text), `- "foreign"`, `"offline" -> "running"`)
	a.apply()
	a.inSync()
	// Resized behind our back: the type is back, the machine the same.
	a.must(a.api.ResizeInstance(t.Context(), id, linodego.InstanceResizeOptions{Type: "g6-standard-2"}))
	a.eventually("resized", time.Minute, func() bool { return a.instances(t.Context())[0].Status == linodego.InstanceRunning })
	a.says(flat(a.plan().Text), `"g6-standard-2" -> "g6-nanode-1"`)
	a.apply()
	a.inSync()
	if same := a.state(address); same.ID != made.ID || same.HostKey != made.HostKey {
		t.Errorf("the machine is another one: %+v", same)
	}
	// Deleted behind our back: planned anew.
	a.must(a.api.DeleteInstance(t.Context(), id))
	if plan := a.plan(); plan.Changes[address] != "create" {
		t.Errorf("a deleted machine is planned as %q", plan.Changes[address])
	}
	a.apply()
	a.inSync()
	// An API that is away is an error, and the state stays.
	a.must(a.lab.FailLinode(t.Context(), linode.Faults{Chance: map[linode.Fault]float64{linode.BadGateway: 1}}))
	_, err = a.terraform.Plan(t.Context())
	a.says(a.refusal(err), "Unable to Read Linode vps1", "not available", "state is kept")
	a.must(a.lab.FailLinode(t.Context(), linode.Faults{}))
	a.inSync()
}

func TestLinodeFaultsLeaveOneMachine(t *testing.T) {
	a := declare(t, oneWith())
	alone := func(what string) {
		t.Helper()
		if all := a.instances(t.Context()); len(all) != 1 || len(all[0].Tags) != 1 {
			t.Fatalf("%s: the account has %+v", what, all)
		}
		a.inSync()
		a.must(a.terraform.Destroy(t.Context()))
	}
	a.fail(linode.Next{Fault: linode.Dropped, Request: "POST /linode/instances"}, linode.Next{Fault: linode.Dropped, Request: "PUT /linode/instances"})
	a.apply()
	alone("a lost answer")
	a.fail(linode.Next{Fault: linode.TooMany, Request: "POST"}, linode.Next{Fault: linode.Unavailable, Request: "POST"}, linode.Next{Fault: linode.BadGateway, Request: "POST"})
	a.apply()
	alone("limits and outages")
	// Stuck: our own deadline ends it, and the next apply knows the machine.
	a.write(oneWith("MORE", `timeouts = { create = "6s" }`))
	a.fail(linode.Next{Fault: linode.Stuck})
	a.says(a.refusal(a.terraform.Apply(t.Context())), "Unable to Create Linode vps1", "linode_create is scheduled", "timeouts")
	stuck := a.state(address)
	a.write(oneWith())
	a.apply()
	if a.state(address).ID == stuck.ID {
		t.Error("the stuck machine is still there")
	}
	alone("a stuck machine")
	a.fail(linode.Next{Fault: linode.FailedEvent})
	a.says(a.refusal(a.terraform.Apply(t.Context())), "failed at Linode", "linode_boot")
	a.apply()
	alone("a failed event")
	// Killed in the middle: taken over with a fresh disk, since its host key
	// died with the run.
	a.kill("atoll_linode.vps: Creating", 2*time.Second)
	a.apply()
	alone("a killed run")
	// A label that somebody else has is not taken over.
	_, err := a.api.CreateInstance(t.Context(), linodego.InstanceCreateOptions{Region: "ap-south", Type: "g6-nanode-1", Label: "vps1"})
	a.must(err)
	a.says(a.refusal(a.terraform.Apply(t.Context())), "label is taken", "import it with the id")
}

func TestLinodeBadInput(t *testing.T) {
	a := declare(t, "")
	for name, test := range map[string]struct {
		config string
		wants  []string
	}{
		"label":         {oneWith("LABEL", "no--label"), []string{"label", "no--label", "in a row"}},
		"region":        {oneWith("ap-south", "hongkong"), []string{"region", "hongkong", "ap-south"}},
		"type":          {oneWith("TYPE", "g6-huge"), []string{"type", "g6-huge", "g6-nanode-1"}},
		"image":         {oneWith("debian13", "debian4"), []string{"image", "linode/debian4", "linode/debian12"}},
		"no metadata":   {oneWith("ap-south", "ap-west"), []string{"region", "Metadata", "trust_on_first_use", "host_key"}},
		"no cloudinit":  {oneWith("debian13", "slackware15.0"), []string{"image", "no cloud-init", "trust_on_first_use", "host_key"}},
		"key":           {oneWith("KEYS", `"nonsense"`), []string{"authorized_keys", "public key"}},
		"user data":     {oneWith("#cloud-config", "hello"), []string{"user_data", "must begin with"}},
		"two trusts":    {oneWith("MORE", "host_key = \"ssh-ed25519 AAAA\"\n  trust_on_first_use = true"), []string{"trust_on_first_use", "host_key"}},
		"our own tag":   {oneWith(`["site"]`, `["atoll:x1"]`), []string{"tags", "atoll:"}},
		"firewall":      {"resource \"atoll_linode_firewall\" \"f\" {\n  label = \"fff\"\n  ssh = { from = [\"192.0.2.1/24\"] }\n}\n", []string{"ssh.from", "192.0.2.1/24", "192.0.2.0/24"}},
		"firewall port": {"resource \"atoll_linode_firewall\" \"f\" {\n  label = \"fff\"\n  open = { web = { protocol = \"tcp\", ports = [\"http\"] } }\n}\n", []string{"ports", "http", "65535"}},
	} {
		t.Run(name, func(t *testing.T) {
			a.T = t
			a.write(test.config)
			_, err := a.terraform.Plan(t.Context())
			a.says(a.refusal(err), test.wants...)
		})
	}
}

// Without cloud-init: the key of the first contact is believed because the user
// said so, and kept.
func TestLinodeTrustedOnFirstUse(t *testing.T) {
	config := strings.Replace(oneWith("debian13", "slackware15.0", "MORE", "trust_on_first_use = true"), "  user_data ", "  # user_data ", 1)
	a := declare(t, config)
	a.apply()
	a.inSync()
	made := a.state(address)
	if shown := a.in(made, "cut -d' ' -f1,2 /etc/ssh/ssh_host_ed25519_key.pub /etc/ssh/ssh_host_*_key.pub"); !strings.Contains(shown, made.HostKey) {
		t.Errorf("the state holds %q, the host has %q", made.HostKey, shown)
	}
}

const twelve = `
resource "atoll_linode" "vps" {
  count           = COUNT
  label           = "vps-${count.index}"
  region          = "ap-south"
  type            = "g6-nanode-1"
  image           = "linode/debian13"
  authorized_keys = ["KEY"]
  timeouts        = { create = "CREATE" }
}
`

// The official provider's own test counts 186 requests to create 12 instances.
func TestTwelveLinodesCostFewRequests(t *testing.T) {
	a := declare(t, strings.NewReplacer("COUNT", "12", "CREATE", "5m").Replace(twelve))
	a.apply()
	create := a.requests()
	a.inSync()
	refresh := a.requests()
	a.must(a.terraform.Destroy(t.Context()))
	remove := a.requests()
	t.Logf("requests for 12 instances: create %d, refresh %d, delete (with its refresh) %d", create["all"], refresh["all"], remove["all"])
	if sum := create["all"] + refresh["all"] + remove["all"]; sum > 186/2 {
		t.Errorf("%d requests, want at most %d\ncreate %v\nrefresh %v\ndelete %v", sum, 186/2, create, refresh, remove)
	}
	if refresh["all"] > 12 {
		t.Errorf("%d requests to refresh 12 instances: %v", refresh["all"], refresh)
	}
}

// Every fault at random, and runs that are killed: after each round the account
// and the state agree, and at the end there is nothing.
func TestHundredLinodesAmongFaults(t *testing.T) {
	const rounds, each = 10, 10
	a := declare(t, strings.NewReplacer("COUNT", fmt.Sprint(each), "CREATE", "25s").Replace(twelve))
	for round := range rounds {
		a.must(a.lab.FailLinode(t.Context(), linode.Faults{Seed: uint64(round + 1), Chance: map[linode.Fault]float64{
			linode.Dropped: 0.15, linode.Unavailable: 0.05, linode.BadGateway: 0.05, linode.TooMany: 0.05,
			linode.Busy: 0.3, linode.FailedEvent: 0.05, linode.Stuck: 0.02,
		}}))
		if round%3 == 1 {
			a.kill("Creating", time.Duration(round)*400*time.Millisecond)
		}
		applies := a.until("applied", func() error { return a.terraform.Apply(t.Context()) })
		if ids := a.stateIDs(); !slices.Equal(ids, a.accountIDs()) || len(ids) != each {
			t.Fatalf("round %d: the state has %v, the account %v", round, ids, a.accountIDs())
		}
		destroys := a.until("destroyed", func() error { return a.terraform.Destroy(t.Context()) })
		if left := a.accountIDs(); len(left) != 0 {
			t.Fatalf("round %d: the account still has %v", round, left)
		}
		t.Logf("round %d: %d applies, %d destroys", round, applies, destroys)
	}
	a.must(a.lab.FailLinode(t.Context(), linode.Faults{}))
	a.eventually("without hosts", time.Minute, func() bool {
		left, err := filepath.Glob("/run/netns/atoll-" + a.lab.Inventory.Lab + "-vps-*")
		return err == nil && len(left) == 0
	})
}

// until repeats what faults may end, a few times.
func (a *account) until(what string, do func() error) int {
	a.Helper()
	var err error
	for attempt := 1; attempt <= 10; attempt++ {
		if err = do(); err == nil {
			return attempt
		}
	}
	a.Fatalf("not %s after 10 runs: %v", what, err)
	return 0
}

func (a *account) accountIDs() []string {
	a.Helper()
	ids := []string{}
	for _, instance := range a.instances(a.Context()) {
		ids = append(ids, fmt.Sprint(instance.ID))
	}
	slices.Sort(ids)
	return ids
}

func (a *account) stateIDs() []string {
	a.Helper()
	text, err := a.terraform.State(a.Context())
	a.must(err)
	var state struct {
		Values struct {
			RootModule struct {
				Resources []struct{ Values vps } `json:"resources"`
			} `json:"root_module"`
		}
	}
	a.must(json.Unmarshal(text, &state))
	ids := []string{}
	for _, resource := range state.Values.RootModule.Resources {
		ids = append(ids, resource.Values.ID)
	}
	slices.Sort(ids)
	return ids
}

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
