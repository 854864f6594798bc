// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// declaredTier is a tier on one machine.
func declaredTier(name, hot, cold any) object {
	return object{
		"name": name, "hot": hot, "cold": cold, "owner": "www-data",
		"nodes": object{"app1": object{"ssh": sshTo("203.0.113.21"), "address": "10.77.0.21", "port": nil, "hot": nil, "cold": nil}},
	}
}

// A tree that is, holds or lies in one of another tier on the same machine is refused by
// the plan, whichever of both it is.
func TestOverlappingTreesAreRefused(t *testing.T) {
	t.Parallel()
	tf := start(t, machines(t), object{})
	const kind = "atoll_file_tier"
	for _, row := range []struct {
		name, hot, cold any
		want            string
	}{
		{"files", "/srv/files", "/srv/cold", ""},
		{"files", "/srv/files", "/srv/cold", ""}, // Terraform plans one twice
		{"other", "/srv/files", nil, `hot = "/srv/files" for node "app1" overlaps /srv/files, which is a tree of the file tier "files"`},
		{"other", "/srv/files/below", nil, `overlaps /srv/files, which is a tree of the file tier "files"`},
		{"other", "/srv", nil, `hot = "/srv" for node "app1" overlaps /srv/`},
		{"other", "/srv/other", "/srv/cold/2026", `cold = "/srv/cold/2026" for node "app1" overlaps /srv/cold`},
		{"other", "/srv/cold", nil, "overlaps /srv/cold"},
		{"other", "/srv/filesystem", nil, ""},
		{"third", nil, "/srv/filesystem", "overlaps /srv/filesystem"},
	} {
		_, problems := tf.plan(kind, nil, write(tf.kind(kind), declaredTier(row.name, row.hot, row.cold)))
		if (row.want == "") != (problems == "") || !strings.Contains(problems, row.want) {
			t.Errorf("%v at %v and %v: %q, want %q", row.name, row.hot, row.cold, problems, row.want)
		}
	}
}

// Root carries owners over and no other account may: a node that has the one beside a node
// that has the other is refused by the plan, as is what is no account.
func TestOwnersThatDoNotGoTogetherAreRefused(t *testing.T) {
	t.Parallel()
	tf := start(t, machines(t), object{})
	const kind = "atoll_file_tier"
	for _, row := range []struct {
		tier, node any
		want       string
	}{
		{"www-data", nil, ""},
		{"www-data", "deploy", ""},
		{nil, nil, ""},
		{"www-data", "root", "owner is root on app2 and www-data on app1: "},
		{nil, "deploy", "owner is root on app1 and deploy on app2: "},
		{"www-data", "a b", "must be a login name"},
	} {
		declared := declaredTier("files", "/srv/files", nil)
		declared["owner"] = row.tier
		declared["nodes"].(object)["app2"] = object{"ssh": sshTo("203.0.113.22"), "address": "10.77.0.22", "port": nil, "hot": nil, "cold": nil, "owner": row.node}
		_, problems := tf.plan(kind, nil, write(tf.kind(kind), declared))
		if (row.want == "") != (problems == "") || !strings.Contains(problems, row.want) {
			t.Errorf("%v and %v: %q, want %q", row.tier, row.node, problems, row.want)
		}
	}
}

// A file system that cannot exchange two names is refused when days are to begin to move,
// by the plan, which asks the machine. A machine that does not answer is left to the apply.
func TestDaysThatCannotMoveAreRefused(t *testing.T) {
	t.Parallel()
	const address, kind = "203.0.113.21", "atoll_file_tier"
	for _, row := range []struct {
		fileSystem string
		days       any
		want       string
	}{
		{"nfs", 30, `hot = "/srv/files" lies on a file system of the kind nfs, which cannot exchange a directory and a link in one step`},
		{"nfs", nil, ""},
		{"ext2/ext3", 30, ""},
		{"", 30, ""},
	} {
		network := machines(t, address)
		machine := network.Machines[address]
		do(t, machine.Program("stat", "#!/bin/sh\ncase $* in *%T*) "+map[bool]string{true: "exit 1", false: "echo " + row.fileSystem}[row.fileSystem == ""]+" ;; *) exec /usr/bin/stat \"$@\" ;; esac\n"))
		tf := start(t, network, object{})
		config := declaredTier("files", "/srv/files", "/srv/cold")
		config["hot_days"] = row.days
		_, problems := tf.plan(kind, nil, write(tf.kind(kind), config))
		if (row.want == "") != (problems == "") || !strings.Contains(problems, row.want) {
			t.Errorf("%v days on %q: %q, want %q", row.days, row.fileSystem, problems, row.want)
		}
	}
}

// A tier is not renamed while days are on their way: one of another name would not go on
// with them.
func TestRenameWithDaysOnTheirWayIsRefused(t *testing.T) {
	t.Parallel()
	const address, kind = "203.0.113.21", "atoll_file_tier"
	const want = `2 days of the tier "files" are on their way from %s to the archive`
	const hot = "/srv/files"
	network := machines(t, address)
	private := filepath.Join(network.Machines[address].Root, hot, ".tier")
	do(t, os.MkdirAll(private, 0o700))
	tf := start(t, network, object{})
	config := declaredTier("files", hot, "/srv/cold")
	config["hot_days"] = 30
	stands, problems := tf.plan(kind, nil, write(tf.kind(kind), config))
	if problems != "" {
		t.Fatal(problems)
	}
	config["name"] = "documents"
	for _, row := range []struct{ made, want string }{
		{"name", ""},
		{"2024-02-01.old-1", ""},
		{"2024-02-02.old-12", fmt.Sprintf(want, hot)},
	} {
		do(t, os.WriteFile(filepath.Join(private, row.made), nil, 0o600))
		for _, days := range []any{30, nil} {
			config["hot_days"] = days
			tf := start(t, network, object{})
			if _, problems := tf.plan(kind, stands, write(tf.kind(kind), config)); (row.want == "") != (problems == "") && row.made != "2024-02-01.old-1" || !strings.Contains(problems, row.want) {
				t.Errorf("with %s and hot_days %v: %q, want %q", row.made, days, problems, row.want)
			}
		}
	}
}

// The flagship example declares its tier in fewer than 15 lines.
func TestFlagshipsTierIsShort(t *testing.T) {
	text, err := os.ReadFile("../../examples/site/main.tf")
	do(t, err)
	_, after, found := strings.Cut(string(text), "\nresource \"atoll_file_tier\" ")
	body, _, ends := strings.Cut(after, "\n}")
	if lines := strings.Count(body, "\n") + 2; !found || !ends || lines >= 15 || !strings.Contains(body, "hot_days") {
		t.Errorf("%d lines:\n%s", lines, body)
	}
}

// A creation that fails half way is not in the state, so nothing of it stays on a machine.
// A change of what stands is not taken back.
func TestCreationThatFailsIsTakenBack(t *testing.T) {
	t.Parallel()
	const address, kind, want = "203.0.113.21", "atoll_file_tier", "what was made of the tier was taken back from all nodes"
	network := machines(t, address)
	tf := start(t, network, object{})
	config := declaredTier("files", "/srv/files", nil)
	// Here unison cannot be installed.
	_, problems := tf.apply(kind, nil, config)
	if !strings.Contains(problems, want) {
		t.Errorf("a creation: %q", problems)
	}
	for _, left := range []string{"var/lib/atoll/tier/files", "etc/atoll/tier/files"} {
		if _, err := os.Stat(filepath.Join(network.Machines[address].Root, left)); !os.IsNotExist(err) {
			t.Errorf("%s stays: %v", left, err)
		}
	}
	stands, problems := tf.plan(kind, nil, write(tf.kind(kind), config))
	if problems != "" {
		t.Fatal(problems)
	}
	if _, problems := tf.apply(kind, stands, config); problems == "" || strings.Contains(problems, want) {
		t.Errorf("a change: %q", problems)
	}
}

// What cannot work is told once, at the attribute that has to be another.
func TestErrorsStandAtTheirAttribute(t *testing.T) {
	t.Parallel()
	const kind = "atoll_file_tier"
	for _, row := range []struct {
		change     func(config object)
		want, says string
	}{
		{func(c object) { c["initial"] = "from:app9" }, `AttributeName("initial")`, "names no node with a hot tree"},
		{func(c object) { c["pairs"] = []any{[]any{"app1", "app9"}} }, `AttributeName("pairs")`, "which is not among nodes"},
		{func(c object) { c["pairs"] = []any{[]any{"app1"}} }, `AttributeName("pairs").ElementKeyInt(0)`, `pairs[0] must be the names of two nodes, such as ["hk1", "sg1"], and has 1: `},
		{func(c object) { c["cold"] = "/srv/files/old" }, `AttributeName("cold")`, `of node "app1", "app2" overlap`},
		{func(c object) { c["nodes"].(object)["app2"].(object)["cold"] = "/srv/files/old" }, `AttributeName("nodes").ElementKeyString("app2").AttributeName("cold")`, `of node "app2" overlap`},
		{func(c object) { c["nodes"].(object)["app2"].(object)["address"] = "10.77.0.21" }, `AttributeName("nodes").ElementKeyString("app2").AttributeName("address")`, "both have the address"},
		{func(c object) { c["name"] = "other" }, `AttributeName("hot")`, `hot = "/srv/files" for node "app1", "app2" overlaps /srv/files`},
		{func(c object) { c["cold"] = "/srv/" + strings.Repeat("a/", 2500) + "b" }, `AttributeName("cold")`, "must have at most 4095 bytes"},
	} {
		tf := start(t, machines(t), object{})
		config := declaredTier("files", "/srv/files", "/srv/cold")
		config["nodes"].(object)["app2"] = object{"ssh": sshTo("203.0.113.22"), "address": "10.77.0.22", "port": nil, "hot": nil, "cold": nil}
		if _, problems := tf.plan(kind, nil, write(tf.kind(kind), config)); problems != "" {
			t.Fatal(problems)
		}
		row.change(config)
		if config["name"] == "other" {
			config["cold"] = nil
		}
		_, problems := tf.plan(kind, nil, write(tf.kind(kind), config))
		if !strings.Contains(problems, row.want) || !strings.Contains(problems, row.says) || strings.Contains(problems, "\n") {
			t.Errorf("%q, want %q at %s", problems, row.says, row.want)
		}
	}
}
