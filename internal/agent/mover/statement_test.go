// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mover

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/agent/tree"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// speak has replicas know one another by what they say in their archives.
func speak(all []*replica) {
	for _, node := range all {
		node.Config.Node, node.Config.Nodes = node.name, nil
		for _, other := range all {
			if other != node {
				node.Config.Nodes = append(node.Config.Nodes, tier.MoverNode{Name: other.name})
			}
		}
		node.Nodes = node.Config.others()
	}
}

// carried brings what is said in one archive to another, as rsync does: of two
// versions the one with the later time.
func carried(t *testing.T, from, to *replica) {
	t.Helper()
	files, err := filepath.Glob(from.cold(tier.Statements, "*"))
	do(t, err, os.MkdirAll(to.cold(tier.Statements), 0o755))
	for _, file := range files {
		stat, err := os.Stat(file)
		do(t, err)
		target := to.cold(tier.Statements, filepath.Base(file))
		if there, err := os.Stat(target); err == nil && !there.ModTime().Before(stat.ModTime()) {
			continue
		}
		text, err := os.ReadFile(file)
		do(t, err, os.WriteFile(target, text, 0o644), os.Chtimes(target, time.Time{}, stat.ModTime()))
	}
}

// exchange is a round of a hub's pairs: each node gets what all had said before.
func exchange(t *testing.T, all []*replica) {
	t.Helper()
	for _, node := range slices.Concat(all[1:], all[1:]) {
		carried(t, all[0], node)
		carried(t, node, all[0])
	}
}

// tellingRounds runs nodes in turn, carries what they say, and holds the promise
// against each step.
func tellingRounds(t *testing.T, all []*replica, want map[string]string, rounds int) {
	t.Helper()
	for range rounds {
		for _, node := range all {
			node.run()
			checkPromise(t, all, want)
		}
		exchange(t, all)
	}
}

func mustOpen(t *testing.T, node *replica) *tree.Dir {
	t.Helper()
	dir, err := tree.OpenRoot(node.Config.Cold)
	do(t, err)
	t.Cleanup(dir.Close)
	return dir
}

func TestNodesTellByStatements(t *testing.T) {
	all := replicas(t, "one", "two", "three")
	speak(all)
	want := fill(all, 2, 12)
	readers := startReaders(all, slices.Collect(maps.Keys(want)))
	if outcome := all[0].run()[oneDay]; outcome.Step != Wait || !strings.Contains(outcome.Why, "three does not answer: it has said nothing yet, and what it says first comes with the archive's next run") {
		t.Errorf("%+v", outcome)
	}
	tellingRounds(t, all, want, 4)
	readers.check(t)
	checkMoved(t, all, want)
	said, err := os.ReadFile(all[2].cold(tier.Statements, "one.json"))
	do(t, err)
	tellingRounds(t, all, want, 1)
	if again, err := os.ReadFile(all[0].cold(tier.Statements, "one.json")); err != nil || string(again) != string(said) {
		t.Errorf("with nothing new it says %s after %s, %v", again, said, err)
	}
}

// A node that is down for days holds up the others, until it is up, or is taken out
// of the tier. What it said before it went down is good for what it said.
func TestSilentNodeHoldsUp(t *testing.T) {
	all := replicas(t, "one", "two", "three")
	speak(all)
	want := fill(all, 1, 5)
	exchange(t, all)
	for range 4 {
		tellingRounds(t, all[:2], want, 1)
		if outcome := all[0].run()[oneDay]; outcome.Step != Wait || !strings.Contains(outcome.Why, "three does not answer") || all[0].flipped(oneDay) {
			t.Fatalf("%+v", outcome)
		}
	}
	all[2].run() // it has its copy, says so, and goes down
	exchange(t, all)
	tellingRounds(t, all[:2], want, 3)
	if said, err := readStatement(mustOpen(t, all[0]), "one", "files"); err != nil || said.Days[oneDay].Read || said.Days[oneDay].Phase != tier.Flipped {
		t.Errorf("while one has not flipped, it says %+v, %v", said, err)
	}
	if outcome := all[0].run()[oneDay]; outcome.Step != Wait || !strings.Contains(outcome.Why, "three has not flipped") || !all[0].flipped(oneDay) {
		t.Fatalf("%+v", outcome)
	}
	checkFiles(t, all, want)
	two := all[:2]
	speak(two)
	tellingRounds(t, two, want, 3)
	checkMoved(t, two, want)
	if all[2].flipped(oneDay) {
		t.Error("a node that was down flipped")
	}
}

// What somebody wrote in a node's place, or half of it, is put right by the node.
func TestStatementIsPutRight(t *testing.T) {
	all := replicas(t, "one", "two")
	speak(all)
	want := fill(all, 1, 5)
	file := all[0].cold(tier.Statements, "one.json")
	all[0].run()
	var first, second tier.Statement
	text, err := os.ReadFile(file)
	do(t, err, json.Unmarshal(text, &first))
	for name, wrong := range map[string]string{
		"half":    string(text[:len(text)/2]),
		"another": strings.Replace(string(text), `"node":"one"`, `"node":"two"`, 1),
		"a lie":   strings.Replace(string(text), `"copied"`, `"flipped"`, 1),
	} {
		do(t, os.WriteFile(file, []byte(wrong), 0o644))
		all[0].run()
		text, err := os.ReadFile(file)
		do(t, err, json.Unmarshal(text, &second))
		stat, err := os.Stat(file)
		do(t, err)
		if second.Days[oneDay] != first.Days[oneDay] || second.Node != "one" || stat.ModTime().Unix() != second.Count {
			t.Errorf("%s: it says %s", name, text)
		}
	}
	// A link in its place leads nobody anywhere.
	outside := filepath.Join(t.TempDir(), "outside")
	do(t, os.WriteFile(outside, []byte("x"), 0o600), os.Remove(file), os.Symlink(outside, file))
	all[0].run()
	if text, err := os.ReadFile(outside); err != nil || string(text) != "x" {
		t.Errorf("%q, %v", text, err)
	}
	tellingRounds(t, all, want, 4)
	checkMoved(t, all, want)
}

// The old directory stays until both trees were read after all had flipped.
func TestOldStaysUntilTreesAreRead(t *testing.T) {
	all := replicas(t, "one", "two")
	speak(all)
	status := filepath.Join(t.TempDir(), "status.json")
	all[1].Config.Pairs = []string{status}
	want := fill(all, 1, 5)
	read := func(at time.Time) {
		text, err := json.Marshal(tier.PairStatus{Stage: tier.Watching, Read: at})
		do(t, err, os.WriteFile(status, text, 0o600))
	}
	read(time.Now().Add(-time.Hour))
	tellingRounds(t, all, want, 5)
	if outcome := all[1].run()[oneDay]; outcome.Step != Wait || !strings.Contains(outcome.Why, "the trees were not read again") {
		t.Errorf("%+v", outcome)
	}
	if outcome := all[0].run()[oneDay]; outcome.Step != Wait || !strings.Contains(outcome.Why, "two has not read its trees") {
		t.Errorf("%+v", outcome)
	}
	// Only who has pairs asks for a reading, and no more when it came.
	asks := filepath.Join(t.TempDir(), tier.MoverAsks)
	asked := func(i int) bool {
		result, err := all[i].Run(t.Context())
		do(t, err, result.ask(asks))
		_, err = os.Lstat(asks)
		return err == nil
	}
	if asked(0) || !asked(1) {
		t.Error("the mover of the node that reads its trees is the one that asks for that")
	}
	if len(all[0].left()) == 0 || len(all[1].left()) == 0 {
		t.Fatal("an old directory went away")
	}
	read(time.Now())
	tellingRounds(t, all, want, 2)
	checkMoved(t, all, want)
	if asked(1) {
		t.Error("what was had is asked for")
	}
}

func TestMet(t *testing.T) {
	now := time.Date(2026, time.March, 10, 12, 0, 0, 0, time.UTC)
	before, after := now.Add(-time.Minute), now.Add(time.Minute)
	flipped := tier.DayReport{Phase: tier.Flipped}
	for name, test := range map[string]struct {
		was  tier.DayReport
		read *time.Time
		want tier.DayReport
	}{
		"no pair":          {tier.DayReport{}, nil, tier.DayReport{Phase: tier.Flipped, Read: true}},
		"read before":      {tier.DayReport{}, &before, tier.DayReport{Phase: tier.Flipped, Met: now}},
		"never read":       {tier.DayReport{}, &time.Time{}, tier.DayReport{Phase: tier.Flipped, Met: now}},
		"met, not read":    {tier.DayReport{Met: before}, &before, tier.DayReport{Phase: tier.Flipped, Met: before}},
		"met, read":        {tier.DayReport{Met: before}, &now, tier.DayReport{Phase: tier.Flipped, Read: true}},
		"read, clock back": {tier.DayReport{Read: true}, &before, tier.DayReport{Phase: tier.Flipped, Read: true}},
		"clock was ahead":  {tier.DayReport{Met: after}, &now, tier.DayReport{Phase: tier.Flipped, Met: after}},
	} {
		if got := met(flipped, test.was, now, test.read); got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
}

// The archive's own run may bring a day while it is being copied.
func TestArchiveArrivesDuringTheCopy(t *testing.T) {
	all := replicas(t, "one")
	one := all[0]
	want := fill(all, 1, 5)
	one.at("publishing", func() {
		do(t, os.MkdirAll(one.cold(oneDay, "dir0"), 0o755), os.WriteFile(one.cold(oneDay, "dir0/file 0"), []byte(want[oneDay+"/dir0/file 0"]), 0o644))
	})
	result, err := one.Run(context.Background())
	if err = errors.Join(err, result.failed()); err != nil {
		t.Fatal(err)
	}
	checkMoved(t, all, want)
}
