// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package converge

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Sources come before packages, preferences before sources, and what goes, too.
func TestAptSourcesComeFirst(t *testing.T) {
	missing, regular := fileState{kind: "missing"}, func(text string) fileState { return fileState{"regular", "644", "root", "root", sum(text)} }
	const source, preferences = "file /etc/apt/sources.list.d/atoll-db.sources", "file /etc/apt/preferences.d/atoll-db.pref"
	const fetch, write = "fetch the lists of apt source db", "write /etc/apt/sources.list.d/atoll-db.sources"
	for _, row := range []struct {
		name   string
		pin    []byte
		state  aptSourceState
		record []string
		drift  []string
		steps  []string
	}{
		{"in sync", []byte("pin"), aptSourceState{regular("source"), regular("pin")}, []string{"db"}, nil, []string{"install mysql-server"}},
		{"new", []byte("pin"), aptSourceState{missing, missing}, nil, []string{preferences + ": missing", source + ": missing"},
			[]string{fetch, "write /etc/apt/preferences.d/atoll-db.pref", write, "install mysql-server"}},
		{"edited", []byte("pin"), aptSourceState{regular("by hand"), regular("pin")}, []string{"db"}, []string{source + ": content differs"}, []string{fetch, write, "install mysql-server"}},
		// Its lists are there; nothing is fetched for a mode.
		{"mode", []byte("pin"), aptSourceState{fileState{"regular", "600", "root", "root", sum("source")}, regular("pin")}, []string{"db"}, []string{source + ": mode 0600, want 0644"},
			[]string{"set owner and mode of /etc/apt/sources.list.d/atoll-db.sources", "install mysql-server"}},
		{"no pin any more", nil, aptSourceState{regular("source"), regular("pin")}, []string{"db"}, []string{preferences + ": no longer declared"},
			[]string{"remove /etc/apt/preferences.d/atoll-db.pref", "install mysql-server"}},
		{"another one no longer declared", []byte("pin"), aptSourceState{regular("source"), regular("pin")}, []string{"db", "old"}, []string{"apt source old: no longer declared"},
			[]string{"remove /etc/apt/sources.list.d/atoll-old.sources", "remove /etc/apt/preferences.d/atoll-old.pref", "install mysql-server"}},
	} {
		m := Manifest{Owner: "t", Items: []Item{Package{Name: "mysql-server"}, AptSource{Name: "db", Source: []byte("source"), Preferences: row.pin}}}
		record := Record{Owner: "t", all: map[string][]string{"apt_sources": row.record}}
		o := Observation{owner: "t", System: System{"Debian", true, true}, Record: &record, items: m.items(), states: []any{row.state, packageState{own: "-"}}}
		plan := Diff(m, o)
		if diff := cmp.Diff(append(row.drift, "package mysql-server: not installed"), Texts(plan.Drift)); diff != "" {
			t.Errorf("%s: drift:\n%s", row.name, diff)
		}
		var between []string
		for _, title := range titles(plan.Steps) {
			if !strings.HasPrefix(title, "record ") {
				between = append(between, title)
			}
		}
		if diff := cmp.Diff(row.steps, between); diff != "" {
			t.Errorf("%s: steps:\n%s", row.name, diff)
		}
	}
}

func TestAptSourceNeedsApt(t *testing.T) {
	m := Manifest{Owner: "t", Items: []Item{AptSource{Name: "db"}}}
	o := Observation{owner: "t", System: System{"Fedora", true, false}, items: m.items(), states: []any{aptSourceState{}}}
	if plan := Diff(m, o); plan.Refusal == nil || !strings.Contains(plan.Refusal.Error(), "no apt") {
		t.Errorf("%v", plan.Refusal)
	}
}

func TestAptSourceFailsClosed(t *testing.T) {
	whole := "regular 644 root root " + sum("a") + " / missing"
	if state, err := readAptSource(AptSource{}, strings.Fields(whole)); err != nil || state.source.kind != "regular" || state.preferences.kind != "missing" {
		t.Errorf("%+v, %v", state, err)
	}
	for _, row := range []string{"", "missing", "missing /", "/ missing", "regular 644 root root / missing", whole + " more", strings.Replace(whole, " / ", " ", 1)} {
		if state, err := readAptSource(AptSource{}, strings.Fields(row)); err == nil {
			t.Errorf("%q: %+v", row, state)
		}
	}
}

// The real function on this machine: each of the two as it may stand there, and
// what cannot be read is no answer.
func TestObserveAptSourcesOfThisMachine(t *testing.T) {
	seen := observeHere(t, Manifest{Owner: "t", Items: []Item{AptSource{Name: "of-no-machine"}}})
	if diff := cmp.Diff([]any{aptSourceState{fileState{kind: "missing"}, fileState{kind: "missing"}}}, seen.states, cmp.AllowUnexported(aptSourceState{}, fileState{})); diff != "" {
		t.Error(diff)
	}
}
