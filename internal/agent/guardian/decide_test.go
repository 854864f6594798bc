// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package guardian

import (
	"strings"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/model/group"
)

// member makes facts of the states that the first of some members sees, itself
// included: a, b, c and so on.
func member(states ...string) Facts {
	facts := Facts{ID: "a", Endpoint: "10.0.0.1:3306", Group: "g", ExpelTimeout: 5}
	for i, state := range states {
		facts.View = append(facts.View, Member{string(rune('a' + i)), "10.0.0." + string(rune('1'+i)) + ":3306", state})
	}
	return facts
}

func TestNudgeOnlyWhereAMajorityWaits(t *testing.T) {
	for _, row := range []struct {
		facts Facts
		deed  Deed
		why   string
	}{
		{member("ONLINE", "ONLINE", "ONLINE"), Nothing, "ONLINE in a group with a majority"},
		{member("ONLINE"), Nothing, "ONLINE in a group with a majority"},
		{member("ONLINE", "ONLINE", "UNREACHABLE"), Nudge, "10.0.0.3:3306 does not answer; it is expelled when expel_timeout, 5 s, has passed"},
		{member("RECOVERING", "ONLINE", "UNREACHABLE"), Nudge, "10.0.0.3:3306"},
		{member("ONLINE", "RECOVERING", "ONLINE"), Nothing, ""},
		{member("ONLINE", "UNREACHABLE", "UNREACHABLE", "ONLINE", "ONLINE"), Nudge, "10.0.0.2:3306, 10.0.0.3:3306"},
		// A minority expels nobody.
		{member("ONLINE", "UNREACHABLE"), Nothing, ""},
		{member("ONLINE", "UNREACHABLE", "UNREACHABLE"), Nothing, ""},
		{member("ERROR"), Nothing, "ERROR"},
		{member("ERROR", "UNREACHABLE", "ONLINE"), Nothing, "ERROR"},
		{member(), Nothing, "OFFLINE"},
		{Facts{}, Nothing, "no group"},
	} {
		got := Decide(Observed{Self: row.facts})
		if got.Deed != row.deed || !strings.Contains(got.Why, row.why) {
			t.Errorf("%v: %+v, want %s because of %q", row.facts.View, got, row.deed, row.why)
		}
	}
}

// Others are let in where nothing else is to be done.
func TestAdmitsWhoIsShutOut(t *testing.T) {
	for _, row := range []struct {
		name        string
		facts       Facts
		connections int
		deed        Deed
	}{
		{"one that was clamped", member("ONLINE", "ONLINE", "ONLINE"), 1, Admit},
		{"just too few", member("ONLINE", "ONLINE", "ONLINE"), group.LeastConnections - 1, Admit},
		{"enough", member("ONLINE", "ONLINE", "ONLINE"), group.LeastConnections, Nothing},
		{"not said", member("ONLINE", "ONLINE", "ONLINE"), 0, Nothing},
		{"in no group", Facts{}, 1, Admit},
		{"one that nobody may bring in", member("ERROR"), 1, Admit},
		{"another one is due to be expelled", member("ONLINE", "ONLINE", "UNREACHABLE"), 1, Nudge},
	} {
		row.facts.Connections = row.connections
		if got := Decide(Observed{Self: row.facts}); got.Deed != row.deed || got.Deed == Admit && !strings.Contains(got.Why, "max_connections is") {
			t.Errorf("%s: %+v", row.name, got)
		}
	}
}

// A short expel_timeout is not made longer by the look, and a long one is not
// looked at often.
func TestPaceFollowsExpelTimeout(t *testing.T) {
	for timeout, want := range map[int]time.Duration{0: 200 * time.Millisecond, 1: 200 * time.Millisecond, 5: 500 * time.Millisecond, 60: time.Second, 3600: time.Second} {
		if got := pace(timeout); got != want {
			t.Errorf("%d: %s, want %s", timeout, got, want)
		}
	}
}
