// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linode/linodego"

	"github.com/atollhq/terraform-provider-atoll/internal/lab"
	"github.com/atollhq/terraform-provider-atoll/internal/lab/linode"
)

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
	a.createTraced()
	a.inSync()
	made := a.state(address)
	a.listed(made)
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
	// Keys that would lock us out are refused before anything is touched.
	a.write(oneWith("LABEL", "vps2", "KEYS", other))
	a.says(a.refusal(a.terraform.Apply(a.Context())), "authorized_keys", "does not hold the provider's own key", "the machine would be locked")
	if keys := a.in(made, "grep -c . /root/.ssh/authorized_keys"); keys != "2" {
		t.Errorf("%s keys may log in after the refusal, want 2", keys)
	}
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

// listed: the lab shows the machine with the key that the state has of it.
func (a *account) listed(made vps) {
	a.Helper()
	hosts, err := a.lab.Hosts(a.Context())
	a.must(err)
	at := slices.IndexFunc(hosts, func(host lab.Present) bool { return host.Address == made.IPv4 })
	if at < 0 || !hosts[at].On || !strings.HasPrefix(hosts[at].HostKey, made.HostKey) {
		a.Errorf("the lab shows %+v, the state has %+v", hosts, made)
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

// The first number with another image is a rebuild: the machine keeps number and address.
func TestLinodeFirstNumberWithAnotherImage(t *testing.T) {
	a := declare(t, oneWith("debian13", "debian12"))
	a.apply()
	made := a.state(address)
	a.in(made, "touch /root/on-the-old-disk")
	a.write(oneWith("MORE", "rebuild_generation = 1"))
	plan := a.plan()
	if plan.Changes[address] != "update" {
		t.Errorf("it is planned as %q", plan.Changes[address])
	}
	a.says(flat(plan.Text), "Rebuilding Linode vps1 Discards Data")
	a.apply()
	a.inSync()
	rebuilt := a.state(address)
	if rebuilt.ID != made.ID || rebuilt.IPv4 != made.IPv4 || rebuilt.HostKey == made.HostKey {
		t.Errorf("rebuilt as %+v, was %+v", rebuilt, made)
	}
	if left := a.in(rebuilt, "ls /root"); strings.Contains(left, "on-the-old-disk") {
		t.Errorf("after the rebuild: %q", left)
	}
	a.must(a.terraform.Destroy(t.Context()))
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
	a.isWatched(made)
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
	// An API that is away is drift, as a machine is that does not answer, and the state stays.
	a.must(a.lab.FailLinode(t.Context(), linode.Faults{Chance: map[linode.Fault]float64{linode.BadGateway: 1}}))
	plan = a.plan()
	if lines := plan.Drift[address]; len(lines) != 1 || !strings.HasPrefix(lines[0], "unreachable: ") {
		t.Errorf("drift %q", lines)
	}
	a.says(flat(plan.Text), "Linode Account Was Not Asked", "its last known state is kept")
	a.must(a.lab.FailLinode(t.Context(), linode.Faults{}))
	a.inSync()
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
		"no metadata":   {oneWith("ap-south", "lab-plain"), []string{"region", "Metadata", "trust_on_first_use", "host_key"}},
		"no cloudinit":  {oneWith("debian13", "slackware15.0"), []string{"image", "no cloud-init", "trust_on_first_use", "host_key"}},
		"key":           {oneWith("KEYS", `"nonsense"`), []string{"authorized_keys", "is not a public SSH key"}},
		"user data":     {oneWith("#cloud-config", "hello"), []string{"user_data", "must begin with"}},
		"broken data":   {oneWith("content: hi}", "content: [hi}"), []string{"user_data", "is no YAML"}},
		"two labels":    {"resource \"atoll_linode\" \"two\" {\n  count  = 2\n  label  = \"vps1\"\n  region = \"ap-south\"\n  type   = \"g6-nanode-1\"\n  image  = \"linode/debian13\"\n}\n", []string{"label", "vps1", "another atoll_linode of this configuration"}},
		"no machine":    {"resource \"atoll_linode_firewall\" \"f\" {\n  label   = \"fff\"\n  linodes = [\"4711\"]\n  ssh     = { from = [] }\n}\n", []string{"linodes holds 4711", "no such machine"}},
		"two trusts":    {oneWith("MORE", "host_key = \"ssh-ed25519 AAAA\"\n  trust_on_first_use = true"), []string{"trust_on_first_use", "host_key"}},
		"two cases":     {oneWith(`["site"]`, `["site", "Site"]`), []string{"tags", "no case"}},
		"deprecated":    {oneWith("debian13", "debian10"), []string{"image", "deprecated", "linode/debian12"}},
		"group":         {oneWith("MORE", "placement_group_id = 4711"), []string{"placement_group_id", "no such placement group"}},
		"wall":          {oneWith("MORE", "firewall_id = 4711"), []string{"firewall_id", "no such firewall"}},
		"subnet":        {oneWith("ap-south", "us-sea", "MORE", "vpc_subnet_id = 4711"), []string{"vpc_subnet_id", "no VPC with such a subnet"}},
		"no VPCs":       {oneWith("MORE", "vpc_subnet_id = 4711"), []string{"vpc_subnet_id", "ap-south", "VPCs", "us-sea"}},
		"swap":          {oneWith("MORE", "swap_mib = 25600"), []string{"swap_mib", "25600 MiB of disk"}},
		"availability":  {oneWith("TYPE", "g7-premium-2"), []string{"type", "g7-premium-2", "cannot be had", "ap-south"}},
		"policy":        {oneWith("ap-south", "jp-osa", "MORE", `maintenance_policy = "linode/migrate"`), []string{"maintenance_policy", "jp-osa", "Maintenance Policy"}},
		"wall's label":  {"resource \"atoll_linode_firewall\" \"f\" {\n  label = \"a--b\"\n  ssh = { from = [] }\n}\n", []string{"label", "a--b", "in a row"}},
		"26 rules":      {manyRules(25, 1), []string{"26 rules", "takes 25"}},
		"256 addresses": {manyRules(1, 256), []string{"256 IPv4", "takes 255"}},
		"our own tag":   {oneWith(`["site"]`, `["atoll:x1"]`), []string{"tags", "atoll:"}},
		"firewall":      {"resource \"atoll_linode_firewall\" \"f\" {\n  label = \"fff\"\n  ssh = { from = [\"192.0.2.1/24\"] }\n}\n", []string{"ssh.from", "192.0.2.1/24", "192.0.2.0/24"}},
		"firewall port": {"resource \"atoll_linode_firewall\" \"f\" {\n  label = \"fff\"\n  open = { web = { protocol = \"tcp\", ports = [\"http\"] } }\n  ssh = { from = [] }\n}\n", []string{"ports", "http", "65535"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := a.within(t)
			a.write(test.config)
			_, err := a.terraform.Plan(t.Context())
			a.says(a.refusal(err), test.wants...)
		})
	}
}

// manyRules is a firewall with so many rules, from so many addresses.
func manyRules(rules, addresses int) string {
	var open, from strings.Builder
	for i := range addresses {
		fmt.Fprintf(&from, "\"198.18.%d.%d\", ", i/256, i%256)
	}
	for i := range rules {
		fmt.Fprintf(&open, "    rule%02d = { protocol = \"tcp\", ports = [\"%d\"], from = [%s] }\n", i, 8000+i, from.String())
	}
	return "resource \"atoll_linode_firewall\" \"f\" {\n  label = \"many\"\n  ssh = { from = [] }\n  open = {\n" + open.String() + "  }\n}\n"
}

// What has Terraform make a machine anew is planned with nothing before it. It is not
// taken for another one of that label, be it replaced on request or for a taint.
func TestLinodeReplacedOnRequest(t *testing.T) {
	a := declare(t, oneWith())
	a.apply()
	made := a.state(address)
	replaced := func(how string, arguments ...string) {
		t.Helper()
		plan, err := a.terraform.Plan(t.Context(), arguments...)
		a.must(err)
		if plan.Changes[address] != "delete/create" {
			t.Errorf("%s: the plan is %s\n%s", how, plan, plan.Text)
		}
	}
	replaced("on request", "-replace="+address)
	replaced("on request, without a refresh", "-refresh=false", "-replace="+address)
	// Another one of its label is known for that.
	a.write(oneWith() + "resource \"atoll_linode\" \"other\" {\n  label  = \"vps1\"\n  region = \"ap-south\"\n  type   = \"g6-nanode-1\"\n  image  = \"linode/debian13\"\n}\n")
	_, err := a.terraform.Plan(t.Context())
	a.says(a.refusal(err), "label", "vps1", "another atoll_linode of this configuration")
	a.write(oneWith())
	taint, output, err := a.terraform.Start("taint", address)
	a.must(err)
	if err := taint.Wait(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	replaced("for a taint")
	a.apply()
	a.inSync()
	if again := a.state(address); again.ID == made.ID {
		t.Errorf("%s stays", made.ID)
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

// home makes a VPC with a subnet.
func (a *account) home(region string) *linodego.VPC {
	a.Helper()
	made, err := a.api.CreateVPC(a.Context(), linodego.VPCCreateOptions{
		Label: "home", Region: region, Subnets: []linodego.VPCSubnetCreateOptions{{Label: "first", IPv4: "10.0.0.0/24"}},
	})
	a.must(err)
	return made
}

// wall makes a firewall that lets the operator in.
func (a *account) wall(label string) *linodego.Firewall {
	a.Helper()
	ssh := linodego.FirewallRule{Label: "ssh", Protocol: "TCP", Ports: "22", Action: "ACCEPT", Addresses: linodego.NetworkAddresses{IPv4: &[]string{"192.0.2.0/24"}}}
	made, err := a.api.CreateFirewall(a.Context(), linodego.FirewallCreateOptions{
		Label: label, Rules: linodego.FirewallRuleSet{Inbound: []linodego.FirewallRule{ssh}, InboundPolicy: "DROP", OutboundPolicy: "ACCEPT"},
	})
	a.must(err)
	return made
}

// Whatever a Linode can be given is there, changes in place where it can, shows
// when it is taken away, and is there again after a rebuild.
func TestLinodeWithEverything(t *testing.T) {
	a := declare(t, "")
	ctx := t.Context()
	group, err := a.api.CreatePlacementGroup(ctx, linodego.PlacementGroupCreateOptions{
		Label: "apart", Region: "us-sea", PlacementGroupType: linodego.PlacementGroupTypeAntiAffinityLocal, PlacementGroupPolicy: linodego.PlacementGroupPolicyStrict,
	})
	a.must(err)
	wall, home := a.wall("everything"), a.home("us-sea")
	const watched = "maintenance_policy = \"linode/power_off_on\"\n  alerts = { cpu = 180, io = 0 }\n  reverse_dns = \"vps1.example.com\"\n"
	with := func(backups, watchdog bool, group, wall int, more string) string {
		return oneWith("ap-south", "us-sea", "MORE", fmt.Sprintf("backups = %t\n  watchdog = %t\n  placement_group_id = %d\n  firewall_id = %d\n", backups, watchdog, group, wall)+
			fmt.Sprintf("disk_encryption = \"disabled\"\n  private_ip = true\n  vpc_subnet_id = %d\n", home.Subnets[0].ID)+more)
	}
	a.write(with(true, false, group.ID, wall.ID, watched+"swap_mib = 256\n  rebuild_generation = 1\n"))
	a.apply()
	a.inSync()
	made := a.instances(ctx)[0]
	if !made.Backups.Enabled || made.WatchdogEnabled || made.DiskEncryption != "disabled" || made.PlacementGroup == nil || len(made.IPv4) != 2 ||
		made.MaintenancePolicy != "linode/power_off_on" || made.Alerts.CPU != 180 || made.Alerts.IO != 0 || made.Alerts.TransferQuota != 80 {
		t.Errorf("made as %+v", made)
	}
	addresses, err := a.api.GetInstanceIPAddresses(ctx, made.ID)
	a.must(err)
	if name := addresses.IPv4.Public[0].RDNS; name != "vps1.example.com" {
		t.Errorf("the address is called %q", name)
	}
	first := a.parts(made.ID, 256, home.Subnets[0].ID)
	devices, err := a.api.ListFirewallDevices(ctx, wall.ID, nil)
	a.must(err)
	a.must(a.api.DeleteFirewallDevice(ctx, wall.ID, devices[0].ID))
	a.says(flat(a.plan().Text), fmt.Sprintf("firewall_id = 0 -> %d", wall.ID))
	a.apply()
	a.inSync()

	// A rebuild makes a swap of its own, and would forget the VPC.
	a.write(with(true, false, group.ID, wall.ID, watched+"swap_mib = 256\n  rebuild_generation = 2\n"))
	_, err = a.terraform.Plan(ctx)
	a.says(a.refusal(err), "swap_mib", "always makes a swap disk of 512 MiB")
	a.write(with(true, false, group.ID, wall.ID, watched+"rebuild_generation = 2\n"))
	a.apply()
	a.inSync()
	if second := a.parts(made.ID, 512, home.Subnets[0].ID); second != first {
		t.Errorf("in the VPC the machine was %s, and is %s after the rebuild", first, second)
	}
	a.write(with(false, true, 0, 0, "alerts = { cpu = 90 }\n"))
	a.apply()
	a.inSync()
	changed := a.instances(ctx)[0]
	if changed.ID != made.ID || changed.Backups.Enabled || !changed.WatchdogEnabled || changed.PlacementGroup != nil || changed.Alerts.CPU != 90 || changed.Alerts.IO != 0 {
		t.Errorf("changed to %+v", changed)
	}
	if devices, err := a.api.ListFirewallDevices(ctx, wall.ID, nil); err != nil || len(devices) != 0 {
		t.Errorf("still attached: %+v %v", devices, err)
	}
	a.must(a.terraform.Destroy(ctx))
	a.must(a.api.DeletePlacementGroup(ctx, group.ID))
}

// parts checks what the account and the state have of a machine's swap and VPC,
// and gives its address there.
func (a *account) parts(id, swap, subnet int) string {
	a.Helper()
	var state struct {
		Private string `json:"private_ipv4"`
		VPC     string `json:"vpc_ipv4"`
		Swap    int    `json:"swap_mib"`
		Subnet  int    `json:"vpc_subnet_id"`
	}
	a.must(a.terraform.Attributes(a.Context(), address, &state))
	disks, err := a.api.ListInstanceDisks(a.Context(), id, nil)
	a.must(err)
	configs, err := a.api.ListInstanceConfigs(a.Context(), id, nil)
	a.must(err)
	if len(disks) != 2 || disks[1].Size != swap || state.Swap != swap {
		a.Errorf("the state has a swap of %d MiB, the disks are %+v", state.Swap, disks)
	}
	if len(configs) != 1 || len(configs[0].Interfaces) != 2 || *configs[0].Interfaces[1].SubnetID != subnet || state.Subnet != subnet || configs[0].Interfaces[1].IPv4.VPC != state.VPC {
		a.Errorf("the state has %+v, the configs are %+v", state, configs)
	}
	if private := a.instances(a.Context())[0].IPv4[1].String(); state.Private != private {
		a.Errorf("the private address is %s, the state has %s", private, state.Private)
	}
	return state.VPC
}

// isWatched: a key that may only ask sees who may log in as root, as the usual one does.
func (a *account) isWatched(made vps) {
	a.Helper()
	key, public := a.keyPair()
	watched := oneWith(`hostname = "vps"`, fmt.Sprintf("hostname = \"vps\"\n  watcher_keys = [%q]", public))
	a.write(watched)
	a.apply()
	a.inSync() // which leaves what there is to ask
	file := filepath.Join(a.terraform.Dir, "main.tf")
	content, err := os.ReadFile(file)
	a.must(err)
	a.must(os.WriteFile(file, []byte(strings.ReplaceAll(string(content), fmt.Sprintf("%q", a.lab.Inventory.Key), fmt.Sprintf("%q", key))), 0o600))
	usual := a.terraform.Env
	a.terraform.Env = append(slices.Clone(usual), "ATOLL_WATCHER=true")
	a.inSync()
	a.in(made, "echo 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIODemPSmCiN57xuhwV5DI/saEWet9DMN/vL3zZZ41wq+ other' >>/root/.ssh/authorized_keys")
	a.says(flat(a.plan().Text), `- "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIODemPSmCiN57xuhwV5DI/saEWet9DMN/vL3zZZ41wq+ other"`)
	a.terraform.Env = usual
	a.write(oneWith())
	a.apply()
	a.inSync()
}
