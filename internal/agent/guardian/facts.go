// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package guardian

import (
	"fmt"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/model/group"
)

// Protocol is what reports speak. Fields may be added; what changes its meaning
// makes a new number, and guardians of another one do not count on each other.
const Protocol = 1

// Facts are what one member says of itself: to its own guardian, and by that one
// to those of the others.
type Facts struct {
	Protocol int `json:"protocol"`
	// Beat grows with each report.
	Beat uint64 `json:"beat"`
	// ID is the server's UUID, Endpoint "host:port", Version MySQL's.
	ID       string `json:"id"`
	Endpoint string `json:"endpoint"`
	Version  string `json:"version"`
	// Group is the UUID of the group that the member is configured for, Cluster
	// the name in its metadata.
	Group   string `json:"group"`
	Cluster string `json:"cluster"`
	// Stack is what the members speak with one another: MYSQL, or XCOM, whose port
	// is not MySQL's.
	Stack  string `json:"stack"`
	Weight int    `json:"weight"`
	// ExpelTimeout in seconds, and GivesUp, after which the member gives up a view
	// without a majority by itself; 0 is never.
	ExpelTimeout int `json:"expel_timeout"`
	GivesUp      int `json:"gives_up"`
	// Wanted: the member is to be in its group. Boots: MySQL itself starts it there
	// at boot. Placed: its place in the group is persisted, so that the guardian can
	// see that it is wanted and start it at boot instead. Tried: a start was asked
	// for since the server's own start. Stopped: somebody has stopped the member in
	// its group since it was ONLINE last.
	Wanted  bool `json:"wanted"`
	Boots   bool `json:"boots"`
	Placed  bool `json:"placed"`
	Tried   bool `json:"tried"`
	Stopped bool `json:"stopped"`
	// Starting: a start is on its way. Rejoining: MySQL's own tries to rejoin are
	// under way or lie before it, Trying: one of them is in progress. Leaving: it is in
	// ERROR, and its group communication has not ended yet.
	Starting  bool `json:"starting"`
	Rejoining bool `json:"rejoining"`
	Trying    bool `json:"trying"`
	Leaving   bool `json:"leaving"`
	// Tries is how often MySQL itself tries to rejoin after it fell out.
	Tries int `json:"tries"`
	// Armed: the next start of the group here would make a second one.
	Armed bool `json:"armed"`
	// Connections is how many the server takes; 0 is not said.
	Connections int `json:"connections"`
	// Executed, Received and Purged are sets of transactions.
	Executed string `json:"executed"`
	Received string `json:"received"`
	Purged   string `json:"purged"`
	// View is the group as this member sees it. Last are the UUIDs of those that
	// were in its group when it was there last, itself included; none where the
	// guardian did not see that.
	View []Member `json:"view"`
	Last []string `json:"last"`
	// Registered are the members that the cluster's metadata have, as far as this
	// member's data go; Seeds are the others that it is configured to ask.
	Registered []Registration `json:"registered"`
	Seeds      []string       `json:"seed_list"`
}

// Member is a row of performance_schema.replication_group_members.
type Member struct {
	ID       string `json:"id"`
	Endpoint string `json:"endpoint"`
	State    string `json:"state"`
}

// Registration is a row of the metadata's instances.
type Registration struct {
	ID      string `json:"id"`
	Address string `json:"address"`
}

// State is the member's own.
func (f Facts) State() string {
	for _, member := range f.View {
		if member.ID == f.ID {
			return member.State
		}
	}
	return "OFFLINE"
}

// inside says whether the member is in a group, be it without a majority.
func (f Facts) inside() bool { return group.Alive(f.State()) }

// engaged says whether the member still speaks with others of a group: in one it
// may, and for half a minute after it gave one up.
func (f Facts) engaged() bool { return f.inside() || f.Leaving }

// givesUp says whether the member gives up a view without a majority sooner by itself
// than STOP GROUP_REPLICATION would let it: that waits for the writes that hang, and
// then for the same.
func (f Facts) givesUp() bool { return f.GivesUp > 0 && f.GivesUp <= stopping }

// stopping is how many seconds STOP GROUP_REPLICATION takes where there is no majority.
const stopping = 80

// majority says whether the member is in a group of which more than half answer.
func (f Facts) majority() bool {
	var states []string
	for _, member := range f.View {
		states = append(states, member.State)
	}
	return f.inside() && group.Majority(states)
}

// unreachable are the members that the member sees and that do not answer.
func (f Facts) unreachable() []string {
	var list []string
	for _, member := range f.View {
		if member.State == "UNREACHABLE" {
			list = append(list, member.Endpoint)
		}
	}
	return list
}

// calm says whether nothing is the matter as far as the member knows.
func (f Facts) calm() bool {
	return f.State() == "ONLINE" && len(f.View) >= len(f.Registered) &&
		!slices.ContainsFunc(f.View, func(m Member) bool { return m.State != "ONLINE" })
}

// declared are the members that the member counts on, by their endpoints: those
// of the metadata, those that it is configured to ask, and itself.
func (f Facts) declared() []string {
	list := append([]string{f.Endpoint}, f.Seeds...)
	for _, registered := range f.Registered {
		list = append(list, registered.Address)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// foreign says whether the members speak XCOM with one another. A session that begins
// at its port waits for a greeting, and XCOM for the session's: meanwhile nobody
// else is let in, and no member can join.
func (f Facts) foreign() bool { return f.Stack == "XCOM" }

// registers says whether the metadata have a member, under that very identity.
func (f Facts) registers(id, endpoint string) bool {
	return slices.Contains(f.Registered, Registration{id, endpoint})
}

// transactions are all that the member holds, applied or only received.
func (f Facts) transactions() (group.GTIDSet, error) {
	executed, err := group.ParseGTIDSet(f.Executed)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Endpoint, err)
	}
	received, err := group.ParseGTIDSet(f.Received)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Endpoint, err)
	}
	return executed.Union(received), nil
}

// sees is the view in one line.
func (f Facts) sees() string {
	var parts []string
	for _, member := range f.View {
		parts = append(parts, member.Endpoint+" "+member.State)
	}
	return strings.Join(parts, ", ")
}
