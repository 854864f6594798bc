// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package guardian

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/model/group"
)

// ofGroup are the reports of the member's own group, by their endpoints' order.
func (o Observed) ofGroup() []Facts {
	var list []Facts
	for _, endpoint := range slices.Sorted(maps.Keys(o.Peers)) {
		if o.Peers[endpoint].Group == o.Self.Group {
			list = append(list, o.Peers[endpoint])
		}
	}
	return list
}

// setsOf are all transactions of a member and of another, and what that one's
// binary logs do not hold any more.
func setsOf(self, peer Facts) (own, others, purged group.GTIDSet, err error) {
	if own, err = self.transactions(); err != nil {
		return nil, nil, nil, err
	}
	if others, err = peer.transactions(); err != nil {
		return nil, nil, nil, err
	}
	purged, err = group.ParseGTIDSet(peer.Purged)
	return own, others, purged, err
}

// outage is for a group of which no member that is heard has a majority. It can
// start anew when every member that it counts on is heard, all hold the same or
// less than one of them, and no view is left that could have a majority again.
// Which members it counts on the member says that holds most: what it holds came
// last. One that the group had lost before it stopped is not waited for.
func (o Observed) outage() Decision {
	self := o.Self
	heard := append(o.ofGroup(), self)
	stopped := "the group has stopped"
	if self.inside() {
		stopped = "the member sees no majority (" + self.sees() + ")"
	}
	first, err := foremost(heard)
	if err != nil {
		return refused("%s, and that stays so: %v", stopped, err)
	}
	if missing := o.missing(first); len(missing) > 0 {
		return refused("%s, and nothing is heard of %s: the group comes back by itself when all of its members are there. Bring the missing back; or, if they are gone for good, declare them lost and apply", stopped, strings.Join(missing, ", "))
	}
	for _, member := range heard {
		switch {
		case !first.registers(member.ID, member.Endpoint):
			return refused("%s, and that stays so: the cluster has no member %s with the UUID %s, and that one is configured for the group", stopped, member.Endpoint, member.ID)
		case !member.inside() && (!member.Wanted || member.Stopped):
			return refused("%s, and that stays so: somebody has stopped member %s; START GROUP_REPLICATION there, or terraform apply", stopped, member.Endpoint)
		}
	}
	return o.revive(first, heard)
}

// revive is for a group that has stopped, and of which all members are heard.
func (o Observed) revive(first Facts, heard []Facts) Decision {
	self := o.Self
	for _, member := range heard {
		switch {
		case member.inside() && hopeful(member, heard):
			return nothing("the member sees no majority (%s), and those that it sees are all there: MySQL connects them again by itself", member.sees())
		case member.inside() && member.givesUp():
			return nothing("all members are heard, and %s gives up its view (%s) when unreachable_majority_timeout, %d s, has passed", member.Endpoint, member.sees(), member.GivesUp)
		case member.inside() && member.ID == self.ID:
			return Decision{Deed: Abandon, Why: fmt.Sprintf("all members are heard, and the view that this one has (%s) can have no majority any more", self.sees())}
		}
	}
	for _, member := range heard {
		if member.engaged() {
			return nothing("the group has stopped, and starts when %s has given up its view and ended its part of the group, which takes half a minute", member.Endpoint)
		}
	}
	switch {
	case first.ID != self.ID:
		return nothing("the group has stopped, and starts with %s, which holds most", first.Endpoint)
	case self.Starting || self.Trying:
		return nothing("the group has stopped, and starts with this member when its own try to join has ended")
	}
	return Decision{Deed: Start, Why: "all members are heard, none is in a group, and no other one holds more than this one"}
}

// missing are the members that one counts on and that are not heard, unless the
// group was without them already.
func (o Observed) missing(first Facts) []string {
	var list []string
	if o.together() {
		return nil
	}
	for _, endpoint := range first.declared() {
		if facts, heard := o.Peers[endpoint]; endpoint != o.Self.Endpoint && (!heard || facts.Group != o.Self.Group) {
			list = append(list, endpoint)
		}
	}
	return list
}

// together says whether all are heard that were in the group when any of those that
// are heard was there last. Whoever else belongs to it was expelled or had left
// before, with the consent of more than half, and holds nothing that these have
// not: what it had delivered they had delivered before it went. It cannot have gone
// on without them either, since a group that goes on has more than half of the one
// before it, which would be one of these. It takes two at least: one alone may have
// seen the others leave one after another, and does not know what they did since.
func (o Observed) together() bool {
	heard := append(o.ofGroup(), o.Self)
	for _, member := range heard {
		if len(member.Last) == 0 {
			return false
		}
		for _, id := range member.Last {
			if !slices.ContainsFunc(heard, func(f Facts) bool { return f.ID == id }) {
				return false
			}
		}
	}
	return len(heard) > 1
}

// hopeful says whether more than half of those that a member sees are still in
// that view: then a line that is mended brings the majority back.
func hopeful(member Facts, heard []Facts) bool {
	alive := 0
	for _, seen := range member.View {
		if slices.ContainsFunc(heard, func(f Facts) bool { return f.ID == seen.ID && f.inside() }) {
			alive++
		}
	}
	return alive*2 > len(member.View)
}

// foremost is the member that holds all that any other holds. Of several it is
// the one whose own try to join has ended, of the lowest version, since a group's
// primary has to be, of the highest weight, and of the lowest UUID.
func foremost(heard []Facts) (Facts, error) {
	sets := map[string]group.GTIDSet{}
	for _, member := range heard {
		set, err := member.transactions()
		if err != nil {
			return Facts{}, err
		}
		sets[member.ID] = set
	}
	most := heard[0]
	for _, member := range heard[1:] {
		if !sets[member.ID].Within(sets[most.ID]) {
			most = member
		}
	}
	var candidates []Facts
	for _, member := range heard {
		if rest := sets[member.ID].Minus(sets[most.ID]); !rest.Empty() {
			return Facts{}, fmt.Errorf("%s holds transactions that %s has not (%s), and the other way round (%s). Decide which of them goes on, save what the other holds, and empty it",
				member.Endpoint, most.Endpoint, rest, sets[most.ID].Minus(sets[member.ID]))
		}
		if sets[most.ID].Within(sets[member.ID]) {
			candidates = append(candidates, member)
		}
	}
	return slices.MinFunc(candidates, func(a, b Facts) int {
		return cmp.Or(byBool(a.Starting || a.Trying, b.Starting || b.Trying), byVersion(a.Version, b.Version), cmp.Compare(b.Weight, a.Weight), cmp.Compare(a.ID, b.ID))
	}), nil
}

func byBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// byVersion compares numbers with dots.
func byVersion(a, b string) int {
	numbers := func(text string) (list []int) {
		text, _, _ = strings.Cut(text, "-")
		for part := range strings.SplitSeq(text, ".") {
			number, _ := strconv.Atoi(part)
			list = append(list, number)
		}
		return list
	}
	return slices.Compare(numbers(a), numbers(b))
}
