// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filetier

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/converge/convergetest"
	model "github.com/atollhq/terraform-provider-atoll/internal/model/tier"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

func three() Tier {
	node := func(address string) Node {
		return Node{Target: remote.Target{Host: "203.0.113." + address, HostKey: "ssh-ed25519 AAAA" + address + " somebody@there"}, Address: "10.77.0." + address, Port: 22, Hot: "/srv/files"}
	}
	return Tier{
		Name: "files", Owner: "www-data", After: "tinc@site.service", Conflicts: Keep,
		Nodes: map[string]Node{"a": node("1"), "b": node("2"), "c": node("3")}, Pairs: Star("a", []string{"a", "b", "c"}),
	}
}

func TestValidate(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(*Tier)
		want   string
	}{
		{"a star", func(*Tier) {}, ""},
		{"a chain", func(t *Tier) { t.Pairs = []Pair{{"b", "a"}, {"c", "b"}} }, ""},
		{"a node apart", func(t *Tier) { t.Pairs = []Pair{{"b", "a"}} }, "pairs leaves c without a way to a"},
		{"a pair twice", func(t *Tier) { t.Pairs = append(t.Pairs, Pair{"a", "b"}) }, "pairs has a ↔ b twice"},
		{"a pair of one", func(t *Tier) { t.Pairs = append(t.Pairs, Pair{"a", "a"}) }, `pairs has "a" with itself`},
		{"a stranger", func(t *Tier) { t.Pairs = append(t.Pairs, Pair{"d", "a"}) }, `pairs names "d", which is not among nodes`},
		{"one address twice", func(t *Tier) { t.Nodes["b"] = t.Nodes["c"] }, `nodes "b" and "c" both have the address 10.77.0.3`},
		{"an archive beside it", func(t *Tier) { *t = archived() }, ""},
		{"an archive on one", func(t *Tier) { n := t.Nodes["b"]; n.Cold = "/srv/cold"; t.Nodes["b"] = n }, `node "a" has no cold, and another one has`},
		{"an archive in the tree", func(t *Tier) { t.each(func(n *Node) { n.Cold = "/srv/files/cold" }) }, `hot = "/srv/files" and cold = "/srv/files/cold" of node "a", "b", "c" overlap`},
		{"an account of a node's own", func(t *Tier) { n := t.Nodes["b"]; n.Owner = "deploy"; t.Nodes["b"] = n }, ""},
		{"root on all", func(t *Tier) { t.Owner = "root" }, ""},
		{"root on all, in two ways", func(t *Tier) { t.each(func(n *Node) { n.Owner = "root" }) }, ""},
		{"root on one", func(t *Tier) { n := t.Nodes["b"]; n.Owner = "root"; t.Nodes["b"] = n }, "owner is root on b and www-data on a, c: root carries owners over by their names"},
		{"root on all but one", func(t *Tier) { t.Owner = "root"; n := t.Nodes["b"]; n.Owner = "deploy"; t.Nodes["b"] = n }, "owner is root on a, c and deploy on b: "},
		{"from nowhere", func(t *Tier) { t.Initial = "from:d" }, `initial = "from:d" names no node with a hot tree: write one of a, b, c`},
	} {
		tier := three()
		row.change(&tier)
		err := tier.Validate()
		if (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v", row.name, err)
		}
	}
}

func TestOverlap(t *testing.T) {
	for _, row := range []struct {
		a, b string
		want bool
	}{{"/srv/a", "/srv/a", true}, {"/srv/a", "/srv/a/b", true}, {"/srv/a/b", "/srv/a", true}, {"/srv/a", "/srv/ab", false}} {
		if Overlap(row.a, row.b) != row.want {
			t.Errorf("%s and %s: %v", row.a, row.b, !row.want)
		}
	}
}

// Trees that are new and differ are refused; what is known, empty or the same is not.
func TestClash(t *testing.T) {
	known := Facts{Claims: map[string]string{"files": "/srv/files"}}
	one, other := content{digest: "1"}, content{digest: "2"}
	for _, row := range []struct {
		name     string
		facts    map[string]Facts
		contents map[string]content
		clash    bool
	}{
		{"all empty", nil, map[string]content{"a": {empty: true}, "b": {empty: true}}, false},
		{"one has files", nil, map[string]content{"a": one, "b": {empty: true}}, false},
		{"both have the same", nil, map[string]content{"a": one, "b": one}, false},
		{"both have others", nil, map[string]content{"a": one, "b": other}, true},
		{"a newcomer has others", map[string]Facts{"a": known}, map[string]content{"a": one, "b": other}, true},
		{"both are the tier's", map[string]Facts{"a": known, "b": known}, map[string]content{"a": one, "b": other}, false},
	} {
		if err := three().clash(row.facts, row.contents); (err != nil) != row.clash {
			t.Errorf("%s: %v", row.name, err)
		}
	}
}

// Each side of a pair has what belongs to it, and no side a secret of the other.
func TestManifest(t *testing.T) {
	tier := three()
	facts := Facts{Group: "www-data"}
	keys := map[string]string{"b": "ssh-ed25519 BBBB b"}
	hub, spoke := tier.Manifest("a", facts, keys), tier.Manifest("b", facts, keys)
	if keysFile := fileOf(t, hub, "/var/lib/atoll/tier/files/ssh/.ssh/authorized_keys"); keysFile != "# Written by Atoll.\n"+
		`restrict,from="10.77.0.2",command="/var/lib/atoll/tier/files/atoll-agent relay /run/atoll-tier/files/b.sock" ssh-ed25519 BBBB b`+"\n" {
		t.Errorf("the hub lets in %q", keysFile)
	}
	if hosts := fileOf(t, spoke, "/etc/atoll/tier/files/known_hosts"); hosts != "a ssh-ed25519 AAAA1\n" {
		t.Errorf("a spoke knows %q", hosts)
	}
	var pair model.Pair
	if err := json.Unmarshal([]byte(fileOf(t, spoke, "/etc/atoll/tier/files/a.json")), &pair); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"root = /srv/files", "root = ssh://atoll-tier-files@10.77.0.1:22//srv/files", "sshcmd = /var/lib/atoll/tier/files/dial-ssh", "ignore = Path .tier-probe-*", "ignorenot = Path .tier-probe-files.b-a", "ignore = Path .tier", "mountpoint = .tier"} {
		if !slices.Contains(strings.Split(pair.Profile, "\n"), line) {
			t.Errorf("the profile lacks %q:\n%s", line, pair.Profile)
		}
	}
	if strings.Contains(pair.Profile, "owner = ") || pair.Conflict != "" || pair.First != "" {
		t.Errorf("a profile of an owner who is not root: %+v", pair)
	}
}

func fileOf(t *testing.T, m converge.Manifest, path string) string {
	t.Helper()
	if m.Refusal != nil && !strings.Contains(m.Refusal.Error(), "built without the agent") {
		t.Fatal(m.Refusal)
	}
	for _, item := range m.Items {
		if file, is := item.(converge.File); is && file.Path == path {
			return string(file.Content)
		}
	}
	t.Fatalf("there is no %s", path)
	return ""
}

// The version that stays at first is that of the end that is nearer to the node.
func TestFirst(t *testing.T) {
	tier := three()
	tier.Pairs, tier.Initial = []Pair{{"b", "a"}, {"c", "b"}}, "from:a"
	for _, row := range []struct{ dials, serves, want string }{{"b", "a", "prefer = ssh://atoll-tier-files@10.77.0.1:22//srv/files"}, {"c", "b", "prefer = ssh://atoll-tier-files@10.77.0.2:22//srv/files"}} {
		if got := tier.first(row.dials, row.serves); !strings.HasPrefix(got, row.want+"\n") {
			t.Errorf("%s: %q", row.dials, got)
		}
	}
	tier.Initial = "from:c"
	if got := tier.first("c", "b"); !strings.HasPrefix(got, "prefer = /srv/files\n") {
		t.Errorf("%q", got)
	}
}

func TestRefuse(t *testing.T) {
	for _, row := range []struct {
		facts Facts
		want  string
	}{
		{Facts{Group: "www-data"}, ""},
		{Facts{}, `owner = "www-data": there is no such account`},
		{Facts{Group: "www-data", Closed: []string{"/srv/files"}}, "may not read and write that directory"},
		{Facts{Group: "www-data", Closed: []string{"/srv/cold"}}, `cold = "/srv/cold": www-data may not read and write`},
		{Facts{Group: "www-data", Archives: map[string]string{"other": "/srv/cold/old"}}, `cold = "/srv/cold" overlaps /srv/cold/old`},
		{Facts{Group: "www-data", Archives: map[string]string{"other": "/srv/files"}}, `hot = "/srv/files" overlaps /srv/files`},
		{Facts{Group: "www-data", Archives: map[string]string{"files": "/srv/older"}}, "is never moved"},
		{Facts{Group: "www-data", Claims: map[string]string{"other": "/srv"}}, `overlaps /srv, which is a tree of the file tier "other"`},
		{Facts{Group: "www-data", Claims: map[string]string{"files": "/srv/old"}}, "is never moved"},
	} {
		err := archived().refuse("a", row.facts)
		if (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
			t.Errorf("%+v: %v", row.facts, err)
		}
	}
}

func TestReadFacts(t *testing.T) {
	facts, err := readFacts("unison 2.52.1-1\ngroup www-data\nclosed /srv/cold\nkey ssh-ed25519 AAAA x\nclaimed files /srv/files\nclaimed-cold files /srv/cold\n" + converge.WholeMark)
	if err != nil || facts.Group != "www-data" || facts.Unison != "2.52.1-1" || !slices.Equal(facts.Closed, []string{"/srv/cold"}) || facts.Archives["files"] != "/srv/cold" || facts.PublicKey != "ssh-ed25519 AAAA x" || facts.Claims["files"] != "/srv/files" {
		t.Errorf("%+v, %v", facts, err)
	}
	for _, wrong := range []string{"", "group a\n", "nonsense\n" + converge.WholeMark} {
		if _, err := readFacts(wrong); err == nil {
			t.Errorf("%q is read", wrong)
		}
	}
}

// What a text from a machine or an old state holds gets into no unit and no profile.
func TestHostileTexts(t *testing.T) {
	for name, change := range map[string]func(*Tier){
		"a path":       func(t *Tier) { n := t.Nodes["a"]; n.Hot = "/srv/a\nroot = /"; t.Nodes["a"] = n },
		"a name":       func(t *Tier) { t.Name = "a b" },
		"a pattern":    func(t *Tier) { t.Ignore = []string{"Name x\nforce = newer"} },
		"an owner":     func(t *Tier) { t.Owner = "x\nExecStartPre=/bin/sh" },
		"one's owner":  func(t *Tier) { n := t.Nodes["b"]; n.Owner = "x\nExecStartPre=/bin/sh"; t.Nodes["b"] = n },
		"a key":        func(t *Tier) { n := t.Nodes["a"]; n.Target.HostKey = "a\nb"; t.Nodes["a"] = n },
		"an archive":   func(t *Tier) { n := t.Nodes["a"]; n.Cold = "/srv/a\nb"; t.Nodes["a"] = n },
		"a scrub":      func(t *Tier) { t.Scrub = &Scrubbing{Calendar: "daily\nUnit=x"} },
		"a schedule":   func(t *Tier) { t.Archive.Calendar = "daily\nUnit=x" },
		"a deletion":   func(t *Tier) { t.Archive.Deleted = []string{"2026/*"} },
		"a lone slash": func(t *Tier) { t.Archive.Deleted = []string{"/etc"} },
		"an after":     func(t *Tier) { t.After = "x y" },
	} {
		tier := three()
		change(&tier)
		if tier.Manifest("b", Facts{Group: "www-data"}, nil).Refusal == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func TestQuestionsFailClosed(t *testing.T) {
	tier := three()
	convergetest.FailsClosed(t, tier.facts("a"), "group www-data\nkey ssh-ed25519 AAAA x\nclaimed files /srv/files\n"+converge.WholeMark)
	convergetest.FailsClosed(t, tier.contents("a"), "empty\n"+converge.WholeMark, "digest "+strings.Repeat("0a", 32)+"\n"+converge.WholeMark)
	convergetest.FailsClosed(t, tier.status("a"), `{"stage":"watching","since":"2026-01-02T03:04:05Z"}`+"\n"+converge.WholeMark)
	convergetest.FailsClosed(t, tier.presence("b"), "now 1764109200 s\nhas it\ntree is there\nruns a\n"+converge.WholeMark)
	convergetest.FailsClosed(t, tier.room("b"), "room 4096 1000 500 64 32\n"+converge.WholeMark)
	convergetest.FailsClosed(t, vaulted().roomApart("a"), "room 4096 1000 500 64 32\n"+converge.WholeMark)
	convergetest.FailsClosed(t, counts(tier.counted("b")), `{"at":"2026-01-02T03:04:05Z","files":3}`+"\n"+converge.WholeMark)
	convergetest.FailsClosed(t, vaulted().presence("a"), "now 1764109200 s\nhas it\ntree is there\narchive shares\n"+converge.WholeMark)
	convergetest.FailsClosed(t, tier.archiveStatus("a"), `{"stage":"resting","since":"2026-01-02T03:04:05Z"}`+"\n"+converge.WholeMark)
	convergetest.FailsClosed(t, tier.formerPairs("a").Question, "former b\n"+converge.WholeMark)
}
