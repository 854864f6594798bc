// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"maps"
	"strconv"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

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
	refused := object{"linode": object{"token": "another", "url": account.block["linode"].(object)["url"]}}
	tf = start(t, tf.network, refused)
	if _, problems := tf.read("atoll_linode", machine); !strings.Contains(problems, "Linodes, firewalls, addresses (ips) and events, and VPCs where vpc_subnet_id is given") {
		t.Errorf("with a token that is refused: %q", problems)
	}
}
