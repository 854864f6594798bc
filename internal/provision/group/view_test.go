// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package group

import (
	"errors"
	"strings"
	"testing"
)

// view makes one of "STATE", "STATE/PRIMARY" or "STATE/SECONDARY queue version";
// the first member sees it.
func view(members ...string) View {
	v := View{Name: "g", Self: "a"}
	for i, text := range members {
		fields := strings.Fields(text + " 0 9.7.4")
		state, role, _ := strings.Cut(fields[0], "/")
		v.Members = append(v.Members, Member{ID: string(rune('a' + i)), Host: "10.0.0." + string(rune('1'+i)), Port: 3306, State: state, Role: role, Version: "9.7.4"})
		if len(fields) > 3 {
			v.Members[i].Version = fields[2]
		}
		v.Members[i].Queue = int64(fields[1][0] - '0')
	}
	return v
}

func TestSpares(t *testing.T) {
	for _, row := range []struct {
		view   View
		spares bool
	}{
		{view("ONLINE", "ONLINE", "ONLINE"), true},
		{view("ONLINE", "ONLINE"), true},
		{view("ONLINE"), false},
		{view("ONLINE", "ONLINE", "UNREACHABLE"), false},
		{view("ONLINE", "ONLINE", "RECOVERING"), false},
		{view("ONLINE", "ONLINE", "ONLINE", "UNREACHABLE"), true},
		{view("ONLINE", "ONLINE", "ONLINE", "UNREACHABLE", "ERROR"), false},
		{View{}, false},
	} {
		if err := row.view.Spares("a"); (err == nil) != row.spares || err != nil && !errors.Is(err, ErrQuorum) {
			t.Errorf("%v: %v", row.view.Members, err)
		}
	}
}

func TestMajority(t *testing.T) {
	for _, row := range []struct {
		view View
		has  bool
	}{
		{view("ONLINE", "ONLINE", "ONLINE"), true},
		{view("ONLINE", "UNREACHABLE", "UNREACHABLE"), false},
		{view("ONLINE", "RECOVERING", "UNREACHABLE"), true},
		{view("RECOVERING", "ONLINE", "ONLINE"), false},
		{view("ERROR"), false},
		{View{}, false},
	} {
		if got := row.view.Majority(); got != row.has {
			t.Errorf("%v: %v", row.view.Members, got)
		}
	}
}

func TestSuccessor(t *testing.T) {
	for _, row := range []struct {
		view View
		want string
	}{
		{view("ONLINE/PRIMARY"), ""},
		{view("ONLINE/PRIMARY", "RECOVERING", "UNREACHABLE"), ""},
		{view("ONLINE/PRIMARY", "ONLINE", "ONLINE"), "b"},
		{view("ONLINE/PRIMARY", "ONLINE 7", "ONLINE 2"), "c"},
		{view("ONLINE/PRIMARY 0 8.0.40", "ONLINE 0 8.4.3", "ONLINE 5 8.0.40"), "c"},
		{view("ONLINE/PRIMARY 0 8.0.9", "ONLINE 0 8.0.40", "ONLINE 5 8.0.9"), "c"},
	} {
		if got, found := row.view.Successor(); got.ID != row.want || found != (row.want != "") {
			t.Errorf("%v: %q, want %q", row.view.Members, got.ID, row.want)
		}
	}
}

// MySQL gives the role to the lowest version alone, by each of its three numbers.
func TestTakesFrom(t *testing.T) {
	for _, row := range []struct {
		view View
		want bool
	}{
		{view("ONLINE/PRIMARY 0 9.7.4", "ONLINE 0 9.7.4"), true},
		{view("ONLINE/PRIMARY 0 9.7.4", "ONLINE 0 9.7.5"), false},
		{view("ONLINE/PRIMARY 0 8.4.6", "ONLINE 0 9.7.4"), false},
		{view("ONLINE/PRIMARY 0 9.7.10", "ONLINE 0 9.7.9"), true},
		{view("ONLINE/PRIMARY 0 9.7.4", "ONLINE 0 9.7.5", "ONLINE 0 9.7.4"), true},
	} {
		if successor, found := row.view.Successor(); !found || row.view.TakesFrom(successor) != row.want {
			t.Errorf("%v: %v to %s, want %v", row.view.Members, !row.want, successor.ID, row.want)
		}
	}
}

func TestMissing(t *testing.T) {
	v := view("ONLINE", "ERROR")
	v.Registered = []Registration{{"a", "10.0.0.1:3306"}, {"b", "10.0.0.2:3306"}, {"c", "10.0.0.3:3306"}}
	if missing := v.Missing(); len(missing) != 1 || missing[0].ID != "c" {
		t.Errorf("missing: %v", missing)
	}
	var run Run
	if awaited := run.Awaited(v); len(awaited) != 1 {
		t.Errorf("awaited: %v", awaited)
	}
	run.Leave("c")
	if awaited := run.Awaited(v); len(awaited) != 0 {
		t.Errorf("it left for good and is awaited: %v", awaited)
	}
}

// Where every member takes writes nobody is the primary that hands over.
func TestPrimaryIsTheOnlyOne(t *testing.T) {
	for name, row := range map[string]struct {
		own, other, state string
		want              bool
	}{
		"the primary":               {"PRIMARY", "SECONDARY", "ONLINE", true},
		"a secondary":               {"SECONDARY", "PRIMARY", "ONLINE", false},
		"one of many":               {"PRIMARY", "PRIMARY", "ONLINE", false},
		"the other one is not back": {"PRIMARY", "PRIMARY", "RECOVERING", true},
	} {
		view := View{Self: "a", Members: []Member{{ID: "a", State: "ONLINE", Role: row.own}, {ID: "b", State: row.state, Role: row.other}}}
		if view.Primary() != row.want {
			t.Errorf("%s: %v", name, !row.want)
		}
	}
}
