// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

// The operations. Each can be done again after it was killed half-way. Member
// is a key of the declaration, Endpoint "host:port".
type (
	// Erase removes what another cluster left in a server's data.
	Erase struct{ Member string }
	// Renew gives a cloned server a UUID of its own.
	Renew struct{ Member string }
	// Bootstrap makes the group with its first member.
	Bootstrap struct{ Member string }
	// Import makes the group with its first member, which clones a source outside of it
	// before.
	Import struct{ Member, Source string }
	// Reboot makes the group again after all of its members were down.
	Reboot struct{ Member string }
	// Force lets the members of a group that lost its majority go on without the
	// others, which are out of it for good. Addresses are those by which the group
	// knows them, with commas between.
	Force struct{ Member, Addresses string }
	// Halt stops a member: that of a group without a majority, or all of a group.
	Halt struct{ Member string }
	// Install writes the cluster metadata on the primary.
	Install struct{ Primary string }
	// Configure sets variables of a running member.
	Configure struct{ Member string }
	// Know gives a server what it verifies the others by.
	Know struct{ Member string }
	// Verify lets a member start anew in the running group, and verify the others.
	Verify struct{ Member string }
	// Join brings a server into the group, for the first time or again.
	Join struct {
		Member string
		// Donor is the member of whose data it takes a copy before; "" for none.
		Donor string
		// Together: others may join meanwhile.
		Together bool
	}
	// Replace gives a server that is out of the group a copy of a donor's data in the
	// place of its own, which is lost, and brings it in.
	Replace struct{ Member, Donor string }
	// Await waits for a member that is on its way in by itself.
	Await struct{ Member string }
	// Register corrects a member's row in the metadata.
	Register struct{ Member string }
	// Credential gives a member its own recovery account.
	Credential struct{ Member string }
	// Leave takes a member out of the group.
	Leave struct{ Endpoint string }
	// StrikeOff removes the row of one that is not in the group any more.
	StrikeOff struct{ Endpoint string }
	// UpgradeMetadata brings the metadata to the declared version.
	UpgradeMetadata struct{ Primary string }
	// Describe corrects what the metadata say about the cluster.
	Describe struct{ Primary string }
	// SinglePrimary leaves the writes of a multi-primary group to one member.
	SinglePrimary struct{ Member string }
	// MultiPrimary lets every member of the group take writes. Member is one that does already.
	MultiPrimary struct{ Member string }
	// Promote gives the primary's role to a member.
	Promote struct{ Member string }
	// Forget takes back a variable that was persisted by hand.
	Forget struct{ Member, Variable string }
	// Hide keeps routers from sending anybody to a member, or ends that.
	Hide struct {
		Member string
		Hidden bool
		// Draining: it keeps the sessions that it has.
		Draining bool
	}
	// SetRouting writes what the metadata tell all routers.
	SetRouting struct{ Primary string }
	// Limit lets the accounts of members and routers in from one host part only.
	Limit struct{ Host string }
	// DropRouter removes what the cluster knows of a router: its row, if it has one,
	// and its account, if that was made for it.
	DropRouter struct{ Address, Name, Account string }
	// DropAccount removes a recovery account of no member, or, with a Host, one
	// beside that of a member.
	DropAccount struct{ Account, Host string }
)

func (o Erase) String() string { return "erase what another cluster left on " + o.Member }
func (o Renew) String() string { return "give a UUID of its own to " + o.Member }
func (o Import) String() string {
	return "bootstrap the group on " + o.Member + " with a copy of the data of " + o.Source
}
func (o Bootstrap) String() string { return "bootstrap the group on " + o.Member }
func (o Reboot) String() string    { return "reboot the group from " + o.Member }
func (o Force) String() string     { return "go on from " + o.Member + " with " + o.Addresses + " alone" }
func (o Halt) String() string      { return "stop the group on " + o.Member }
func (o Install) String() string   { return "write the cluster metadata on " + o.Primary }
func (o Configure) String() string { return "set variables of " + o.Member }
func (o Know) String() string      { return "write what " + o.Member + " verifies the others by" }
func (o Verify) String() string {
	return "let " + o.Member + " start anew in the group and verify the others"
}
func (o Join) String() string {
	if o.Donor != "" {
		return "join " + o.Member + " by clone"
	}
	return "join " + o.Member
}
func (o Replace) String() string {
	return "give " + o.Member + " the data of " + o.Donor + " in the place of its own"
}
func (o Await) String() string      { return "wait for " + o.Member }
func (o Register) String() string   { return "register " + o.Member }
func (o Credential) String() string { return "renew the recovery account of " + o.Member }
func (o Leave) String() string      { return "take out " + o.Endpoint }
func (o StrikeOff) String() string  { return "strike off " + o.Endpoint }
func (o Describe) String() string   { return "correct the cluster metadata on " + o.Primary }
func (o UpgradeMetadata) String() string {
	return "upgrade the cluster metadata on " + o.Primary
}
func (o SinglePrimary) String() string {
	return "leave the writes of a multi-primary group to " + o.Member
}
func (o MultiPrimary) String() string {
	return "let every member take writes, beside " + o.Member
}
func (o Promote) String() string { return "hand the primary's role over to " + o.Member }
func (o Hide) String() string {
	if o.Draining {
		return "let routers drain " + o.Member
	}
	if o.Hidden {
		return "hide " + o.Member + " from routers"
	}
	return "show " + o.Member + " to routers"
}
func (o SetRouting) String() string { return "write the routing options on " + o.Primary }
func (o DropRouter) String() string {
	if o.Address == "" && o.Name == "" {
		return "drop account " + o.Account
	}
	return "remove the router " + label(o.Address, o.Name)
}
func (o Forget) String() string { return "take back " + o.Variable + " of " + o.Member }
func (o Limit) String() string  { return "let accounts in from " + o.Host + " only" }
func (o DropAccount) String() string {
	if o.Host != "" {
		return "drop account " + o.Account + "@" + o.Host
	}
	return "drop account " + o.Account
}

// The order of the stages: a group before its members, newcomers before leavers,
// and what nobody uses any more last.

// Stage is its place in the order.
func (Erase) Stage() int { return 0 }

// Stage is its place in the order.
func (Renew) Stage() int { return 0 }

// Stage is its place in the order.
func (Bootstrap) Stage() int { return 1 }

// Stage is its place in the order.
func (Import) Stage() int { return 1 }

// Stage is its place in the order.
func (Reboot) Stage() int { return 1 }

// Stage is its place in the order.
func (Halt) Stage() int { return 0 }

// Stage is its place in the order.
func (Force) Stage() int { return 1 }

// Stage is its place in the order.
func (Install) Stage() int { return 2 }

// Stage is its place in the order.
func (SinglePrimary) Stage() int { return 2 }

// Stage is its place in the order.
func (MultiPrimary) Stage() int { return 2 }

// Stage is its place in the order.
func (Forget) Stage() int { return 3 }

// Stage is its place in the order.
func (Configure) Stage() int { return 3 }

// Stage is its place in the order: who trusts nobody yet lets nobody in.
func (Know) Stage() int { return 0 }

// Stage is its place in the order.
func (Verify) Stage() int { return 8 }

// Stage is its place in the order.
func (Join) Stage() int { return 4 }

// Stage is its place in the order.
func (Replace) Stage() int { return 4 }

// Stage is its place in the order.
func (Await) Stage() int { return 4 }

// Stage is its place in the order.
func (Register) Stage() int { return 5 }

// Stage is its place in the order.
func (Credential) Stage() int { return 6 }

// Stage is its place in the order.
func (Leave) Stage() int { return 7 }

// Stage is its place in the order.
func (StrikeOff) Stage() int { return 7 }

// Stage is its place in the order.
func (Describe) Stage() int { return 2 }

// Stage is its place in the order.
func (Limit) Stage() int { return 3 }

// Stage is its place in the order.
func (Hide) Stage() int { return 8 }

// Stage is its place in the order.
func (SetRouting) Stage() int { return 8 }

// Stage is its place in the order.
func (UpgradeMetadata) Stage() int { return 2 }

// Stage is its place in the order.
func (Promote) Stage() int { return 9 }

// Stage is its place in the order.
func (DropAccount) Stage() int { return 9 }

// Stage is its place in the order.
func (DropRouter) Stage() int { return 9 }
