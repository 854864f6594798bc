// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package group

import (
	"maps"
	"slices"

	model "github.com/atollhq/terraform-provider-atoll/internal/model/group"
)

// What a member can be beside the states of Group Replication.
const (
	// Missing: those who have a majority do not see it.
	Missing = "MISSING"
	// NoQuorum: it is in a group without a majority.
	NoQuorum = "NO_QUORUM"
	// Unknown: nobody says anything of it.
	Unknown = "UNKNOWN"
)

// Heard is what a server said when it was asked.
type Heard struct {
	// Down: its machine says that the server does not run. There is no view then.
	Down bool
	View View
}

// Believed is the key of the one whose view counts, "" for none: online in a
// majority, the primary before the others. One that was expelled sees only itself.
func Believed(heard map[string]Heard) string {
	best := ""
	for _, key := range slices.Sorted(maps.Keys(heard)) {
		view := heard[key].View
		if !view.Majority() {
			continue
		}
		if view.Primary() {
			return key
		}
		if best == "" || len(view.Members) > len(heard[best].View.Members) {
			best = key
		}
	}
	return best
}

// Rivals finds two that each are online in a majority and do not see each other:
// both their sides take writes.
func Rivals(heard map[string]Heard) (one, other string, found bool) {
	sees := func(view View, id string) bool {
		return slices.ContainsFunc(view.Members, func(m Member) bool { return m.ID == id })
	}
	keys := slices.DeleteFunc(slices.Sorted(maps.Keys(heard)), func(key string) bool { return !heard[key].View.Majority() })
	for i, one := range keys {
		for _, other := range keys[i+1:] {
			a, b := heard[one].View, heard[other].View
			if !sees(a, b.Self) && !sees(b, a.Self) {
				return one, other, true
			}
		}
	}
	return "", "", false
}

// Standings says how each member is, by its key, where endpoints has all of them.
// Who is out of the group says so itself; of the others the one is believed who
// sees a majority; without one they know no more than that.
func Standings(endpoints map[string]string, heard map[string]Heard) map[string]Member {
	authority := Believed(heard)
	all := map[string]Member{}
	for key, endpoint := range endpoints {
		said, answered := heard[key]
		own := said.View.Own()
		at := slices.IndexFunc(heard[authority].View.Members, func(m Member) bool { return m.Endpoint() == endpoint })
		switch {
		case said.Down:
			all[key] = Member{State: "OFFLINE"}
		case answered && !own.Alive():
			all[key] = own
		case at >= 0:
			member := heard[authority].View.Members[at]
			if answered {
				member.Queue = own.Queue // what others know of it is older
			}
			all[key] = member
		case authority != "":
			all[key] = Member{State: Missing, Version: own.Version}
		case answered:
			all[key] = Member{State: NoQuorum, Version: own.Version}
		default:
			all[key] = Member{State: Unknown}
		}
	}
	return all
}

// Alive says whether the member takes part or is on its way to.
func (m Member) Alive() bool { return model.Alive(m.State) }

// Regains says whether a view that has no majority comes back to one by itself
// when its members reach each other again: more than half of them are still in
// it by their own word.
func (v View) Regains(heard map[string]Heard) bool {
	still := 0
	for _, member := range v.Members {
		for _, said := range heard {
			if said.View.Self == member.ID && said.View.Own().Alive() {
				still++
				break
			}
		}
	}
	return still*2 > len(v.Members)
}
