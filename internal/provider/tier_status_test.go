// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
	"github.com/atollhq/terraform-provider-atoll/internal/remote/remotetest"
)

// looked validates a data source's configuration and reads it, as Terraform does.
func (tf *terraform) looked(source string, config object) (read *state, problems string) {
	tf.Helper()
	all, err := tf.server.GetProviderSchema(tf.Context(), &tfprotov6.GetProviderSchemaRequest{})
	tf.must(err)
	kind := all.DataSourceSchemas[source].ValueType()
	written := tf.dynamic(kind, write(kind, config))
	validated, err := tf.server.ValidateDataResourceConfig(tf.Context(), &tfprotov6.ValidateDataResourceConfigRequest{TypeName: source, Config: written})
	tf.must(err)
	if problems := errorsIn(validated.Diagnostics); problems != "" {
		return nil, problems
	}
	response, err := tf.server.ReadDataSource(tf.Context(), &tfprotov6.ReadDataSourceRequest{TypeName: source, Config: written})
	tf.must(err)
	if problems := errorsIn(response.Diagnostics); problems != "" {
		return nil, problems
	}
	return &state{tf.value(kind, response.State), nil, warningsIn(response.Diagnostics)}, ""
}

// lookedTier is a tier of two simulated machines, app2 dialling app1, as it stands
// in a state: with more attributes than a status takes.
func lookedTier(t *testing.T) (*remotetest.Network, object) {
	t.Helper()
	network := machines(t, "203.0.113.21", "203.0.113.22")
	hub, spoke := network.Machines["203.0.113.21"], network.Machines["203.0.113.22"]
	for _, machine := range network.Machines {
		do(t, machine.Write("/var/trees/.tier/name", "files"), machine.Write("/var/lib/atoll/tier/files/pairs/.d", ""))
	}
	do(t, spoke.Write("/var/lib/atoll/tier/files/pairs/app1/status.json", `{"stage":"watching","since":"2026-11-26T10:00:05Z","in_step":"2026-11-26T10:00:05Z"}`),
		spoke.Write("/simulated/active/atoll-tier-files.app1.service", ""),
		hub.Write("/var/lib/atoll/tier/files/count/count.json", `{"at":"2026-11-26T10:00:00Z","whole":true,"files":3,"bytes":12,"days":2,"first":"2026/11/25","last":"2026/11/26","newer":1}`))
	node := func(address string) object {
		return object{"ssh": sshTo(address), "address": "10.77.0." + address[len(address)-2:], "hot": nil, "cold": nil}
	}
	return network, object{"tier": object{"name": "files", "hot": "/var/trees", "cold": "/var/archive", "hub": "app1", "pairs": nil, "nodes": object{"app1": node("203.0.113.21"), "app2": node("203.0.113.22")}}}
}

func do(t *testing.T, problems ...error) {
	t.Helper()
	if err := errors.Join(problems...); err != nil {
		t.Fatal(err)
	}
}

// What a tier's status says of what stands on its machines. Nothing is called in
// step but what somebody said who was asked.
func TestTierStatus(t *testing.T) {
	t.Parallel()
	const app1, app2 = "203.0.113.21", "203.0.113.22"
	status := func(text string) func(*testing.T, *remotetest.Network) {
		return func(t *testing.T, network *remotetest.Network) {
			t.Helper()
			do(t, network.Machines[app2].Write("/var/lib/atoll/tier/files/pairs/app1/status.json", text))
		}
	}
	archive := func(at, with, text string) func(*testing.T, *remotetest.Network) {
		return func(t *testing.T, network *remotetest.Network) {
			t.Helper()
			do(t, network.Machines[at].Write("/var/lib/atoll/tier/files/pairs/"+with+"/cold.json", text))
		}
	}
	fails := func(address string, kind error) func(*testing.T, *remotetest.Network) {
		return func(_ *testing.T, network *remotetest.Network) {
			network.Machines[address].Fail(&remote.Error{Kind: kind, Address: address + ":22"})
		}
	}
	for name, row := range map[string]struct {
		spoil    func(*testing.T, *remotetest.Network)
		block    object
		state    string
		problems []string
	}{
		"in step":                     {func(*testing.T, *remotetest.Network) {}, object{}, "IN_STEP", nil},
		"in step, asked by read_only": {func(*testing.T, *remotetest.Network) {}, object{"read_only": true}, "IN_STEP", nil},
		"who is dialled is not asked": {
			fails(app1, remote.ErrUnreachable), object{}, "UNKNOWN", []string{"app1: not asked: connect 203.0.113.21:22", "app2 ↔ app1: UNKNOWN: app1 was not asked"},
		},
		"who dials is not asked": {
			fails(app2, remote.ErrHostKeyMismatch), object{}, "UNKNOWN", []string{"app2: not asked: connect 203.0.113.22:22: host key has changed", "app2 ↔ app1: UNKNOWN: app2 was not asked"},
		},
		"one is declared lost": {
			func(*testing.T, *remotetest.Network) {}, object{"lost": []any{app1}}, "UNKNOWN", []string{"app1: not asked: ", "app2 ↔ app1: UNKNOWN: app1 was not asked"},
		},
		"a conflict": {
			status(`{"stage":"watching","since":"2026-11-26T10:00:05Z","in_step":"2026-11-26T10:00:05Z","skipped":[{"path":"a/both","reason":"contents changed on both sides"}]}`),
			object{}, "PARTIAL", []string{`app2 ↔ app1: PARTIAL: 1 path is left, the first is "a/both"`},
		},
		"it waits": {
			status(`{"stage":"waiting","since":"2026-11-26T10:00:05Z","error":"Connection refused"}`), object{}, "WAITING", []string{"app2 ↔ app1: WAITING: Connection refused, and never was in step"},
		},
		"its unit was stopped while all was well": {
			func(t *testing.T, network *remotetest.Network) {
				t.Helper()
				_, err := network.Host(remote.Target{Host: app2, HostKey: hostKey}).Run(t.Context(), remote.Command{Name: "stopping", Script: "systemctl stop atoll-tier-files.app1.service"})
				do(t, err)
			},
			object{}, "STOPPED", []string{"app2 ↔ app1: STOPPED: its unit does not run on app2, in step "},
		},
		"a tree that is not mounted": {
			func(t *testing.T, network *remotetest.Network) {
				t.Helper()
				_, err := network.Host(remote.Target{Host: app1, HostKey: hostKey}).Run(t.Context(), remote.Command{Name: "unmounting", Script: "rm -r /var/trees/.tier"})
				do(t, err)
			},
			object{}, "IN_STEP", []string{"app1: /var/trees does not carry the tier's name: if it is a mount point, mount it"},
		},
		"an archive's run failed": {archive(app2, "app1", `{"stage":"waiting","error":"unable to reach the archive of app1: timeout"}`), object{}, "IN_STEP", []string{"archive app2 ↔ app1: unable to reach the archive of app1: timeout"}},
		"an archive is full":      {archive(app1, "app2", `{"stage":"waiting","error":"1 MiB is left"}`), object{}, "IN_STEP", []string{"archive app2 ↔ app1: app1 takes nothing: 1 MiB is left"}},
		"an archive lacks a file": {
			archive(app2, "app1", `{"stage":"resting","in_step":"2026-11-26T10:00:05Z","failed":[{"path":"2026/01/02/a","reason":"Permission denied"}]}`), object{}, "IN_STEP",
			[]string{`archive app2 ↔ app1: 1 path is left, the first is "2026/01/02/a"`},
		},
		"an archive's answer was cut": {archive(app1, "app2", `{"stage":`), object{}, "UNKNOWN", []string{"app1: not asked: ", "app2 ↔ app1: UNKNOWN: app1 was not asked"}},
		"an answer that was cut":      {status(`{"stage":"watching"`), object{}, "UNKNOWN", []string{"app2: not asked: ", "app2 ↔ app1: UNKNOWN: app2 was not asked"}},
		"what a newer agent says":     {status(`{"stage":"dreaming"}`), object{}, "UNKNOWN", []string{`app2 ↔ app1: UNKNOWN: its stage "dreaming" is not known to this provider`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			network, config := lookedTier(t)
			row.spoil(t, network)
			config["least_free_percent"] = 0
			read, problems := start(t, network, row.block).looked("atoll_file_tier_status", config)
			if problems != "" {
				t.Fatal(problems)
			}
			said, _ := read.at("problems").([]any)
			if len(said) != len(row.problems) || read.at("healthy") != (len(said) == 0) {
				t.Errorf("healthy is %v, and the problems are %q", read.at("healthy"), said)
			}
			for i := range min(len(said), len(row.problems)) {
				if text, _ := said[i].(string); !strings.HasPrefix(text, row.problems[i]) {
					t.Errorf("%q, want %q", text, row.problems[i])
				}
			}
			pairs, _ := read.at("pairs").([]any)
			pair, _ := pairs[0].(object)
			if pair["state"] != row.state || pair["in_step"] != (row.state == "IN_STEP") {
				t.Errorf("the pair is %v, in step: %v", pair["state"], pair["in_step"])
			}
		})
	}
}

// What was counted is told, what was not is null, and a plan warns of a disk.
func TestTierStatusOfNodes(t *testing.T) {
	t.Parallel()
	network, config := lookedTier(t)
	do(t, network.Machines["203.0.113.22"].Write("/var/lib/atoll/tier/files/pairs/app1/cold.json", `{"stage":"resting","since":"2026-11-26T03:00:09Z","in_step":"2026-11-26T03:00:09Z"}`))
	do(t, network.Machines["203.0.113.21"].Write("/var/archive/.tier/name", "files"),
		network.Machines["203.0.113.21"].Write("/var/lib/atoll/tier/files/count-cold/count.json", `{"at":"2026-11-26T04:00:00Z","whole":false,"files":300,"bytes":1200,"days":20,"first":"2020/01/01","last":"2026/10/01"}`))
	config["least_free_percent"] = 100
	read, problems := start(t, network, object{}).looked("atoll_file_tier_status", config)
	if problems != "" {
		t.Fatal(problems)
	}
	counted, _ := read.at("nodes", "app1").(object)
	known := object{}
	for _, name := range []string{"asked", "tree_there", "counted_at", "whole", "files", "bytes", "days", "first_day", "last_day", "full_on", "problem"} {
		known[name] = counted[name]
	}
	want := object{
		"asked": true, "tree_there": true, "counted_at": "2026-11-26T10:00:00Z", "whole": true, "files": int64(3), "bytes": int64(12), "days": int64(2),
		"first_day": "2026/11/25", "last_day": "2026/11/26", "full_on": nil, "problem": "",
	}
	if diff := cmp.Diff(want, known); diff != "" {
		t.Error(diff)
	}
	if size, _ := counted["size_mib"].(int64); size <= 0 || counted["free_mib"] == nil {
		t.Errorf("size %v, free %v", counted["size_mib"], counted["free_mib"])
	}
	archive, _ := read.at("nodes", "app1", "archive").(object)
	known = object{}
	for _, name := range []string{"counted_at", "whole", "files", "bytes", "days", "first_day", "last_day"} {
		known[name] = archive[name]
	}
	want = object{
		"counted_at": "2026-11-26T04:00:00Z", "whole": false, "files": int64(300), "bytes": int64(1200), "days": int64(20), "first_day": "2020/01/01", "last_day": "2026/10/01",
	}
	if diff := cmp.Diff(want, known); diff != "" || archive["size_mib"] != counted["size_mib"] {
		t.Errorf("%v MiB, %s", archive["size_mib"], diff)
	}
	if other, _ := read.at("nodes", "app2", "archive").(object); other == nil || other["files"] != nil || other["size_mib"] != nil {
		t.Errorf("an archive that is not there is %v", other)
	}
	if other, _ := read.at("nodes", "app2").(object); other["files"] != nil || other["counted_at"] != nil || other["asked"] != true {
		t.Errorf("what was not counted is %v", other)
	}
	archives := []any{object{"dials": "app2", "serves": "app1", "told": true, "problem": "", "since": "2026-11-26T03:00:09Z", "last_in_step": "2026-11-26T03:00:09Z", "failed": []any{}}}
	if diff := cmp.Diff(archives, read.at("archives")); diff != "" {
		t.Error(diff)
	}
	// Of two warnings with one title Terraform would show one.
	if !strings.Contains(read.warnings, "Disk Nearly Full: File tier files: app1: where /var/trees lies, ") || strings.Count(read.warnings, "Disk Nearly Full") != 1 || !strings.Contains(read.warnings, ".\napp2: where ") {
		t.Errorf("the warnings are %q", read.warnings)
	}
}

// How far a pair is behind is told as long as it is known, and the way of the last
// probe as long as there was one.
func TestTierStatusOfPairs(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		status string
		want   object
	}{
		"at work": {
			`{"stage":"working","since":"2026-11-26T10:00:05Z","in_step":"2026-11-26T10:00:00Z","backlog":12,"probe":{"at":"2026-11-26T09:30:00Z","milliseconds":2340}}`,
			object{"backlog": int64(12), "lag": 2.34, "lag_at": "2026-11-26T09:30:00Z"},
		},
		"reading":             {`{"stage":"working","since":"2026-11-26T10:00:05Z"}`, object{"backlog": nil, "lag": nil, "lag_at": ""}},
		"in step":             {`{"stage":"watching","since":"2026-11-26T10:00:05Z","in_step":"2026-11-26T10:00:00Z","backlog":0}`, object{"backlog": int64(0), "lag": nil, "lag_at": ""}},
		"the line is cut":     {`{"stage":"waiting","since":"2026-11-26T10:00:05Z","backlog":7,"error":"timeout"}`, object{"backlog": nil, "lag": nil, "lag_at": ""}},
		"of an earlier agent": {`{"stage":"watching","since":"2026-11-26T10:00:05Z","in_step":"2026-11-26T10:00:00Z"}`, object{"backlog": nil, "lag": nil, "lag_at": ""}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			network, config := lookedTier(t)
			do(t, network.Machines["203.0.113.22"].Write("/var/lib/atoll/tier/files/pairs/app1/status.json", row.status))
			read, problems := start(t, network, object{}).looked("atoll_file_tier_status", config)
			if problems != "" {
				t.Fatal(problems)
			}
			pairs, _ := read.at("pairs").([]any)
			pair, _ := pairs[0].(object)
			if diff := cmp.Diff(row.want, object{"backlog": pair["backlog"], "lag": pair["lag"], "lag_at": pair["lag_at"]}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What makes no tier is refused before a machine is asked.
func TestTierStatusRefuses(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(object){
		"must start with a letter": func(tier object) { tier["name"] = "$(reboot)" },
		"must be an absolute path": func(tier object) { tier["hot"] = "srv" },
		`pairs names "nowhere"`:    func(tier object) { tier["hub"], tier["pairs"] = nil, []any{[]any{"nowhere", "app2"}} },
		`nodes["app1"].ssh.host`:   func(tier object) { tier["nodes"].(object)["app1"].(object)["ssh"] = object{"port": 22} },
		"at least 1":               func(tier object) { tier["nodes"] = object{} },
		`hot of node app1`:         func(tier object) { tier["nodes"].(object)["app1"].(object)["hot"] = "/a b" },
	} {
		network, config := lookedTier(t)
		change(config["tier"].(object))
		read, problems := start(t, network, object{}).looked("atoll_file_tier_status", config)
		if problems == "" {
			problems = fmt.Sprint(read.at("problems"))
		}
		if !strings.Contains(problems, want) {
			t.Errorf("want %q, got %s", want, problems)
		}
	}
}
