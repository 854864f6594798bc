// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package guardian

import (
	"strconv"
	"strings"
	"testing"
)

// the site has three members, a, b and c, at 10.0.0.1 to 10.0.0.3.
const source = "3e11fa47-71ca-11e1-9e33-c80aa9429562"

// site makes the observation of a's guardian; each change is to one member's facts.
func site(states map[string]string, changes ...func(map[string]*Facts)) Observed {
	all := map[string]*Facts{}
	var registered []Registration
	for i, id := range []string{"a", "b", "c"} {
		endpoint := "10.0.0." + strconv.Itoa(i+1) + ":3306"
		all[id] = &Facts{Protocol: Protocol, ID: id, Endpoint: endpoint, Version: "9.7.4", Group: source, Cluster: "main", Weight: 50, Wanted: true, Executed: source + ":1-10"}
		registered = append(registered, Registration{id, endpoint})
	}
	for id, facts := range all {
		facts.Registered = append([]Registration{}, registered...)
		facts.View = []Member{{id, facts.Endpoint, states[id]}}
		for other, state := range states {
			if (state == "ONLINE" || state == "RECOVERING") && other != id && (states[id] == "ONLINE" || states[id] == "RECOVERING") {
				facts.View = append(facts.View, Member{other, all[other].Endpoint, state})
			}
		}
	}
	for _, change := range changes {
		change(all)
	}
	observed := Observed{Self: *all["a"], Peers: map[string]Facts{}}
	for id, facts := range all {
		if id != "a" && states[id] != "" {
			observed.Peers[facts.Endpoint] = *facts
		}
	}
	return observed
}

// aged gives a member the view that it had before the others went.
func aged(id string) func(map[string]*Facts) {
	return func(all map[string]*Facts) {
		all[id].View = nil
		for other, facts := range all {
			state := "UNREACHABLE"
			if other == id {
				state = "ONLINE"
			}
			all[id].View = append(all[id].View, Member{other, facts.Endpoint, state})
		}
	}
}

func with(id string, change func(*Facts)) func(map[string]*Facts) {
	return func(all map[string]*Facts) { change(all[id]) }
}

type verdict struct {
	name    string
	o       Observed
	deed    Deed
	refused bool
	why     string
}

func judge(t *testing.T, rows []verdict) {
	t.Helper()
	for _, row := range rows {
		got := Decide(row.o)
		if got.Deed != row.deed || got.Refused != row.refused || !strings.Contains(got.Why, row.why) {
			t.Errorf("%s: %+v, want %s, refused %v, because of %q", row.name, got, row.deed, row.refused, row.why)
		}
	}
}

func TestMemberThatFellOutRejoins(t *testing.T) {
	out := func(state string) map[string]string {
		return map[string]string{"a": state, "b": "ONLINE", "c": "ONLINE"}
	}
	judge(t, []verdict{
		{"expelled", site(out("ERROR")), Rejoin, false, "10.0.0.2:3306 says"},
		{"its start at boot failed", site(out("OFFLINE")), Rejoin, false, ""},
		{"between MySQL's own tries", site(out("ERROR"), with("a", func(f *Facts) { f.Rejoining = true })), Rejoin, false, ""},
		{"in one of MySQL's own tries", site(out("ERROR"), with("a", func(f *Facts) { f.Rejoining, f.Trying = true, true })), Nothing, false, "MySQL itself tries"},
		{"on its way", site(out("OFFLINE"), with("a", func(f *Facts) { f.Starting = true })), Nothing, false, "on its way"},
		{"left for good", site(out("OFFLINE"), with("a", func(f *Facts) { f.Wanted = false })), Nothing, false, "no persisted place"},
		{"started at boot by its guardian", site(out("OFFLINE"), with("a", func(f *Facts) { f.Boots = false })), Rejoin, false, ""},
		{"stopped by somebody", site(out("OFFLINE"), with("a", func(f *Facts) { f.Stopped = true })), Nothing, false, "somebody has stopped it"},
		{"struck off", site(out("ERROR"), with("b", func(f *Facts) { f.Registered = f.Registered[1:] })), Nothing, false, "no member 10.0.0.1:3306"},
		{"made anew under its address", site(out("ERROR"), with("b", func(f *Facts) { f.Registered[0].ID = "z" })), Nothing, false, "with the UUID a"},
		{"not yet expelled", site(out("ERROR"), with("b", func(f *Facts) { f.View = append(f.View, Member{"a", "10.0.0.1:3306", "UNREACHABLE"}) })), Nothing, false, "still sees the member as UNREACHABLE"},
		{"behind", site(out("ERROR"), with("a", func(f *Facts) { f.Executed = source + ":1-4" })), Rejoin, false, ""},
		{"diverged", site(out("ERROR"), with("a", func(f *Facts) { f.Executed = source + ":1-11" })), Nothing, true, source + ":11"},
		{"diverged by what it received", site(out("ERROR"), with("a", func(f *Facts) { f.Received = source + ":11-12" })), Nothing, true, source + ":11-12"},
		{"the group received it, too", site(out("ERROR"), with("a", func(f *Facts) { f.Received = source + ":11" }), with("b", func(f *Facts) { f.Received = source + ":11" })), Rejoin, false, ""},
		{"too far behind", site(out("ERROR"), with("a", func(f *Facts) { f.Executed = source + ":1-4" }), with("b", func(f *Facts) { f.Purged = source + ":1-6" })), Nothing, true, "clone"},
		{"sets that cannot be read", site(out("ERROR"), with("b", func(f *Facts) { f.Executed = "garbage:-" })), Nothing, true, "10.0.0.2:3306"},
		{"of another group", site(out("ERROR"), with("b", func(f *Facts) { f.Group = "other" }), with("c", func(f *Facts) { f.Group = "other" })), Nothing, true, "nothing is heard of 10.0.0.2:3306, 10.0.0.3:3306"},
		{"armed", site(out("OFFLINE"), with("a", func(f *Facts) { f.Armed = true })), Disarm, false, ""},
		{"armed and starting", site(out("OFFLINE"), with("a", func(f *Facts) { f.Armed, f.Starting = true, true })), Nothing, false, "on its way"},
		{"configured for no group", site(out("OFFLINE"), with("a", func(f *Facts) { f.Group = "" })), Nothing, false, "no group"},
	})
}

func TestGroupStartsAfterAnOutage(t *testing.T) {
	all := func(state string) map[string]string { return map[string]string{"a": state, "b": state, "c": state} }
	two := map[string]string{"a": "OFFLINE", "b": "OFFLINE"}
	judge(t, []verdict{
		{"all the same", site(all("OFFLINE")), Start, false, ""},
		{"all in ERROR", site(all("ERROR")), Start, false, ""},
		{"another one holds more", site(all("OFFLINE"), with("c", func(f *Facts) { f.Executed = source + ":1-11" })), Nothing, false, "starts with 10.0.0.3:3306"},
		{"another one received more", site(all("OFFLINE"), with("b", func(f *Facts) { f.Received = source + ":11" })), Nothing, false, "starts with 10.0.0.2:3306"},
		{"this one holds more", site(all("OFFLINE"), with("a", func(f *Facts) { f.Executed = source + ":1-11" })), Start, false, ""},
		{"another one is of a lower version", site(all("OFFLINE"), with("b", func(f *Facts) { f.Version = "9.7.3-1" })), Nothing, false, "10.0.0.2:3306"},
		{"10 is more than 9", site(all("OFFLINE"), with("b", func(f *Facts) { f.Version = "9.10.0" })), Start, false, ""},
		{"another one weighs more", site(all("OFFLINE"), with("c", func(f *Facts) { f.Weight = 90 })), Nothing, false, "10.0.0.3:3306"},
		{"another one's try has ended first", site(all("OFFLINE"), with("a", func(f *Facts) { f.Trying = true })), Nothing, false, "tries to rejoin"},
		{"others still try", site(all("OFFLINE"), with("b", func(f *Facts) { f.Starting = true }), with("c", func(f *Facts) { f.Starting = true })), Start, false, ""},
		{"one is missing", site(two), Nothing, true, "nothing is heard of 10.0.0.3:3306"},
		{"one is missing that only the seeds name", site(all("OFFLINE"), with("a", func(f *Facts) { f.Seeds = []string{"10.0.0.4:3306"} })), Nothing, true, "10.0.0.4:3306"},
		{"one is missing that only the foremost knows", site(all("OFFLINE"), with("b", func(f *Facts) {
			f.Executed, f.Registered = source+":1-11", append(f.Registered, Registration{"d", "10.0.0.4:3306"})
		})), Nothing, true, "10.0.0.4:3306"},
		{"one was replaced while this one was away", site(all("OFFLINE"), with("b", func(f *Facts) {
			f.Executed, f.Registered = source+":1-11", f.Registered[1:]
		})), Nothing, true, "no member 10.0.0.1:3306"},
		{"diverged", site(all("OFFLINE"), with("b", func(f *Facts) { f.Executed = source + ":1-10,aa11fa47-71ca-11e1-9e33-c80aa9429562:1" }),
			with("c", func(f *Facts) { f.Executed = source + ":1-11" })), Nothing, true, "Decide which of them goes on"},
		{"one was stopped by somebody", site(all("OFFLINE"), with("c", func(f *Facts) { f.Stopped = true })), Nothing, true, "somebody has stopped member 10.0.0.3:3306"},
		{"one has left", site(all("OFFLINE"), with("c", func(f *Facts) { f.Wanted = false })), Nothing, true, "10.0.0.3:3306"},
		{"no metadata", site(all("OFFLINE"), func(all map[string]*Facts) {
			for _, f := range all {
				f.Registered = nil
			}
		}), Nothing, true, "no member"},
	})
}

// Who the group had lost before it stopped is not waited for, where all say who was
// in it then; nobody goes on alone.
func TestWhoWasThereLast(t *testing.T) {
	two := map[string]string{"a": "ERROR", "b": "ERROR"}
	last := func(id string, list ...string) func(map[string]*Facts) {
		return with(id, func(f *Facts) { f.Last = list })
	}
	judge(t, []verdict{
		{"these two", site(two, last("a", "a", "b"), last("b", "a", "b")), Start, false, ""},
		{"these two, and the other one holds more", site(two, last("a", "a", "b"), last("b", "a", "b"), with("b", func(f *Facts) { f.Executed = source + ":1-11" })), Nothing, false, "starts with 10.0.0.2:3306"},
		{"these two diverged", site(two, last("a", "a", "b"), last("b", "a", "b"), with("a", func(f *Facts) { f.Executed = source + ":1-11" }), with("b", func(f *Facts) {
			f.Executed = source + ":1-10,aa11fa47-71ca-11e1-9e33-c80aa9429562:1"
		})), Nothing, true, "Decide which of them goes on"},
		{"three by the word of one", site(two, last("a", "a", "b", "c"), last("b", "a", "b")), Nothing, true, "nothing is heard of 10.0.0.3:3306"},
		{"the other one went on without this one", site(two, last("a", "a", "b", "c"), last("b", "b", "c")), Nothing, true, "nothing is heard of 10.0.0.3:3306"},
		{"one does not know", site(two, last("a", "a", "b")), Nothing, true, "nothing is heard of 10.0.0.3:3306"},
		{"one alone", site(map[string]string{"a": "ERROR"}, last("a", "a")), Nothing, true, "nothing is heard of 10.0.0.2:3306, 10.0.0.3:3306"},
		{"these two, and one has not given its view up", site(map[string]string{"a": "ERROR", "b": "ONLINE"}, last("a", "a", "b"), last("b", "a", "b"), with("b", func(f *Facts) {
			f.View = append(f.View, Member{"a", "10.0.0.1:3306", "UNREACHABLE"})
		})), Nothing, false, "10.0.0.2:3306 has given up its view"},
	})
}

// A member whose start at boot is the guardian's, and of whom nobody with a guardian
// knows anything, tries to join as MySQL itself would have: once, and not where
// MySQL did, or where somebody stopped it.
func TestMemberAmongOthersWithoutGuardians(t *testing.T) {
	alone := func(changes ...func(*Facts)) Observed {
		o := site(map[string]string{"a": "OFFLINE"}, with("a", func(f *Facts) { f.Boots = false }))
		o.Silent = []string{"10.0.0.2:3306"}
		for _, change := range changes {
			change(&o.Self)
		}
		return o
	}
	unreached := alone()
	unreached.Silent = nil
	judge(t, []verdict{
		{"at boot", alone(), Rejoin, false, "10.0.0.2:3306 has no guardian"},
		{"it has tried", alone(func(f *Facts) { f.Tried = true }), Nothing, true, "nothing is heard of 10.0.0.2:3306, 10.0.0.3:3306"},
		{"it tries", alone(func(f *Facts) { f.Tried, f.Starting = true, true }), Nothing, false, "on its way"},
		{"MySQL did at boot", alone(func(f *Facts) { f.Boots = true }), Nothing, true, "nothing is heard of"},
		{"somebody stopped it", alone(func(f *Facts) { f.Stopped = true }), Nothing, false, "somebody has stopped it"},
		{"it has left", alone(func(f *Facts) { f.Wanted = false }), Nothing, false, "no persisted place"},
		{"it fell out", alone(func(f *Facts) { f.View[0].State = "ERROR" }), Nothing, true, "nothing is heard of"},
		{"nobody is there", unreached, Nothing, true, "nothing is heard of"},
	})
}

// The start at boot becomes the guardian's when the member is in its group, and the
// data say that it belongs there.
func TestStartAtBootIsTakenOver(t *testing.T) {
	whole := map[string]string{"a": "ONLINE", "b": "ONLINE", "c": "ONLINE"}
	mine := with("a", func(f *Facts) { f.Boots, f.Placed = true, true })
	judge(t, []verdict{
		{"MySQL has it", site(whole, mine), Attend, false, ""},
		{"MySQL would try to rejoin", site(whole, with("a", func(f *Facts) { f.Placed, f.Tries = true, 3 })), Attend, false, ""},
		{"the guardian has it", site(whole, with("a", func(f *Facts) { f.Boots, f.Placed = false, true })), Nothing, false, "majority"},
		{"its place is not persisted", site(whole, with("a", func(f *Facts) { f.Boots = true })), Nothing, false, "majority"},
		{"it is recovering", site(map[string]string{"a": "RECOVERING", "b": "ONLINE", "c": "ONLINE"}, mine), Nothing, false, "majority"},
		{"it is not registered", site(whole, mine, with("a", func(f *Facts) { f.Registered = f.Registered[1:] })), Nothing, false, "majority"},
		{"another one does not answer", site(whole, mine, with("a", func(f *Facts) { f.View[1].State = "UNREACHABLE" })), Nudge, false, ""},
	})
}

// Two of three were down and came back; the third still has the view of before.
func TestStaleViewIsGivenUp(t *testing.T) {
	states := map[string]string{"a": "ONLINE", "b": "OFFLINE", "c": "OFFLINE"}
	other := map[string]string{"a": "OFFLINE", "b": "ONLINE", "c": "OFFLINE"}
	judge(t, []verdict{
		{"its own", site(states, aged("a")), Abandon, false, "can have no majority any more"},
		{"it gives it up by itself", site(states, aged("a"), with("a", func(f *Facts) { f.GivesUp = 16 })), Nothing, false, "10.0.0.1:3306 gives up its view"},
		{"it gives it up by itself, in an hour", site(states, aged("a"), with("a", func(f *Facts) { f.GivesUp = 3600 })), Abandon, false, ""},
		{"another one gives it up by itself", site(other, aged("b"), with("b", func(f *Facts) { f.GivesUp = 16 })), Nothing, false, "10.0.0.2:3306 gives up its view"},
		{"another one has given it up, and still speaks", site(map[string]string{"a": "OFFLINE", "b": "ERROR", "c": "OFFLINE"}, with("b", func(f *Facts) { f.Leaving = true })), Nothing, false, "10.0.0.2:3306 has given up its view and ended its part"},
		{"another's", site(other, aged("b")), Nothing, false, "when 10.0.0.2:3306 has given up its view"},
		{"one of the others is missing", site(map[string]string{"a": "ONLINE", "b": "OFFLINE"}, aged("a")), Nothing, true, "nothing is heard of 10.0.0.3:3306"},
		{"the others run without it", site(map[string]string{"a": "ONLINE", "b": "ONLINE", "c": "ONLINE"}, aged("a"), with("b", func(f *Facts) {
			f.View = []Member{{"b", f.Endpoint, "ONLINE"}, {"c", "10.0.0.3:3306", "ONLINE"}}
		})), Nothing, false, "hears that it was expelled"},
		{"the lines were cut and are mended", site(map[string]string{"a": "ONLINE", "b": "ONLINE", "c": "ONLINE"}, aged("a"), aged("b"), aged("c")), Nothing, false, "connects them again by itself"},
		{"one fell out, two are cut from each other", site(map[string]string{"a": "ONLINE", "b": "ONLINE", "c": "OFFLINE"}, aged("a"), aged("b")), Nothing, false, "connects them again by itself"},
		{"the others diverged from it", site(states, aged("a"), with("a", func(f *Facts) { f.Executed = source + ":1-11" }),
			with("b", func(f *Facts) { f.Executed = source + ":1-10,aa11fa47-71ca-11e1-9e33-c80aa9429562:1" })), Nothing, true, "Decide which of them goes on"},
	})
}

// However the members are seen, no two guardians start the group, and none starts
// it while a member is missing.
func TestOnlyOneStarts(t *testing.T) {
	ends := []string{":1-10", ":1-11"}
	for bits := range 1 << 6 {
		starts := 0
		for turn := range 3 {
			o := site(map[string]string{"a": "OFFLINE", "b": "OFFLINE", "c": "ERROR"}, func(all map[string]*Facts) {
				for i, id := range []string{"a", "b", "c"} {
					all[id].Executed = source + ends[bits>>i&1]
					all[id].Starting = bits>>(3+i)&1 == 1
				}
			})
			everybody := []Facts{o.Self, o.Peers["10.0.0.2:3306"], o.Peers["10.0.0.3:3306"]}
			seen := Observed{Self: everybody[turn], Peers: map[string]Facts{}}
			for i, facts := range everybody {
				if i != turn {
					seen.Peers[facts.Endpoint] = facts
				}
			}
			if Decide(seen).Deed == Start {
				starts++
			}
			for endpoint := range seen.Peers {
				less := Observed{Self: seen.Self, Peers: map[string]Facts{}}
				for other, facts := range seen.Peers {
					if other != endpoint {
						less.Peers[other] = facts
					}
				}
				if got := Decide(less); got.Deed != Nothing {
					t.Errorf("%06b: without %s: %+v", bits, endpoint, got)
				}
			}
		}
		if starts > 1 {
			t.Errorf("%06b: %d guardians start the group", bits, starts)
		}
	}
}
