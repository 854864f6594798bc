// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"crypto/ed25519"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/linode/linodego"
	"golang.org/x/crypto/ssh"

	lab "github.com/atollhq/terraform-provider-atoll/internal/lab/linode"
	"github.com/atollhq/terraform-provider-atoll/internal/remote/remotetest"
)

// loginPEM is a private key, and loginKey its public half.
var loginPEM, loginKey = pair()

func pair() (private, public string) {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		panic(err)
	}
	half, err := ssh.NewPublicKey(key.Public())
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(block)), strings.TrimSpace(string(ssh.MarshalAuthorizedKey(half)))
}

// account is one at an emulated hoster, whose instances have no hosts.
type account struct {
	// block is a provider block for it.
	block object
	api   *linodego.Client
	// fail makes the hoster's API do so.
	fail func(lab.Faults)
}

// Each account has a VPC with this subnet, in us-sea, and this machine.
const (
	subnet    = 1002
	bystander = 1004
)

// hoster makes an account.
func hoster(t *testing.T) account {
	t.Helper()
	emulator := lab.New(lab.Options{Token: "t", Speed: 1000})
	server := httptest.NewServer(emulator)
	t.Cleanup(func() {
		server.Close()
		emulator.Close()
	})
	api := linodego.NewClient(server.Client())
	api.SetToken("t")
	if _, err := api.UseURL(server.URL + "/v4"); err != nil {
		t.Fatal(err)
	}
	made, err := api.CreateVPC(t.Context(), linodego.VPCCreateOptions{
		Label: "home", Region: "us-sea", Subnets: []linodego.VPCSubnetCreateOptions{{Label: "first", IPv4: "10.0.0.0/24"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if made.Subnets[0].ID != subnet {
		t.Fatalf("the subnet has the number %d", made.Subnets[0].ID)
	}
	vps, err := api.CreateInstance(t.Context(), linodego.InstanceCreateOptions{Region: "us-sea", Type: "g6-nanode-1", Label: "bystander"})
	if err != nil {
		t.Fatal(err)
	}
	if vps.ID != bystander {
		t.Fatalf("the machine has the number %d", vps.ID)
	}
	return account{object{
		"ssh":    object{"keys": object{"default": loginPEM}},
		"linode": object{"token": "t", "url": server.URL + "/v4", "poll_interval": "10ms"},
	}, &api, emulator.Fail}
}

// one is the smallest machine, with more or other attributes.
func one(more object) object {
	config := object{
		"label": "sg1", "region": "ap-south", "type": "g6-standard-1", "image": "linode/debian13", "authorized_keys": []any{loginKey}, "host_key": hostKey,
		"interface_generation": "legacy_config",
	}
	maps.Copy(config, more)
	return config
}

// floor is the network of a hoster whose next machines are simulated ones.
func (a account) floor(t *testing.T) *remotetest.Network {
	t.Helper()
	probe, err := a.api.CreateInstance(t.Context(), linodego.InstanceCreateOptions{Region: "ap-south", Type: "g6-nanode-1", Label: "probe"})
	if err != nil {
		t.Fatal(err)
	}
	address, err := netip.ParseAddr(probe.IPv4[0].String())
	if err != nil {
		t.Fatal(err)
	}
	next := address.Next().String()
	network := machines(t, next)
	if err := network.Machines[next].Write("/root/.ssh/authorized_keys", loginKey+"\n"); err != nil {
		t.Fatal(err)
	}
	return network
}

// A machine through its life: made, in sync, switched off by somebody, booted,
// found again, and gone.
func TestLinodeThroughItsLife(t *testing.T) {
	t.Parallel()
	account := hoster(t)
	tf := start(t, account.floor(t), account.block)
	config := one(object{"authorized_keys": nil})
	machine := tf.made("atoll_linode", nil, config)
	tf = start(t, tf.network, account.block)
	machine = tf.refreshed("atoll_linode", machine)
	if !tf.empty("atoll_linode", machine, config) {
		t.Errorf("the plan after an apply is not empty: %s", machine.lines())
	}
	if keys := fmt.Sprint(machine.at("authorized_keys")); keys != "["+loginKey+"]" {
		t.Errorf("by default %s may log in", keys)
	}
	if bare := start(t, tf.network, object{"linode": account.block["linode"]}); !bare.empty("atoll_linode", machine, config) {
		t.Error("the plan of a provider without a key is not empty")
	}
	id, _ := strconv.Atoi(machine.at("id").(string))
	if err := account.api.ShutdownInstance(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	account.until(t, id, linodego.InstanceOffline)
	tf = start(t, tf.network, account.block)
	machine = tf.refreshed("atoll_linode", machine)
	if want := "[power: offline, want running]"; machine.lines() != want {
		t.Errorf("drift %s, want %s", machine.lines(), want)
	}
	machine = tf.refreshed("atoll_linode", tf.made("atoll_linode", machine, config))
	if !tf.empty("atoll_linode", machine, config) {
		t.Errorf("the drift is not mended: %s", machine.lines())
	}
	for _, name := range []string{"sg1 " + hostKey, machine.at("id").(string) + " " + hostKey} {
		found, problems := tf.find("atoll_linode", name)
		if problems != "" || found.at("label") != "sg1" || found.at("ipv4") != machine.at("ipv4") || found.at("swap_mib") != int64(512) {
			t.Errorf("import of %s: %s: %v", name, problems, found)
		}
	}
	if _, problems := tf.find("atoll_linode", "sg1 abc"); !strings.Contains(problems, `= "abc" is not a public SSH key`) {
		t.Errorf("an import with what is no key: %q", problems)
	}
	if _, problems := tf.find("atoll_linode", "sg9"); !strings.Contains(problems, `Unable to Import Linode sg9`) {
		t.Error(problems)
	}
	if problems := tf.destroy("atoll_linode", machine); problems != "" {
		t.Fatal(problems)
	}
	if gone := tf.refreshed("atoll_linode", machine); !gone.value.IsNull() {
		t.Errorf("after it was destroyed, the account still shows %s", gone.lines())
	}
}

func (a account) until(t *testing.T, id int, status linodego.InstanceStatus) {
	t.Helper()
	for range 6000 {
		seen, err := a.api.GetInstance(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if seen.Status == status {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("instance %d does not become %s", id, status)
}

// A plan that discards a disk says so, and what is on it: by what this version keeps,
// and by what was kept before there were versions.
func TestPlansSayWhatGoes(t *testing.T) {
	t.Parallel()
	account := hoster(t)
	tf := start(t, account.floor(t), account.block)
	machine := tf.made("atoll_linode", nil, one(object{"rebuild_generation": 1}))
	tf = start(t, tf.network, account.block)
	carries := func(kept string) *state {
		all := map[string][]byte{"declared": []byte(`{"region":"ap-south","image":"linode/debian13"}`)}
		if kept != "" {
			all["carries"] = []byte(kept)
		}
		private, err := json.Marshal(all)
		if err != nil {
			t.Fatal(err)
		}
		return &state{machine.value, private, ""}
	}
	kind := tf.kind("atoll_linode")
	for kept, want := range map[string]string{
		`["mysql-server","tinc"]`: "Atoll has on it: mysql-server, tinc. What else is on it, Atoll does not know.", `{"version":1,"value":["mysql-server"]}`: "Atoll has on it: mysql-server.",
		`[]`: "Atoll has nothing on it", `{"version":1,"value":[]}`: "What else is on it, Atoll does not know.", "": "Atoll has not looked at what is on it.",
	} {
		for what, config := range map[string]tftypes.Value{
			"Destroying": tftypes.NewValue(kind, nil), "Replacing": write(kind, one(object{"region": "us-sea", "rebuild_generation": 1})),
			"Rebuilding": write(kind, one(object{"rebuild_generation": 2})), "": write(kind, one(object{"rebuild_generation": 1})),
		} {
			planned, problems := tf.plan("atoll_linode", carries(kept), config)
			if problems != "" {
				t.Fatalf("%s with %s: %s", what, kept, problems)
			}
			if what == "" && planned.warnings != "" || what != "" && !strings.Contains(planned.warnings, what+" Linode sg1 Discards Data") {
				t.Errorf("%s with %s: %q", what, kept, planned.warnings)
			}
			if what != "" && !strings.Contains(planned.warnings, want) {
				t.Errorf("%s with %s: %q", what, kept, planned.warnings)
			}
		}
	}
}

// What the configuration leaves out is not judged: it is the former machine's, and
// another one gets what its region has.
func TestRegionChangesWithWhatIsLeftOut(t *testing.T) {
	t.Parallel()
	account := hoster(t)
	tf := start(t, account.floor(t), account.block)
	machine := tf.made("atoll_linode", nil, one(object{"interface_generation": nil}))
	tf = start(t, tf.network, account.block)
	for name, row := range map[string]struct {
		with object
		want string
	}{
		"left out": {object{}, ""},
		"declared": {object{"maintenance_policy": "linode/migrate"}, `The region "ap-west" has no Maintenance Policy`},
	} {
		config := one(object{"region": "ap-west", "interface_generation": nil})
		maps.Copy(config, row.with)
		planned, problems := tf.plan("atoll_linode", machine, write(tf.kind("atoll_linode"), config))
		if (row.want == "") != (problems == "") || !strings.Contains(problems, row.want) {
			t.Errorf("%s: %q, want %q", name, problems, row.want)
		}
		if planned == nil {
			continue
		}
		for _, computed := range []string{
			"id", "disk_encryption", "maintenance_policy", "ipv4", "ipv6", "private_ipv4", "vpc_ipv4", "placement_group_id", "swap_mib", "vpc_subnet_id", "firewall_id",
			"backups", "watchdog", "private_ip", "specs", "ssh",
		} {
			if value := planned.at(computed); value != (unknown{}) {
				t.Errorf("%s is planned as the former machine's: %v", computed, value)
			}
		}
	}
}

// Who may log in to a machine whose host key is not known is neither read nor written,
// and nothing says that it was.
func TestKeysOfAMachineThatNobodyCanLogInTo(t *testing.T) {
	t.Parallel()
	account := hoster(t)
	tf := start(t, account.floor(t), account.block)
	bare := object{"authorized_keys": nil, "host_key": nil, "interface_generation": nil}
	made := tf.made("atoll_linode", nil, one(nil))
	tf = start(t, tf.network, account.block)
	found, problems := tf.find("atoll_linode", "sg1")
	if problems != "" || found.at("authorized_keys") != nil {
		t.Fatalf("an import without a host key: %s: %v", problems, found.at("authorized_keys"))
	}
	if !tf.empty("atoll_linode", found, one(bare)) {
		t.Error("the plan after an import without a host key is not empty")
	}
	declared := one(bare)
	declared["authorized_keys"] = []any{loginKey}
	if _, problems := tf.plan("atoll_linode", found, write(tf.kind("atoll_linode"), declared)); !strings.Contains(problems, "give it as host_key") {
		t.Errorf("keys without a host key: %q", problems)
	}
	later := one(bare)
	later["authorized_keys"], later["host_key"] = []any{loginKey}, unknown{}
	if _, problems := tf.plan("atoll_linode", found, write(tf.kind("atoll_linode"), later)); problems != "" {
		t.Errorf("keys with a host key to come: %s", problems)
	}
	machine := tf.network.Machines[made.at("ipv4").(string)]
	if err := machine.Write("/root/.ssh/authorized_keys", loginKey+"\n"+hostKey+" stranger\n"); err != nil {
		t.Fatal(err)
	}
	taken := tf.made("atoll_linode", found, one(nil))
	if keys := fmt.Sprint(tf.refreshed("atoll_linode", taken).at("authorized_keys")); keys != "["+loginKey+"]" {
		t.Errorf("with a host key %s may log in", keys)
	}
}

// A machine that was rebuilt elsewhere shows another host key: the way out is an
// argument of its own, which works, and may be left out later.
func TestLinodeThatWasRebuiltElsewhere(t *testing.T) {
	t.Parallel()
	account := hoster(t)
	tf := start(t, account.floor(t), account.block)
	made := tf.made("atoll_linode", nil, one(nil))
	tf = start(t, tf.network, account.block)
	tf.network.Machines[made.at("ipv4").(string)].HostKey = loginKey
	seen := tf.refreshed("atoll_linode", made)
	if !strings.Contains(seen.warnings, "give that as host_key of this atoll_linode") || strings.Contains(seen.warnings, "ssh.host_key") || !strings.Contains(seen.lines(), "not asked") {
		t.Errorf("drift %s: %q", seen.lines(), seen.warnings)
	}
	if _, problems := tf.apply("atoll_linode", seen, one(object{"authorized_keys": []any{loginKey, hostKey}})); !strings.Contains(problems, "give that as host_key of this atoll_linode") || strings.Contains(problems, "ssh.host_key") {
		t.Errorf("an apply: %q", problems)
	}
	mended := tf.refreshed("atoll_linode", tf.made("atoll_linode", seen, one(object{"host_key": loginKey})))
	if !tf.empty("atoll_linode", mended, one(object{"host_key": nil})) {
		t.Error("without host_key the plan after it is not empty")
	}
}

// An account whose API does not answer is drift, as a machine's silence is: the state is
// kept, and all else is planned.
func TestAccountThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	account := hoster(t)
	tf := start(t, account.floor(t), account.block)
	brief := object{"create": nil, "update": nil, "delete": nil, "read": "1s"}
	machine := tf.made("atoll_linode", nil, one(object{"timeouts": brief}))
	wall := tf.made("atoll_linode_firewall", nil, object{"label": "site", "ssh": object{"from": []any{}}, "timeouts": brief})
	account.fail(lab.Faults{Chance: map[lab.Fault]float64{lab.Unavailable: 1}})
	for resource, stands := range map[string]*state{"atoll_linode": machine, "atoll_linode_firewall": wall} {
		if problems := tf.anew(); problems != "" { // what this run was told before is not asked again
			t.Fatal(problems)
		}
		seen := tf.refreshed(resource, stands)
		if !strings.HasPrefix(seen.lines(), "[unreachable: ") || !strings.Contains(seen.warnings, "its last known state is kept") || seen.at("id") != stands.at("id") {
			t.Errorf("%s: %s: %q", resource, seen.lines(), seen.warnings)
		}
	}
}

// A firewall through its life, with rules that somebody changes.
func TestFirewallThroughItsLife(t *testing.T) {
	t.Parallel()
	account := hoster(t)
	tf := start(t, machines(t), account.block)
	vps, err := account.api.CreateInstance(t.Context(), linodego.InstanceCreateOptions{Region: "ap-south", Type: "g6-nanode-1", Label: "vps"})
	if err != nil {
		t.Fatal(err)
	}
	config := object{"label": "site", "tags": []any{"Site"}, "ssh": object{"from": []any{"192.0.2.0/24"}}, "linodes": []any{strconv.Itoa(vps.ID)}}
	wall := tf.refreshed("atoll_linode_firewall", tf.made("atoll_linode_firewall", nil, config))
	if !tf.empty("atoll_linode_firewall", wall, config) {
		t.Errorf("the plan after an apply is not empty: %s", wall.lines())
	}
	id, _ := strconv.Atoi(wall.at("id").(string))
	if _, err := account.api.UpdateFirewallRules(t.Context(), id, linodego.FirewallRuleSet{InboundPolicy: "ACCEPT", OutboundPolicy: "ACCEPT"}); err != nil {
		t.Fatal(err)
	}
	off := linodego.FirewallUpdateOptions{Status: linodego.FirewallDisabled}
	if _, err := account.api.UpdateFirewall(t.Context(), id, off); err != nil {
		t.Fatal(err)
	}
	tf = start(t, tf.network, account.block)
	wall = tf.refreshed("atoll_linode_firewall", wall)
	if want := "[firewall: disabled, want enabled inbound policy: ACCEPT, want DROP rule ping: missing rule ssh: missing]"; wall.lines() != want {
		t.Errorf("drift %s, want %s", wall.lines(), want)
	}
	alone := maps.Clone(config)
	alone["linodes"] = []any{}
	wall = tf.refreshed("atoll_linode_firewall", tf.made("atoll_linode_firewall", wall, alone))
	if !tf.empty("atoll_linode_firewall", wall, alone) {
		t.Errorf("the drift is not mended: %s", wall.lines())
	}
	if devices, err := account.api.ListFirewallDevices(t.Context(), id, nil); err != nil || len(devices) != 0 {
		t.Errorf("still attached: %v %v", devices, err)
	}
	for _, name := range []string{"site", wall.at("id").(string)} {
		if found, problems := tf.find("atoll_linode_firewall", name); problems != "" || found.at("label") != "site" {
			t.Errorf("import of %s: %s", name, problems)
		}
	}
	if problems := tf.destroy("atoll_linode_firewall", wall); problems != "" {
		t.Fatal(problems)
	}
	if gone := tf.refreshed("atoll_linode_firewall", wall); !gone.value.IsNull() {
		t.Errorf("after it was destroyed, the account still shows %s", gone.lines())
	}
}

// What would lock a machine, or attach nothing, is refused before anything is paid
// for.
func TestLinodeInputThatCannotBeMeant(t *testing.T) {
	t.Parallel()
	tf := start(t, machines(t), hoster(t).block)
	ssh := object{"from": []any{"192.0.2.0/24"}}
	other := hostKey + " somebody"
	for name, row := range map[string]struct {
		resource string
		config   object
		want     string
	}{
		"own key":               {"atoll_linode", one(nil), ""},
		"own key with a name":   {"atoll_linode", one(object{"authorized_keys": []any{loginKey + " me", other}}), ""},
		"own key by default":    {"atoll_linode", one(object{"authorized_keys": nil}), ""},
		"another's key":         {"atoll_linode", one(object{"authorized_keys": []any{other}}), "Atoll Could Not Log In"},
		"perhaps own key":       {"atoll_linode", one(object{"authorized_keys": []any{other, unknown{}}}), ""},
		"a key with a break":    {"atoll_linode", one(object{"authorized_keys": []any{loginKey + "\n"}}), "trimspace"},
		"half a key":            {"atoll_linode", one(object{"authorized_keys": []any{loginKey[:50]}}), "cut short"},
		"a null key":            {"atoll_linode", one(object{"authorized_keys": []any{loginKey, nil}}), "null"},
		"a null tag":            {"atoll_linode", one(object{"tags": []any{"site", nil}}), "null"},
		"an unknown tag":        {"atoll_linode", one(object{"tags": []any{"site", unknown{}}}), ""},
		"tags of two cases":     {"atoll_linode", one(object{"tags": []any{"site", "Site"}}), "no case"},
		"a fingerprint":         {"atoll_linode", one(object{"host_key": "SHA256:abc"}), "fingerprint"},
		"a path for a key":      {"atoll_linode", one(object{"key": "~/.ssh/id"}), "is a path"},
		"ssh":                   {"atoll_linode_firewall", object{"label": "site", "ssh": ssh}, ""},
		"no ssh":                {"atoll_linode_firewall", object{"label": "site"}, "Nobody Could Log In"},
		"ssh for nobody":        {"atoll_linode_firewall", object{"label": "site", "ssh": object{"from": []any{}}}, ""},
		"a name for a machine":  {"atoll_linode_firewall", object{"label": "site", "ssh": ssh, "linodes": []any{"sg1"}}, "is not the number of a machine"},
		"a null machine":        {"atoll_linode_firewall", object{"label": "site", "ssh": ssh, "linodes": []any{nil}}, "null"},
		"a machine to come":     {"atoll_linode_firewall", object{"label": "site", "ssh": ssh, "linodes": []any{unknown{}, strconv.Itoa(bystander)}}, ""},
		"a machine that is not": {"atoll_linode_firewall", object{"label": "site", "ssh": ssh, "linodes": []any{"7"}}, "linodes holds 7: the account has no such machine"},
		"a label that is taken": {"atoll_linode", one(object{"label": "bystander"}), "label is taken: instance " + strconv.Itoa(bystander)},
		"a name for a peer":     {"atoll_linode_firewall", object{"label": "site", "ssh": ssh, "mesh": object{"peers": object{"hk1": "hk1"}}}, "is not an IP address"},
		"a rule without ports":  {"atoll_linode_firewall", object{"label": "site", "ssh": ssh, "open": object{"web": object{"protocol": "tcp"}}}, `open["web"].ports is missing`},
	} {
		tf.anew()
		_, problems := tf.plan(row.resource, nil, write(tf.kind(row.resource), row.config))
		if (row.want == "") != (problems == "") || !strings.Contains(problems, row.want) {
			t.Errorf("%s: %q, want %q", name, problems, row.want)
		}
	}
}

// What an account can have once is declared once: a label, and the firewall of a
// machine. What is replaced has its label already, whoever has it replaced.
func TestLinodesAndFirewallsThatCollide(t *testing.T) {
	t.Parallel()
	account := hoster(t)
	tf := start(t, account.floor(t), account.block)
	plans := func(resource string, prior *state, config object) string {
		_, problems := tf.plan(resource, prior, write(tf.kind(resource), config))
		return problems
	}
	made := tf.refreshed("atoll_linode", tf.made("atoll_linode", nil, one(nil)))
	const twice = "is that of another atoll_linode of this configuration"
	tf = start(t, tf.network, account.block)
	for _, step := range []struct {
		name  string
		prior *state
		label string
		want  string
	}{
		{"one that stands", made, "sg1", ""},
		{"it, replaced on request", &state{value: tftypes.NewValue(tf.kind("atoll_linode"), nil), private: made.private}, "sg1", ""},
		{"another with its label", nil, "sg1", twice},
		{"a new one", nil, "sg2", ""},
		{"another new one with that label", nil, "sg2", twice},
		{"one whose label is to come", nil, "", ""},
		{"another of these", nil, "", ""},
	} {
		config := one(object{"label": step.label})
		if step.label == "" {
			config["label"] = unknown{}
		}
		if problems := plans("atoll_linode", step.prior, config); (step.want == "") != (problems == "") || !strings.Contains(problems, step.want) {
			t.Errorf("%s: %q, want %q", step.name, problems, step.want)
		}
	}
	tf = start(t, tf.network, account.block)
	if problems := plans("atoll_linode", nil, one(nil)); !strings.Contains(problems, `label is taken: instance `+made.at("id").(string)) || !strings.Contains(problems, "create_before_destroy") {
		t.Errorf("a label of the account: %q", problems)
	}
	tf = start(t, tf.network, account.block)
	tf.refreshed("atoll_linode", made)
	if problems := plans("atoll_linode", nil, one(nil)); problems != "" {
		t.Errorf("one that a taint replaces: %q", problems)
	}
	wall := func(label string) object {
		return object{"label": label, "ssh": object{"from": []any{"192.0.2.0/24"}}, "linodes": []any{made.at("id")}}
	}
	if problems := plans("atoll_linode_firewall", nil, wall("site")); problems != "" {
		t.Errorf("a firewall: %q", problems)
	}
	if problems := plans("atoll_linode_firewall", nil, wall("other")); !strings.Contains(problems, `so does linodes of the atoll_linode_firewall "site"`) {
		t.Errorf("a second one of its machine: %q", problems)
	}
	if problems := plans("atoll_linode_firewall", nil, object{"label": "site", "ssh": object{"from": []any{}}}); !strings.Contains(problems, "another atoll_linode_firewall of this configuration") {
		t.Errorf("a second one of its label: %q", problems)
	}
}

// A token that comes from another resource is not known while a plan is made: what
// the account would say is left open, and what is known stays.
func TestUnknownTokenIsNotNone(t *testing.T) {
	t.Parallel()
	account := hoster(t)
	tf := start(t, account.floor(t), account.block)
	machine := tf.made("atoll_linode", nil, one(nil))
	wall := tf.made("atoll_linode_firewall", nil, object{"label": "site", "ssh": object{"from": []any{"192.0.2.0/24"}}})
	later := maps.Clone(account.block)
	later["linode"] = object{"token": unknown{}, "url": account.block["linode"].(object)["url"]}
	tf = start(t, tf.network, later)
	if _, problems := tf.plan("atoll_linode", nil, write(tf.kind("atoll_linode"), one(object{"label": "sg2", "interface_generation": nil}))); problems != "" {
		t.Error(problems)
	}
	for resource, prior := range map[string]*state{"atoll_linode": machine, "atoll_linode_firewall": wall} {
		read, problems := tf.read(resource, prior)
		if problems != "" || !read.value.Equal(prior.value) || !strings.Contains(read.warnings, "linode.token, url or ca_file is not known before the apply") {
			t.Errorf("%s: %q %s", resource, read.warnings, problems)
		}
	}
	if _, problems := tf.find("atoll_linode", "1234"); !strings.Contains(problems, "not known before the apply") {
		t.Errorf("an import without a token: %q", problems)
	}
	tf = start(t, tf.network, object{"linode": account.block["linode"]})
	if _, problems := tf.plan("atoll_linode", nil, write(tf.kind("atoll_linode"), one(object{"authorized_keys": nil}))); !strings.Contains(problems, "No Key to Log In With") {
		t.Errorf("without a key: %q", problems)
	}
	tf = start(t, tf.network, object{"linode": object{"url": "https://127.0.0.1/v4"}})
	if _, problems := tf.plan("atoll_linode", nil, write(tf.kind("atoll_linode"), one(nil))); !strings.Contains(problems, "there is no token for the Linode API") {
		t.Errorf("without a token: %q", problems)
	}
}
