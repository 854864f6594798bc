// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package group has the business of a replication group as a whole: who has a
// majority, who can be spared, who takes the primary's role and how it is handed
// over, in which order members go down, and the lease by which they take turns.
// Whoever takes a member of a group down asks here.
package group

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	model "github.com/atollhq/terraform-provider-atoll/internal/model/group"
)

// ErrQuorum says that a group cannot spare a member now.
var ErrQuorum = errors.New("its group would lose its quorum")

// Member is a row of performance_schema.replication_group_members.
type Member struct {
	ID      string `json:"id"`
	Host    string `json:"host"`
	Port    int    `json:"port"`
	State   string `json:"state"`
	Role    string `json:"role"`
	Version string `json:"version"`
	// Queue is the number of transactions received and not yet applied; null
	// without a group.
	Queue int64 `json:"queue"`
}

// Endpoint is "host:port", under which the others know the member.
func (m Member) Endpoint() string { return net.JoinHostPort(m.Host, strconv.Itoa(m.Port)) }

// Online says whether the member takes part.
func (m Member) Online() bool { return m.State == "ONLINE" }

// Registration is a row of the metadata's instances: a member that the cluster
// counts on, whether the group sees it or not.
type Registration struct {
	ID      string `json:"id"`
	Address string `json:"address"`
}

// View is the group as one of its members sees it.
type View struct {
	// Name is the group's UUID; "" outside of a group's configuration.
	Name string
	// Self is the UUID of the server that sees it.
	Self string
	// Members of the group; empty outside of one.
	Members []Member
	// Registered are those of the metadata.
	Registered []Registration
}

// MembersQuery reads a view's members, a row for mysqlroot.QuestionScript.
const MembersQuery = `SELECT 'members', JSON_ARRAYAGG(JSON_OBJECT('id', m.member_id, 'host', m.member_host, 'port', IFNULL(m.member_port, 0),
 'state', m.member_state, 'role', m.member_role, 'version', m.member_version,
 'queue', IFNULL(s.count_transactions_remote_in_applier_queue, 0)))
 FROM performance_schema.replication_group_members m LEFT JOIN performance_schema.replication_group_member_stats s USING (member_id) WHERE m.member_id <> ''`

// Own is the server's own row; one that is in no group is OFFLINE.
func (v View) Own() Member {
	for _, member := range v.Members {
		if member.ID == v.Self {
			return member
		}
	}
	return Member{ID: v.Self, State: "OFFLINE"}
}

// Primary says whether the server takes the group's writes, and nobody else does:
// in a group where all do, each can go without a hand-over.
func (v View) Primary() bool {
	others := slices.ContainsFunc(v.Members, func(m Member) bool { return m.ID != v.Self && m.Online() && m.Role == "PRIMARY" })
	return v.Own().Role == "PRIMARY" && !others
}

// OthersOnline counts the other members that are online.
func (v View) OthersOnline() int {
	others := 0
	for _, member := range v.Members {
		if member.ID != v.Self && member.Online() {
			others++
		}
	}
	return others
}

// Majority says whether the server is online among more than half of those it
// sees: one that was expelled sees only itself.
func (v View) Majority() bool {
	var states []string
	for _, member := range v.Members {
		states = append(states, member.State)
	}
	return v.Own().Online() && model.Majority(states)
}

// Spares says whether those that are left keep their majority when one of the
// members leaves or goes down; the error is a refusal with the numbers.
func (v View) Spares(id string) error {
	online, others := 0, 0
	for _, member := range v.Members {
		if member.ID == id {
			continue
		}
		others++
		if member.Online() {
			online++
		}
	}
	if online*2 <= others {
		return fmt.Errorf("%w: of the %d others only %d are online (%s). Mend them first", ErrQuorum, others, online, strings.Join(v.NotOnline(), ", "))
	}
	return nil
}

// Successor is the member that takes the primary's role when the server goes:
// online, of the lowest version, since a group's primary has to be, and with the
// least left to apply.
func (v View) Successor() (Member, bool) {
	var candidates []Member
	for _, member := range v.Members {
		if member.ID != v.Self && member.Online() {
			candidates = append(candidates, member)
		}
	}
	if len(candidates) == 0 {
		return Member{}, false
	}
	return slices.MinFunc(candidates, func(a, b Member) int {
		return cmp.Or(compareVersions(a.Version, b.Version), cmp.Compare(a.Queue, b.Queue), cmp.Compare(a.ID, b.ID))
	}), true
}

// TakesFrom says whether MySQL lets a member take the primary's role from the server:
// not one of a higher version, as there are while a group is upgraded. Those choose one
// among them when the last of the lower version has left.
func (v View) TakesFrom(successor Member) bool {
	return compareVersions(successor.Version, v.Own().Version) <= 0
}

// compareVersions compares numbers with dots.
func compareVersions(a, b string) int {
	numbers := func(text string) (list []int) {
		for part := range strings.SplitSeq(text, ".") {
			number, _ := strconv.Atoi(part)
			list = append(list, number)
		}
		return list
	}
	return slices.Compare(numbers(a), numbers(b))
}

// NotOnline lists the members that the server sees and that are not online, as
// "host:port STATE".
func (v View) NotOnline() []string {
	var list []string
	for _, member := range v.Members {
		if !member.Online() {
			list = append(list, member.Endpoint()+" "+member.State)
		}
	}
	return list
}

// Counting is the view with members that the group does not see and that are counted on,
// each Missing.
func (v View) Counting(absent []Registration) View {
	v.Members = slices.Clone(v.Members)
	for _, one := range absent {
		host, port, _ := net.SplitHostPort(one.Address)
		number, _ := strconv.Atoi(port)
		v.Members = append(v.Members, Member{ID: one.ID, Host: host, Port: number, State: Missing})
	}
	return v
}

// Missing lists the members that the cluster counts on and the group does not
// see: those that are down, and those that left for good and are not yet
// struck off.
func (v View) Missing() []Registration {
	var list []Registration
	for _, registered := range v.Registered {
		if !slices.ContainsFunc(v.Members, func(m Member) bool { return m.ID == registered.ID }) {
			list = append(list, registered)
		}
	}
	return list
}
