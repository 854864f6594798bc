// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"crypto/ed25519"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

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
