// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filetier

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/agent/mover"
	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/converge/convergetest"
	model "github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// moving has days move from its trees to its archives.
func moving() Tier {
	tier := archived()
	tier.Archive.ReserveInodes = 7
	tier.Moves = &Moving{HotDays: 30, Quiet: time.Hour, Grace: 24 * time.Hour}
	return tier
}

// What the mover is started with is what it reads, and unison leaves days alone.
func TestMoverManifest(t *testing.T) {
	tier := moving()
	hub, spoke := tier.Manifest("a", Facts{Group: "www-data"}, nil), tier.Manifest("b", Facts{Group: "www-data"}, nil)
	config, err := mover.ParseConfig([]byte(fileOf(t, spoke, "/etc/atoll/tier/files/tier.mover.json")))
	if err != nil || config.Node != "b" || len(config.Nodes) != 2 || config.Nodes[0].Name != "a" || config.HotDays != 30 || config.Quiet != 3600 || config.Grace != 86400 ||
		config.ReserveBytes != 1<<30 || config.ReserveInodes != 7 || !slices.Equal(config.Pairs, []string{"/var/lib/atoll/tier/files/pairs/a/status.json"}) {
		t.Errorf("%+v, %v", config, err)
	}
	unit := fileOf(t, spoke, "/etc/systemd/system/atoll-mover-files.service")
	for _, line := range []string{"Wants=atoll-tier-files.a.cold-news.service", "OnSuccess=atoll-tier-files.a.cold-news.service", "ReadWritePaths=/srv/files /srv/cold /var/lib/atoll/tier/files/mover", "PrivateNetwork=yes"} {
		if !strings.Contains(unit, line+"\n") {
			t.Errorf("the unit lacks %q:\n%s", line, unit)
		}
	}
	if unit := fileOf(t, hub, "/etc/systemd/system/atoll-mover-files.service"); strings.Contains(unit, "Wants=") {
		t.Errorf("a node that dials none has news of its own:\n%s", unit)
	}
	if news := fileOf(t, spoke, "/etc/systemd/system/atoll-tier-files.a.cold-news.service"); !strings.Contains(news, "User=www-data\n") || !strings.Contains(news, " --statements\n") {
		t.Errorf("the news are %s", news)
	}
	var pair model.Pair
	if err := json.Unmarshal([]byte(fileOf(t, spoke, "/etc/atoll/tier/files/a.json")), &pair); err != nil {
		t.Fatal(err)
	}
	if pair.Asks != "/var/lib/atoll/tier/files/mover/"+model.MoverAsks {
		t.Errorf("the node that dials is asked for readings by %q", pair.Asks)
	}
	for _, root := range []string{"/srv/files", "ssh://atoll-tier-files@10.77.0.1:22//srv/files"} {
		if line := "nodeletionpartial = Regex [0-9][0-9][0-9][0-9](/[0-9][0-9](/[0-9][0-9])?)? -> " + root + "\n"; !strings.Contains(pair.Profile, line) || pair.Layout != "%Y/%m/%d" {
			t.Errorf("the profile lacks %q:\n%s", line, pair.Profile)
		}
	}
}

func TestValidateMoving(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(*Tier)
		want   string
	}{
		{"as usual", func(*Tier) {}, ""},
		{"elsewhere on one, the same way", func(t *Tier) { n := t.Nodes["b"]; n.Hot, n.Cold = "/data/files", "/data/cold"; t.Nodes["b"] = n }, ""},
		{"elsewhere on one", func(t *Tier) { n := t.Nodes["b"]; n.Cold = "/data/cold"; t.Nodes["b"] = n }, "the way from hot to cold is another one on "},
		{"no archive", func(t *Tier) { t.each(func(n *Node) { n.Cold = "" }) }, "give the tier a cold"},
		{"no day", func(t *Tier) { t.Layout = "%m/%d" }, "names no day, month or year"},
	} {
		tier := moving()
		row.change(&tier)
		if err := tier.Validate(); (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v", row.name, err)
		}
	}
}

func TestRefuseMoving(t *testing.T) {
	for _, row := range []struct {
		tier  Tier
		facts Facts
		want  string
	}{
		{moving(), Facts{FileSystem: "ext2/ext3", OnTheWay: 3}, ""},
		{moving(), Facts{FileSystem: "nfs"}, "kind nfs, which cannot exchange"},
		{moving(), Facts{FileSystem: "fuse.bindfs"}, "kind fuse.bindfs, which cannot exchange"},
		{moving(), Facts{FileSystem: "fuseblk"}, "kind fuseblk, which cannot exchange"},
		{moving(), Facts{FileSystem: "virtiofs"}, ""},
		{archived(), Facts{FileSystem: "nfs"}, ""},
		{archived(), Facts{OnTheWay: 3}, "3 days are on their way"},
	} {
		if err := row.tier.RefuseMoving("a", row.facts); (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
			t.Errorf("%+v: %v", row.facts, err)
		}
	}
}

func TestRefuseTaking(t *testing.T) {
	tier := moving()
	if err := errors.Join(tier.RefuseTaking("a", Facts{OnTheWay: 3}, tier.Name), tier.RefuseTaking("a", Facts{}, "other")); err != nil {
		t.Error(err)
	}
	if err := tier.RefuseTaking("a", Facts{OnTheWay: 3}, "other"); err == nil || !strings.Contains(err.Error(), `3 days of the tier "other" are on their way`) {
		t.Error(err)
	}
}

func TestMoverProblem(t *testing.T) {
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	for _, row := range []struct {
		status model.MoverStatus
		want   string
	}{
		{model.MoverStatus{}, ""},
		{model.MoverStatus{At: now.Add(-time.Hour)}, ""},
		{model.MoverStatus{At: now.Add(-27 * time.Hour)}, "the last run ended 27h0m0s ago"},
		{model.MoverStatus{At: now, Error: "the archive\nis full"}, "days do not move: the archive is full"},
		{model.MoverStatus{At: now, Waiting: []model.WaitingDay{{Day: "2026/01/01", Next: "wait", Why: "b has no copy yet"}}}, ""},
		{model.MoverStatus{At: now, Waiting: []model.WaitingDay{{Day: "2026/01/01", Next: "wait"}, {Day: "2026/01/02", Next: "leave", Why: "it is\na file"}}}, "a day stays as it is until somebody looks: 2026/01/02: it is a file"},
		{model.MoverStatus{At: now, Waiting: []model.WaitingDay{{Day: "2026/01/02", Next: "leave"}, {Day: "2026/01/03", Next: "leave"}}}, " (and 1 more)"},
	} {
		if got := moverProblem(row.status, now); (got == "") != (row.want == "") || !strings.Contains(got, row.want) {
			t.Errorf("%+v: %q", row.status, got)
		}
	}
	convergetest.FailsClosed(t, moving().moverStatus(), `{"at":"2026-11-26T12:00:00Z","hot":2,"archived":1}`+"\n"+converge.WholeMark)
}

// A link to a day that somebody changed is drift, which an apply mends; many are counted.
func TestLinksOfDays(t *testing.T) {
	check := moving().links("a")
	convergetest.FailsClosed(t, check.Question, "link 2024%2F02%2F01 %2Felse%20where\n"+converge.WholeMark, converge.WholeMark)
	one := check.Differs([]editedLink{{"2024/02/01", "/else\nwhere"}})
	if len(one) != 1 || one[0].String() != `link /srv/files/2024/02/01: leads to "/else where", and not to the day in /srv/cold` {
		t.Errorf("%v", one)
	}
	if many := check.Differs(make([]editedLink, 30)); len(many) != mostLinks+1 || many[mostLinks].Text != "10 more lead elsewhere than to their days" {
		t.Errorf("%v", many)
	}
	if none := check.Differs(nil); len(none) > 0 {
		t.Errorf("%v", none)
	}
	if steps := check.Mend(nil); len(steps) != 1 || !strings.HasSuffix(steps[0].Script, "/atoll-agent' mover --config '/etc/atoll/tier/files/tier.mover.json' --links") {
		t.Errorf("%+v", steps)
	}
}

// A plan that warns of days says how the machine is asked again, since what it says is up to
// an hour old.
func TestNotMovingTellsHowToLookAgain(t *testing.T) {
	for _, row := range []struct{ status, want string }{
		{`{"at":"2026-11-26T10:00:00Z"}`, ""},
		{`{"at":"2026-11-26T10:00:00Z","error":"the archive is full"}`, "a: days do not move: the archive is full. This is as of its last run, and it runs once an hour: systemctl start atoll-mover-files.service on the machine has it look again now"},
	} {
		tier := moving()
		line, is, err := tier.NotMoving("a", answered(t, map[string]string{tier.moverStatusFile(): row.status}, tier.moverStatus()))
		if is != (row.want != "") || err != nil || is && line.String() != row.want {
			t.Errorf("%q, %v, want %q", line, err, row.want)
		}
	}
}
