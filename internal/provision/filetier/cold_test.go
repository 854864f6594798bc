// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filetier

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/atollhq/terraform-provider-atoll/internal/agent/mover"
	"github.com/atollhq/terraform-provider-atoll/internal/agent/scrub"
	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	model "github.com/atollhq/terraform-provider-atoll/internal/model/tier"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
)

// archives has archives and no hot trees.
func archives() Tier {
	tier := scrubbed()
	tier.each(func(node *Node) { node.Hot = "" })
	return tier
}

// vaulted has hot trees and archives on two nodes, and an archive alone on a third.
func vaulted() Tier {
	tier := moving()
	tier.Scrub = scrubbed().Scrub
	vault := tier.Nodes["c"]
	vault.Hot = ""
	tier.Nodes["c"] = vault
	return tier
}

// held are the packages, files, links and units that a manifest has, and the settings
// of the kernel that it raises.
func held(m converge.Manifest) []string {
	var names []string
	for _, item := range m.Items {
		switch item := item.(type) {
		case converge.Package:
			names = append(names, "package "+item.Name)
		case converge.File:
			names = append(names, item.Path)
		case converge.Link:
			names = append(names, item.Path)
		case converge.Unit:
			names = append(names, "unit "+item.Name)
		case converge.Action:
			if strings.HasPrefix(item.Name, "raise ") {
				names = append(names, item.Name)
			}
		}
	}
	return names
}

// An archive alone has no unison, no file monitor, no mover and no pair of trees; it is
// served, carried, scrubbed and counted as any other.
func TestManifestOfArchives(t *testing.T) {
	tier, facts := archives(), Facts{Group: "www-data"}
	tier.Layout = "%Y/%m/%d"
	const units = "/etc/systemd/system/"
	both := []string{
		units + "atoll-count-files.service", units + "atoll-count-files.timer", "unit atoll-count-files.timer",
		"package rsync", "/etc/atoll/tier/files/tier.scrub.json",
		units + "atoll-scrub-files.service", units + "atoll-scrub-files.timer", units + "atoll-mend-files.service", units + "atoll-mend-files.path",
		"unit atoll-scrub-files.timer", "unit atoll-mend-files.path",
	}
	want := map[string][]string{
		"a": append(slices.Clone(both), "/var/lib/atoll/tier/files/ssh/.ssh/authorized_keys"),
		"b": append(slices.Clone(both), "package openssh-client", "/etc/atoll/tier/files/known_hosts", "/etc/atoll/tier/files/a.cold.json",
			units+"atoll-tier-files.a.cold.service", units+"atoll-tier-files.a.cold.timer", "unit atoll-tier-files.a.cold.timer"),
	}
	for _, peer := range []string{"b", "c"} {
		unit := "atoll-tier-files." + peer + ".cold"
		want["a"] = append(want["a"], "/etc/atoll/tier/files/"+peer+".cold.json", units+unit+"@.service", units+unit+".socket", "unit "+unit+".socket")
	}
	for node, names := range want {
		if diff := cmp.Diff(names, held(tier.Manifest(node, facts, nil))); diff != "" {
			t.Errorf("%s:\n%s", node, diff)
		}
	}
	hub, spoke := tier.Manifest("a", facts, map[string]string{"b": "ssh-ed25519 BBBB b"}), tier.Manifest("b", facts, nil)
	if lets := fileOf(t, hub, "/var/lib/atoll/tier/files/ssh/.ssh/authorized_keys"); !strings.Contains(lets, `relay - /run/atoll-tier/files/b.cold.sock" ssh-ed25519 BBBB b`) {
		t.Errorf("the hub lets in %q", lets)
	}
	for unit, lines := range map[string][]string{
		"atoll-scrub-files.service": {"RequiresMountsFor=/srv/cold", "PrivateTmp=yes", "OnFailure=atoll-tier-files.a.cold.service"},
		"atoll-count-files.service": {"RequiresMountsFor=/srv/cold", "PrivateTmp=yes", "ExecStart=/var/lib/atoll/tier/files/atoll-agent count --root /srv/cold --layout %%Y/%%m/%%d --into /var/lib/atoll/tier/files/count"},
	} {
		text := fileOf(t, spoke, units+unit)
		for _, line := range lines {
			if !strings.Contains(text, line+"\n") {
				t.Errorf("%s lacks %q:\n%s", unit, line, text)
			}
		}
	}
	settings := fileOf(t, spoke, "/etc/atoll/tier/files/tier.scrub.json")
	if config, err := scrub.ParseConfig([]byte(settings)); err != nil || config.Cold != "/srv/cold" || strings.Contains(settings, "hot") {
		t.Errorf("%v, %s", err, settings)
	}
}

// A node that only keeps the archive is dialled for that and for nothing else; between
// the others all is as it was, and no day waits for it.
func TestManifestOfAVault(t *testing.T) {
	tier, facts := vaulted(), Facts{Group: "www-data"}
	keys := map[string]string{"b": "ssh-ed25519 BBBB b", "c": "ssh-ed25519 CCCC c"}
	hub, vault := tier.Manifest("a", facts, keys), tier.Manifest("c", facts, keys)
	lets := fileOf(t, hub, "/var/lib/atoll/tier/files/ssh/.ssh/authorized_keys")
	for _, line := range []string{`relay /run/atoll-tier/files/b.sock /run/atoll-tier/files/b.cold.sock" ssh-ed25519 BBBB b`, `relay - /run/atoll-tier/files/c.cold.sock" ssh-ed25519 CCCC c`} {
		if !strings.Contains(lets, line) {
			t.Errorf("the hub does not let in %q: %s", line, lets)
		}
	}
	all := held(hub)
	if !slices.Contains(all, "unit atoll-tier-files.b.socket") || slices.Contains(all, "unit atoll-tier-files.c.socket") || !slices.Contains(all, "unit atoll-tier-files.c.cold.socket") {
		t.Errorf("the hub has %q", all)
	}
	for _, name := range held(vault) {
		for _, foreign := range []string{"unison", "mover", "news", "inotify", "files.a.service", "/files/a.json"} {
			if strings.Contains(name, foreign) {
				t.Errorf("the vault has %s", name)
			}
		}
	}
	config, err := mover.ParseConfig([]byte(fileOf(t, hub, "/etc/atoll/tier/files/tier.mover.json")))
	if err != nil || len(config.Nodes) != 1 || config.Nodes[0].Name != "b" {
		t.Errorf("the hub's mover waits for %v, %v", config.Nodes, err)
	}
	var between []string
	for _, meeting := range tier.meetings() {
		between = append(between, meeting.name)
	}
	if diff := cmp.Diff([]string{"b ↔ a", "archive b ↔ a", "archive c ↔ a"}, between); diff != "" {
		t.Error(diff)
	}
}

func TestValidateWithoutHot(t *testing.T) {
	for _, row := range []struct {
		name   string
		tier   Tier
		change func(*Tier)
		want   string
	}{
		{"archives alone", archives(), func(*Tier) {}, ""},
		{"a vault", vaulted(), func(*Tier) {}, ""},
		{"a vault that lies otherwise", vaulted(), func(t *Tier) { n := t.Nodes["c"]; n.Cold = "/big/disk"; t.Nodes["c"] = n }, ""},
		{"a vault as the hub of two", vaulted(), func(t *Tier) { t.Pairs = Star("c", []string{"a", "b", "c"}) }, "the hot trees of b have no way to that of a"},
		{"a vault as the hub of one", vaulted(), func(t *Tier) { *t = t.Without(func(n string) bool { return n == "b" }); t.Pairs = []Pair{{"a", "c"}} }, ""},
		{"a vault behind a vault", vaulted(), func(t *Tier) {
			n := t.Nodes["b"]
			n.Hot = ""
			t.Nodes["b"], t.Pairs = n, []Pair{{"b", "a"}, {"c", "b"}}
		}, ""},
		{"a vault apart", vaulted(), func(t *Tier) { t.Pairs = []Pair{{"b", "a"}} }, "pairs leaves c without a way to a"},
		{"nothing on a node", three(), func(t *Tier) { n := t.Nodes["b"]; n.Hot = ""; t.Nodes["b"] = n }, `node "b" has neither hot nor cold: give one to it, or to the tier`},
		{"a hot alone beside archives", archives(), func(t *Tier) { n := t.Nodes["b"]; n.Hot, n.Cold = "/srv/files", ""; t.Nodes["b"] = n }, `node "b" has no cold, and another one has`},
		{"days of archives", archives(), func(t *Tier) { t.Moves = moving().Moves }, "give the tier a hot, or leave hot_days out"},
		{"from a vault", vaulted(), func(t *Tier) { t.Initial = "from:c" }, `initial = "from:c" names no node with a hot tree: write one of a, b`},
	} {
		row.change(&row.tier)
		err := row.tier.Validate()
		if (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v", row.name, err)
		}
	}
}

// A machine that has a hot tree of the tier is not taken for one that has none.
func TestRefuseWithoutHot(t *testing.T) {
	for _, row := range []struct {
		facts Facts
		want  string
	}{
		{Facts{Group: "www-data"}, ""},
		{Facts{Group: "www-data", Archives: map[string]string{"files": "/srv/cold"}}, ""},
		{Facts{Group: "www-data", Claims: map[string]string{"other": "/srv/files"}}, ""},
		{Facts{Group: "www-data", Claims: map[string]string{"files": "/srv/files"}}, "/srv/files is the hot tree of this tier on this machine"},
		{Facts{Group: "www-data", Closed: []string{"/srv/cold"}}, `cold = "/srv/cold": www-data may not read and write`},
	} {
		err := archives().refuse("a", row.facts)
		if (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
			t.Errorf("%+v: %v", row.facts, err)
		}
	}
}

// The status of archives speaks of no pair of trees, and of the archive where it would
// speak of the tree.
func TestProblemsWithoutHot(t *testing.T) {
	half := provision.Disk{SizeKiB: 100, FreeKiB: 50}
	carried := map[string]model.PairStatus{"a": {Stage: model.Resting, InStep: now}}
	for name, row := range map[string]struct {
		change func(map[string]NodeStatus)
		want   []string
	}{
		"all is well": {func(map[string]NodeStatus) {}, []string{}},
		"an archive that is not mounted": {
			func(nodes map[string]NodeStatus) { n := nodes["b"]; n.Tree = false; nodes["b"] = n },
			[]string{"b: /srv/cold does not carry the tier's name: if it is a mount point, mount it"},
		},
		"a disk that is full": {
			func(nodes map[string]NodeStatus) { n := nodes["c"]; n.Disk.FreeKiB = 5; nodes["c"] = n },
			[]string{"c: where /srv/cold lies, 5 % is left, less than 10 %"},
		},
		"a run that failed": {
			func(nodes map[string]NodeStatus) {
				n := nodes["c"]
				n.Archives = map[string]model.PairStatus{"a": {Stage: model.Waiting, Error: "unable to reach the archive of a"}}
				nodes["c"] = n
			},
			[]string{"archive c ↔ a: unable to reach the archive of a"},
		},
	} {
		nodes := map[string]NodeStatus{}
		for _, node := range []string{"a", "b", "c"} {
			nodes[node] = NodeStatus{Has: true, Tree: true, Now: now, Disk: half}
			if node != "a" {
				n := nodes[node]
				n.Archives = carried
				nodes[node] = n
			}
		}
		row.change(nodes)
		tier := archives()
		if diff := cmp.Diff(row.want, converge.Texts(tier.Problems(nodes, Limits{FreePercent: 10, Behind: time.Minute}))); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
		if pairs := tier.Standings(nodes); len(pairs) > 0 {
			t.Errorf("%s: there are pairs of trees: %v", name, pairs)
		}
		if told := tier.ArchiveStandings(nodes); len(told) != 2 || !told[0].Told || !told[1].Told {
			t.Errorf("%s: %+v", name, told)
		}
	}
	if pairs := fmt.Sprint(vaulted().Standings(nil)); !strings.Contains(pairs, "b ↔ a") || strings.Contains(pairs, "c ↔ a") {
		t.Errorf("the pairs of a vault are %s", pairs)
	}
}

// An archive beside a tree is counted once a day, with time for it, by a unit of its
// own; one that has no tree beside it by the one that a tree has.
func TestCountOfAnArchiveBeside(t *testing.T) {
	tier, facts := vaulted(), Facts{Group: "www-data"}
	tier.Layout = "%Y/%m/%d"
	const unit = "/etc/systemd/system/atoll-count-files.cold"
	both := tier.Manifest("a", facts, nil)
	for file, lines := range map[string][]string{
		unit + ".service": {"RequiresMountsFor=/srv/cold", "ReadWritePaths=/var/lib/atoll/tier/files/count-cold", "TimeoutStartSec=125min", "IOSchedulingClass=idle",
			"ExecStart=/var/lib/atoll/tier/files/atoll-agent count --root /srv/cold --layout %%Y/%%m/%%d --into /var/lib/atoll/tier/files/count-cold --within 2h"},
		unit + ".timer": {"Description=File tier files: count what /srv/cold holds, every day", "OnUnitInactiveSec=1d"},
		"/etc/systemd/system/atoll-count-files.service": {"TimeoutStartSec=15min", "ExecStart=/var/lib/atoll/tier/files/atoll-agent count --root /srv/files --layout %%Y/%%m/%%d --into /var/lib/atoll/tier/files/count"},
	} {
		text := fileOf(t, both, file)
		for _, line := range lines {
			if !strings.Contains(text, line+"\n") {
				t.Errorf("%s lacks %q:\n%s", file, line, text)
			}
		}
	}
	if all := held(both); !slices.Contains(all, "unit atoll-count-files.cold.timer") {
		t.Errorf("the hub has %q", all)
	}
	if all := held(tier.Manifest("c", facts, nil)); slices.Contains(all, unit+".service") || !slices.Contains(all, "unit atoll-count-files.timer") {
		t.Errorf("the vault has %q", all)
	}
}
