// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"strings"
	"testing"
)

// A change for which the machine is shut down is told from one that is not.
func TestPlansSayThatAMachineWillBeOff(t *testing.T) {
	t.Parallel()
	account := hoster(t)
	tf := start(t, account.floor(t), account.block)
	made := tf.made("atoll_linode", nil, one(object{"rebuild_generation": 1}))
	tf = start(t, tf.network, account.block)
	made = tf.refreshed("atoll_linode", made)
	const off = "Linode sg1 Will Be Off for a While"
	for name, row := range map[string]struct {
		change object
		says   string
	}{
		"another type":      {object{"type": "g6-standard-2"}, "for type, which moves its disk"},
		"a private address": {object{"private_ip": true}, "for private_ip"},
		"another label":     {object{"label": "sg2"}, ""},
		// A rebuild has its own warning, and a machine that is replaced is not booted again.
		"a rebuild":           {object{"type": "g6-standard-2", "rebuild_generation": 2}, ""},
		"one that is another": {object{"type": "g6-standard-2", "region": "us-sea"}, ""},
	} {
		config := one(object{"rebuild_generation": 1})
		for attribute, value := range row.change {
			config[attribute] = value
		}
		planned, problems := tf.plan("atoll_linode", made, write(tf.kind("atoll_linode"), config))
		if problems != "" {
			t.Fatalf("%s: %s", name, problems)
		}
		if told := strings.Contains(planned.warnings, off); told != (row.says != "") || !strings.Contains(planned.warnings, row.says) {
			t.Errorf("%s: %q", name, planned.warnings)
		}
	}
}

// A key is the same one with another comment, as an import finds it: nothing is planned,
// and a key that is another one is.
func TestCommentsOfKeysAreNoChange(t *testing.T) {
	t.Parallel()
	account := hoster(t)
	tf := start(t, account.floor(t), account.block)
	made := tf.made("atoll_linode", nil, one(nil))
	tf = start(t, tf.network, account.block)
	file := func(content string) {
		t.Helper()
		if err := tf.network.Machines[made.at("ipv4").(string)].Write("/root/.ssh/authorized_keys", content); err != nil {
			t.Fatal(err)
		}
	}
	file(loginKey + " atoll lab\n")
	found, problems := tf.find("atoll_linode", "sg1 "+hostKey)
	if problems != "" {
		t.Fatal(problems)
	}
	for name, keys := range map[string]any{"as declared": []any{loginKey}, "with a comment of its own": []any{loginKey + " me"}, "by default": nil} {
		if !tf.empty("atoll_linode", found, one(object{"authorized_keys": keys})) {
			t.Errorf("%s: the plan changes the comment", name)
		}
	}
	if tf.empty("atoll_linode", found, one(object{"authorized_keys": []any{loginKey, hostKey}})) {
		t.Error("another key is not planned")
	}
	file(loginKey + " atoll lab\n" + hostKey + " stranger\n")
	if found = tf.refreshed("atoll_linode", found); tf.empty("atoll_linode", found, one(nil)) {
		t.Error("a stranger's key stays")
	}
}

// A machine that runs and is open gets its first firewall: the plan says what stands still
// then. One that this configuration does not have, or that is behind a firewall, is not said.
func TestPlansSayThatAFirstFirewallCutsOff(t *testing.T) {
	t.Parallel()
	account := hoster(t)
	tf := start(t, account.floor(t), account.block)
	config := one(nil)
	made := tf.made("atoll_linode", nil, config)
	wall := func(linodes ...any) object {
		return object{"label": "site", "ssh": object{"from": []any{"192.0.2.0/24"}}, "linodes": linodes}
	}
	const first = "First Firewall of a Machine That Runs"
	plans := func(what string, met bool, prior *state, config object, want bool) {
		t.Helper()
		tf = start(t, tf.network, account.block)
		if met {
			if _, problems := tf.plan("atoll_linode", made, write(tf.kind("atoll_linode"), one(nil))); problems != "" {
				t.Fatal(problems)
			}
		}
		planned, problems := tf.plan("atoll_linode_firewall", prior, write(tf.kind("atoll_linode_firewall"), config))
		if problems != "" || strings.Contains(planned.warnings, first) != want || want && !strings.Contains(planned.warnings, "before sg1.") {
			t.Errorf("%s: %q, %+v", what, problems, planned)
		}
	}
	id := made.at("id")
	plans("a machine that runs", true, nil, wall(id), true)
	plans("another one's", false, nil, wall(id), false)
	plans("a machine to come", true, nil, wall(unknown{}), false)
	tf = start(t, tf.network, account.block)
	behind := tf.refreshed("atoll_linode_firewall", tf.made("atoll_linode_firewall", nil, wall(id)))
	plans("one that is behind it", true, behind, wall(id), false)
	other := wall(id)
	other["label"] = "other"
	plans("one that is behind another", true, nil, other, false)
}
