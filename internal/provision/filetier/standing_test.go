// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filetier

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	model "github.com/atollhq/terraform-provider-atoll/internal/model/tier"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
	"github.com/atollhq/terraform-provider-atoll/internal/remote/remotetest"
)

var now = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// A pair that works is as it should be while it is not far behind; a disk that is
// nearly full and trees that hold nothing are said after what is worse.
func TestProblems(t *testing.T) {
	at := func(stage model.Stage, ago time.Duration) model.PairStatus {
		return model.PairStatus{Stage: stage, InStep: now.Add(-ago)}
	}
	half := provision.Disk{SizeKiB: 100, FreeKiB: 50, Inodes: 100, FreeInodes: 50}
	for name, row := range map[string]struct {
		status model.PairStatus
		disk   provision.Disk
		want   []string
	}{
		"in step since long":           {at(model.Watching, 24*time.Hour), half, []string{}},
		"at work":                      {at(model.Working, 5*time.Second), half, []string{}},
		"at work for long":             {at(model.Working, 5*time.Minute), half, []string{"b ↔ a: WORKING, in step 5m0s ago"}},
		"at work for the first time":   {model.PairStatus{Stage: model.Working}, half, []string{"b ↔ a: WORKING, and never was in step"}},
		"dials again":                  {at(model.Connecting, 5*time.Second), half, []string{}},
		"a clock that is ahead":        {at(model.Working, -time.Hour), half, []string{}},
		"few inodes":                   {at(model.Watching, 0), provision.Disk{SizeKiB: 100, FreeKiB: 50, Inodes: 100, FreeInodes: 9}, []string{"b: where /srv/files lies, 9 % is left, less than 10 %"}},
		"no room, and a path is left":  {model.PairStatus{Stage: model.Watching, Failed: []model.Left{{Path: "a\nb"}, {Path: "c"}}}, provision.Disk{SizeKiB: 100}, []string{"b ↔ a: PARTIAL: 2 paths are left, the first is \"a b\"", "b: where /srv/files lies, 0 % is left, less than 10 %"}},
		"the tree itself is left":      {model.PairStatus{Stage: model.Watching, Skipped: []model.Left{{Path: model.Top, Reason: "properties changed on both sides"}}}, half, []string{"b ↔ a: PARTIAL: 1 path is left, the first is the top directory itself"}},
		"a file system without inodes": {at(model.Watching, 0), provision.Disk{SizeKiB: 100, FreeKiB: 50}, []string{}},
	} {
		tier := three().Without(func(node string) bool { return node == "c" })
		nodes := map[string]NodeStatus{
			"a": {Has: true, Tree: true, Now: now, Disk: half},
			"b": {Has: true, Tree: true, Now: now, Disk: row.disk, Runs: []string{"a"}, Dials: map[string]model.PairStatus{"a": row.status}},
		}
		if diff := cmp.Diff(row.want, converge.Texts(tier.Problems(nodes, Limits{FreePercent: 10, Behind: time.Minute}))); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

// An archive on a disk of its own is warned of by its name; on that of the tree
// nothing is said twice.
func TestProblemsOfAnArchiveBeside(t *testing.T) {
	tier := vaulted().Without(func(node string) bool { return node != "a" })
	full := provision.Disk{SizeKiB: 100, FreeKiB: 9}
	for name, row := range map[string]struct {
		tree   provision.Disk
		beside Beside
		want   []string
	}{
		"apart":               {provision.Disk{SizeKiB: 100, FreeKiB: 50}, Beside{Disk: full}, []string{"a: where /srv/cold lies, 9 % is left, less than 10 %"}},
		"both":                {full, Beside{Disk: full}, []string{"a: where /srv/files lies, 9 % is left, less than 10 %", "a: where /srv/cold lies, 9 % is left, less than 10 %"}},
		"on the same":         {full, Beside{Disk: full, Shares: true}, []string{"a: where /srv/files lies, 9 % is left, less than 10 %"}},
		"which is not there":  {provision.Disk{SizeKiB: 100, FreeKiB: 50}, Beside{}, []string{}},
		"with room on either": {provision.Disk{SizeKiB: 100, FreeKiB: 50}, Beside{Disk: provision.Disk{SizeKiB: 100, FreeKiB: 10}}, []string{}},
	} {
		nodes := map[string]NodeStatus{"a": {Has: true, Tree: true, Now: now, Disk: row.tree, Beside: &row.beside}}
		if diff := cmp.Diff(row.want, converge.Texts(tier.Problems(nodes, Limits{FreePercent: 10, Behind: time.Minute}))); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

// A plan of the tier itself warns of the archive's own disk as well, and of one that
// both lie on once.
func TestNearlyFull(t *testing.T) {
	for name, row := range map[string]struct {
		tree, archive int // the device that each lies on
		full          string
		want          []string
	}{
		"the archive's own": {1, 2, "cold", []string{"a: where /srv/cold lies, 5 % is left, less than 10 %"}},
		"the tree's":        {1, 2, "files", []string{"a: where /srv/files lies, 5 % is left, less than 10 %"}},
		"that of both":      {1, 1, "", []string{"a: where /srv/files lies, 5 % is left, less than 10 %"}},
		"none":              {1, 2, "nothing", []string{}},
	} {
		machine, err := remotetest.NewMachine(t.TempDir(), "203.0.113.1", "")
		if err != nil {
			t.Fatal(err)
		}
		for path, text := range map[string]string{"/srv/files/.tier/name": "files", "/srv/cold/.tier/name": "files"} {
			if err := machine.Write(path, text); err != nil {
				t.Fatal(err)
			}
		}
		if err := machine.Program("stat", fmt.Sprintf(`#!/bin/sh
case $* in
*%%S*%s) echo 'room 1024 100 5 0 0' ;;
*%%S*) echo 'room 1024 100 50 0 0' ;;
*%%d*/srv/files) echo %d ;;
*%%d*/srv/cold) echo %d ;;
*) exec /usr/bin/stat "$@" ;;
esac`, row.full, row.tree, row.archive)); err != nil {
			t.Fatal(err)
		}
		network := &remotetest.Network{Machines: map[string]*remotetest.Machine{machine.Address: machine}}
		tier := vaulted()
		manifest := tier.Manifest("a", Facts{Group: "www-data"}, nil)
		asked := converge.Manifest{Owner: manifest.Owner}
		for _, item := range manifest.Items {
			if question, is := item.(converge.Question[provision.Disk]); is {
				asked.Items = append(asked.Items, question)
			}
		}
		observation, err := converge.Observe(t.Context(), network.Host(remote.Target{Host: machine.Address}), asked)
		if err != nil {
			t.Fatal(err)
		}
		lines, err := tier.NearlyFull("a", observation, 10)
		if diff := cmp.Diff(row.want, converge.Texts(lines)); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
}

// A plan says which paths a pair leaves and why, and nothing while the pair is at work or
// something is in the way of all of it, which is drift.
func TestLeftBehind(t *testing.T) {
	for name, row := range map[string]struct {
		pair, archive string
		want          []string
	}{
		"all is carried": {`{"stage":"watching"}`, `{"stage":"resting"}`, []string{}},
		"nothing told":   {"", "", []string{}},
		"a conflict and a failure": {
			`{"stage":"watching","skipped":[{"path":"old/logo","reason":"contents changed on both sides"}],"failed":[{"path":"a","reason":"Permission denied"}]}`, "",
			[]string{`b ↔ a: 2 paths are left, the first is "old/logo": contents changed on both sides`},
		},
		"the tree itself": {`{"stage":"watching","skipped":[{"path":".","reason":"properties changed on both sides"}]}`, "", []string{"b ↔ a: 1 path is left, the first is the top directory itself: properties changed on both sides"}},
		"without a word":  {`{"stage":"watching","failed":[{"path":"a\nb"}]}`, "", []string{`b ↔ a: 1 path is left, the first is "a b": no reason is known`}},
		"at work":         {`{"stage":"working","failed":[{"path":"a","reason":"Permission denied"}]}`, "", []string{}},
		"in the way":      {`{"stage":"waiting","error":"timeout","failed":[{"path":"a","reason":"Permission denied"}]}`, "", []string{}},
		"an archive":      {"", `{"stage":"resting","failed":[{"path":"2026/01/02/a","reason":"Permission denied"}]}`, []string{`archive b ↔ a: 1 path is left, the first is "2026/01/02/a": Permission denied`}},
	} {
		tier := archived()
		observation := answered(t, map[string]string{tier.state("a") + "/" + model.StatusFile: row.pair, tier.state("a") + "/" + model.ArchiveStatusFile: row.archive}, tier.statusCheck("b", "a"), tier.archiveCheck("b", "a"))
		lines, err := tier.LeftBehind("b", observation)
		if diff := cmp.Diff(row.want, converge.Texts(lines)); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
}

// answered asks a simulated machine with some files.
func answered(t *testing.T, files map[string]string, items ...converge.Item) converge.Observation {
	t.Helper()
	machine, err := remotetest.NewMachine(t.TempDir(), "203.0.113.1", "")
	if err != nil {
		t.Fatal(err)
	}
	for path, text := range files {
		if err := machine.Write(path, text); err != nil {
			t.Fatal(err)
		}
	}
	network := &remotetest.Network{Machines: map[string]*remotetest.Machine{machine.Address: machine}}
	observation, err := converge.Observe(t.Context(), network.Host(remote.Target{Host: machine.Address}), converge.Manifest{Owner: "file-tier/files", Items: items})
	if err != nil {
		t.Fatal(err)
	}
	return observation
}
