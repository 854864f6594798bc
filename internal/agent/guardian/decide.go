// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package guardian

import (
	"fmt"
	"strings"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/model/group"
)

// Deed is what a guardian does to its own server.
type Deed string

// The deeds.
const (
	// Nothing is to be done, or nothing may be.
	Nothing Deed = "nothing"
	// Nudge wakes the server's own look at its suspicions.
	Nudge Deed = "nudge"
	// Rejoin brings the own member back into its running group.
	Rejoin Deed = "rejoin"
	// Abandon takes the own member out of a view that can never have a majority
	// again, so that the group can start anew.
	Abandon Deed = "abandon"
	// Start starts the group with the own member as its first.
	Start Deed = "start"
	// Attend takes over from MySQL what brings the member in: its start at boot, and
	// its own tries to rejoin.
	Attend Deed = "attend"
	// Admit lets in again whom a max_connections that is too low shuts out.
	Admit Deed = "admit"
	// Disarm clears the flag by which the next start would make a second group.
	Disarm Deed = "disarm"
)

// patience is how long a deed has to be due before it is done: what passes by
// itself passes meanwhile.
func (d Deed) patience() time.Duration {
	switch d {
	case Rejoin:
		return 2 * time.Second
	case Abandon, Start, Disarm, Attend, Admit:
		return 3 * time.Second
	}
	return 0
}

// Decision is a deed and its reason.
type Decision struct {
	Deed Deed   `json:"deed"`
	Why  string `json:"why"`
	// Refused: something is wrong, and only a person or an apply can mend it.
	Refused bool `json:"refused"`
}

func nothing(why string, values ...any) Decision {
	return Decision{Deed: Nothing, Why: fmt.Sprintf(why, values...)}
}

func refused(why string, values ...any) Decision {
	return Decision{Deed: Nothing, Why: fmt.Sprintf(why, values...), Refused: true}
}

// Observed is all that a decision goes by: what the guardian's own server says,
// the reports of the others that are not old, by their endpoints, and the
// endpoints of those whose servers have answered for a while and of whom no report
// has come: no guardian is beside them.
type Observed struct {
	Self   Facts
	Peers  map[string]Facts
	Silent []string
}

// Decide says what to do now. It is a function of its argument, without I/O and
// without memory.
func Decide(o Observed) Decision {
	decision := o.ofMembership()
	if has := o.Self.Connections; decision.Deed == Nothing && has > 0 && has < group.LeastConnections {
		return Decision{Deed: Admit, Why: fmt.Sprintf("max_connections is %d, and with fewer than %d the server shuts out other members, routers and whoever could mend that: the guardian is in already", has, group.LeastConnections)}
	}
	return decision
}

// ofMembership says what to do about the member's place in its group.
func (o Observed) ofMembership() Decision {
	self := o.Self
	switch {
	case self.Group == "":
		return nothing("the server is configured for no group")
	case self.Armed && !self.Starting:
		return Decision{Deed: Disarm, Why: "group_replication_bootstrap_group is ON: who set it did not clear it"}
	case self.foreign():
		return nothing("the members speak XCOM with one another, at a port that is not MySQL's: a guardian helps on the MYSQL stack, to which terraform apply brings the group with allow_full_stop = true")
	case self.majority():
		return inMajority(self)
	case self.inside():
		return o.withoutMajority()
	case self.Starting:
		return nothing("the member is %s and on its way into the group by itself", self.State())
	case self.Trying:
		return nothing("the member is %s, and MySQL itself tries to rejoin now", self.State())
	case !self.Wanted:
		return nothing("the member is %s, it has no persisted place in a group, and group_replication_start_on_boot is OFF: it is not to be in one", self.State())
	case self.Stopped:
		return nothing("the member is %s: somebody has stopped it in its group; START GROUP_REPLICATION or terraform apply brings it back", self.State())
	}
	for _, peer := range o.ofGroup() {
		if peer.majority() {
			return o.rejoining(peer)
		}
	}
	if self.State() == "OFFLINE" && !self.Boots && !self.Tried && len(o.Silent) > 0 {
		return Decision{Deed: Rejoin, Why: fmt.Sprintf("nobody says that the group runs, and %s has no guardian that could: the member tries once, as MySQL would at boot", strings.Join(o.Silent, ", "))}
	}
	return o.outage()
}

// inMajority is for a member of a group that takes decisions. A suspicion is
// looked at every 15 seconds only, so that a member which is due to be expelled
// waits for up to that long; the nudge lets it be looked at now, and expels
// nobody before expel_timeout has passed.
func inMajority(self Facts) Decision {
	if silent := self.unreachable(); len(silent) > 0 {
		return Decision{Deed: Nudge, Why: fmt.Sprintf("%s does not answer; it is expelled when expel_timeout, %d s, has passed", strings.Join(silent, ", "), self.ExpelTimeout)}
	}
	if self.State() == "ONLINE" && (self.Boots || self.Tries > 0) && self.Placed && self.registers(self.ID, self.Endpoint) {
		return Decision{Deed: Attend, Why: "the member is ONLINE; from now on the guardian brings it in, at boot and when it fell out, which after an outage of all is sooner than MySQL by a minute"}
	}
	return nothing("the member is %s in a group with a majority", self.State())
}

// withoutMajority is for a member that sees a group and no majority of it. Where
// the others run, MySQL finds its way by itself: it connects them again, or hears
// that it was expelled. Stopping the member sooner gains nothing, since that waits
// for the same.
func (o Observed) withoutMajority() Decision {
	for _, peer := range o.ofGroup() {
		if peer.majority() {
			return nothing("the member sees no majority (%s), and %s says that the group runs: MySQL connects them again, or hears that it was expelled", o.Self.sees(), peer.Endpoint)
		}
	}
	return o.outage()
}

// rejoining is for a member that its running group, of which peer is one, does not
// have. It refuses what an apply would refuse, and leaves to an apply what needs
// a clone.
func (o Observed) rejoining(peer Facts) Decision {
	self := o.Self
	if !peer.registers(self.ID, self.Endpoint) {
		return nothing("the cluster has no member %s with the UUID %s any more", self.Endpoint, self.ID)
	}
	for _, member := range peer.View {
		if member.Endpoint == self.Endpoint {
			return nothing("the group still sees the member as %s: it comes back when that is over", member.State)
		}
	}
	own, group, purged, err := setsOf(self, peer)
	if err != nil {
		return refused("%v", err)
	}
	if rest := own.Minus(group); !rest.Empty() {
		return refused("the member holds transactions that the group has not: %s. Save what it holds, empty the server and join it again", rest)
	}
	if rest := purged.Minus(own); !rest.Empty() {
		return refused("the group's binary logs no longer hold %s, which the member lacks: it needs a clone, which terraform apply makes", rest)
	}
	return Decision{Deed: Rejoin, Why: fmt.Sprintf("the group runs, as %s says, and the member is %s", peer.Endpoint, self.State())}
}
