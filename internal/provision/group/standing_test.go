// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package group

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sees is what one of a, b and c says: the states as it sees them, with a as
// the primary.
func sees(self string, states map[string]string) Heard {
	view := View{Self: self}
	for _, id := range []string{"a", "b", "c"} {
		if states[id] == "" {
			continue
		}
		role := "SECONDARY"
		if id == "a" {
			role = "PRIMARY"
		}
		view.Members = append(view.Members, Member{ID: id, Host: id, Port: 3306, State: states[id], Role: role})
	}
	return Heard{View: view}
}

func TestStandings(t *testing.T) {
	whole := map[string]string{"a": "ONLINE", "b": "ONLINE", "c": "ONLINE"}
	withoutC := map[string]string{"a": "ONLINE", "b": "ONLINE", "c": "UNREACHABLE"}
	alone := func(id string) Heard {
		states := map[string]string{"a": "UNREACHABLE", "b": "UNREACHABLE", "c": "UNREACHABLE"}
		states[id] = "ONLINE"
		return sees(id, states)
	}
	for name, row := range map[string]struct {
		heard    map[string]Heard
		want     map[string]string
		believed string
		rivals   bool
		// regains is asked of what c sees.
		regains bool
	}{
		"whole":          {map[string]Heard{"a": sees("a", whole), "b": sees("b", whole), "c": sees("c", whole)}, whole, "a", false, true},
		"one is cut off": {map[string]Heard{"a": sees("a", withoutC), "b": sees("b", withoutC), "c": alone("c")}, withoutC, "a", false, true},
		"the secondary is believed where the primary did not answer": {map[string]Heard{"b": sees("b", whole)}, whole, "b", false, false},
		"one is out and the group has not noticed": {
			map[string]Heard{"a": sees("a", whole), "b": sees("b", whole), "c": sees("c", map[string]string{"c": "OFFLINE"})},
			map[string]string{"a": "ONLINE", "b": "ONLINE", "c": "OFFLINE"}, "a", false, false,
		},
		"one was expelled": {
			map[string]Heard{"a": sees("a", map[string]string{"a": "ONLINE", "b": "ONLINE"}), "c": sees("c", map[string]string{"c": "ERROR"})},
			map[string]string{"a": "ONLINE", "b": "ONLINE", "c": "ERROR"}, "a", false, false,
		},
		"a server is down, another never was in it": {
			map[string]Heard{"a": sees("a", map[string]string{"a": "ONLINE"}), "b": {Down: true}},
			map[string]string{"a": "ONLINE", "b": "OFFLINE", "c": "MISSING"}, "a", false, false,
		},
		"two came back": {
			map[string]Heard{"a": sees("a", nil), "b": sees("b", nil), "c": alone("c")},
			map[string]string{"a": "OFFLINE", "b": "OFFLINE", "c": "NO_QUORUM"}, "", false, false,
		},
		"two are silent": {map[string]Heard{"c": alone("c")}, map[string]string{"a": "UNKNOWN", "b": "UNKNOWN", "c": "NO_QUORUM"}, "", false, false},
		"all are cut off from each other": {
			map[string]Heard{"a": alone("a"), "b": alone("b"), "c": alone("c")},
			map[string]string{"a": "NO_QUORUM", "b": "NO_QUORUM", "c": "NO_QUORUM"}, "", false, true,
		},
		"two groups": {
			map[string]Heard{"a": sees("a", map[string]string{"a": "ONLINE"}), "c": sees("c", map[string]string{"b": "ONLINE", "c": "ONLINE"})},
			map[string]string{"a": "ONLINE", "b": "MISSING", "c": "MISSING"}, "a", true, false,
		},
		"one has joined since the other was asked": {
			map[string]Heard{"a": sees("a", map[string]string{"a": "ONLINE"}), "b": sees("b", map[string]string{"a": "ONLINE", "b": "ONLINE"})},
			map[string]string{"a": "ONLINE", "b": "MISSING", "c": "MISSING"}, "a", false, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := map[string]string{}
			for key, member := range Standings(map[string]string{"a": "a:3306", "b": "b:3306", "c": "c:3306"}, row.heard) {
				got[key] = member.State
			}
			if diff := cmp.Diff(row.want, got) + cmp.Diff(row.believed, Believed(row.heard)); diff != "" {
				t.Error(diff)
			}
			if _, _, found := Rivals(row.heard); found != row.rivals {
				t.Errorf("rivals: %v", found)
			}
			if got := row.heard["c"].View.Regains(row.heard); got != row.regains {
				t.Errorf("it regains a majority: %v", got)
			}
		})
	}
}
