// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package innodbcluster is the provisioning plugin for the membership of an
// InnoDB Cluster: the group, its members, their recovery
// accounts, and the metadata that MySQL Router and MySQL Shell read.
//
// Observe asks every server, Diagnose says what is the matter in plain
// language, Plan gives the next operations; all three decide nothing by what an
// earlier run remembers. Converge repeats them until nothing is left to do, so a
// run that was killed anywhere is finished by the next.
package innodbcluster

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqld"
)

// Member is one server as the cluster knows it.
type Member struct {
	Address string
	// Port is TCP.
	Port     int
	ServerID int64
}

// Endpoint is "host:port", under which a member is known to the group, to
// routers and to the other members.
func (m Member) Endpoint() string { return net.JoinHostPort(m.Address, strconv.Itoa(m.Port)) }

// Account is the user name of the member's recovery account, in the form that
// MySQL Shell looks for.
func (m Member) Account() string { return accountPrefix + strconv.FormatInt(m.ServerID, 10) }

const accountPrefix = "mysql_innodb_cluster_"

// Options are the knobs of the group, the same on all members. See the
// attributes of atoll_mysql_cluster for what each does.
type Options struct {
	// ExpelTimeout and UnreachableMajorityTimeout in seconds.
	ExpelTimeout, UnreachableMajorityTimeout, AutorejoinTries int64
	Consistency, ExitStateAction                              string
	// TransactionSizeLimit in bytes; 0 is none.
	TransactionSizeLimit int64
	// RecoveryMethod is auto, clone or incremental.
	RecoveryMethod string
	// Primary is the key of the member that takes writes; "" leaves it where it is.
	Primary string
	// MultiPrimary lets every member take writes.
	MultiPrimary bool
	// Weights of members by their keys, for the election of a primary; those that
	// are not in it have MySQL's own.
	Weights map[string]int64
	// Hidden are the keys of members that routers send nobody to; nil leaves that to
	// others.
	Hidden []string
	// Draining are those that routers send nobody to either, and that keep the
	// sessions that they have; nil leaves that to others.
	Draining []string
	// Routers are all that the cluster is to know; nil leaves them to others.
	Routers []DeclaredRouter
	// Routing is what the cluster tells all routers; nil leaves that to others.
	Routing *RoutingOptions
	// MetadataVersion is the least that the metadata are to have; "" leaves them.
	MetadataVersion string
	// ImportFrom is whose data a new cluster begins with; nil for those of its members.
	ImportFrom *Source
	// SingleLeader is ON where one member alone leads the group's consensus, OFF where
	// all do; "" leaves it as the group has it.
	SingleLeader string
	// AllowFullStop lets an apply stop the whole group for what needs that.
	AllowFullStop bool
	// QuorumSurvivors are the keys of those that go on where a majority is lost
	// and not all answer; none leaves the group as it is.
	QuorumSurvivors []string
}

// Cluster is what one atoll_mysql_cluster declares.
type Cluster struct {
	Name string
	// ID is the UUID in the metadata, which stays when others rename the cluster;
	// "" is not known.
	ID string
	// Members by the user's own keys.
	Members map[string]Member
	Options Options
	// Leavers are members that are not declared any more and whose machines
	// are known, by their former keys.
	Leavers map[string]Member
	// Mesh is the one that all members' addresses are in; "" for none.
	Mesh string
	// allowedHost is the host part that the accounts of members and routers are to
	// have, see allowed: MySQL Shell's replicationAllowedHost.
	allowedHost string
	// trust is how its members are to know each other, see trusting.
	trust trust
	// leads is SingleLeader as the group has it, see leading.
	leads string
}

// host is the host part of the recovery accounts.
func (c Cluster) host() string { return cmp.Or(c.allowedHost, anywhere) }

// recoverer names a member's recovery account in a statement.
func (c Cluster) recoverer(member Member) string {
	return literal(member.Account()) + "@" + literal(c.host())
}

func (c Cluster) keys() []string { return slices.Sorted(maps.Keys(c.Members)) }

// keyOf gives the key of the member at an endpoint, or "".
func (c Cluster) keyOf(endpoint string) string {
	for _, key := range c.keys() {
		if c.Members[key].Endpoint() == endpoint {
			return key
		}
	}
	return ""
}

// seeds are the endpoints of all members but one, sorted.
func (c Cluster) seeds(but string) string {
	var list []string
	for _, key := range c.keys() {
		if key != but {
			list = append(list, c.Members[key].Endpoint())
		}
	}
	slices.Sort(list)
	return join(list)
}

// Validate finds what cannot work without asking a server.
func (c Cluster) Validate() []error {
	var problems []error
	endpoints, numbers := map[string]string{}, map[int64]string{}
	for _, key := range c.keys() {
		member := c.Members[key]
		if other, taken := endpoints[member.Endpoint()]; taken {
			problems = append(problems, fmt.Errorf("members %q and %q are both at %s: give each its own address", other, key, member.Endpoint()))
		}
		if other, taken := numbers[member.ServerID]; taken && member.ServerID != 0 {
			problems = append(problems, fmt.Errorf("members %q and %q both have the server_id %d: give each its own", other, key, member.ServerID))
		}
		endpoints[member.Endpoint()], numbers[member.ServerID] = key, key
	}
	return problems
}

// variable is one persisted setting of a member.
type variable struct {
	name, value string
	takes       change
}

// change is what it takes to change a variable.
type change int

const (
	// joining: it is set when the member joins, and not looked at afterwards.
	joining change = iota
	// live: it can be changed while the member is in the group.
	live
	// rejoining: it is looked at when the member starts in the group, and set while it
	// is out, so that the running value is the one that counts.
	rejoining
	// fullStop: only with the whole group stopped, since all members have the same.
	fullStop
)

// differs says whether a value is another one than wanted. A list of seeds has no
// order: MySQL Shell writes its own.
func (v variable) differs(is string) bool {
	if v.name == "group_replication_group_seeds" {
		sorted := func(list string) string {
			parts := strings.Split(strings.ReplaceAll(list, " ", ""), ",")
			slices.Sort(parts)
			return join(parts)
		}
		return sorted(is) != sorted(v.value)
	}
	return !strings.EqualFold(is, v.value)
}

// variables are what a member persists. All of it is written with SET PERSIST,
// as MySQL Shell does, since mysqld-auto.cnf beats every file.
func (c Cluster) variables(key, group string) []variable {
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	variables := []variable{
		{"group_replication_group_name", group, joining},
		{stackVariable, "MYSQL", fullStop},
		{localVariable, c.Members[key].Endpoint(), live}, // read at the next start
		{"group_replication_recovery_use_ssl", "ON", live},
		{leaderVariable, cmp.Or(c.Options.SingleLeader, c.leads, "OFF"), fullStop},
		{startVariable, "ON", live},
		{"group_replication_group_seeds", c.seeds(key), live},
		{"group_replication_member_expel_timeout", number(c.Options.ExpelTimeout), live},
		{"group_replication_unreachable_majority_timeout", number(c.Options.UnreachableMajorityTimeout), live},
		{triesVariable, number(c.Options.AutorejoinTries), live},
		{"group_replication_consistency", c.Options.Consistency, live},
		{"group_replication_exit_state_action", c.Options.ExitStateAction, live},
		{"group_replication_transaction_size_limit", number(c.Options.TransactionSizeLimit), live},
	}
	if weight, declared := c.Options.Weights[key]; declared {
		variables = append(variables, variable{weightVariable, number(weight), live})
	}
	return slices.Concat(variables, c.trust.variables(key), c.modeVariables(key))
}

const weightVariable = "group_replication_member_weight"

// modeVariables are those by which one member takes writes, or all do. A server
// takes them in this order alone. Numbers that several members give out at once
// lie apart as MySQL Shell lets them.
func (c Cluster) modeVariables(key string) []variable {
	if !c.Options.MultiPrimary {
		return []variable{
			{"group_replication_enforce_update_everywhere_checks", "OFF", joining}, {"group_replication_single_primary_mode", "ON", joining},
			{"auto_increment_increment", "1", live}, {"auto_increment_offset", "2", live},
		}
	}
	step := max(7, int64(len(c.Members)))
	return []variable{
		{"group_replication_single_primary_mode", "OFF", joining}, {"group_replication_enforce_update_everywhere_checks", "ON", joining},
		{"auto_increment_increment", strconv.FormatInt(step, 10), live}, {"auto_increment_offset", strconv.FormatInt(1+c.Members[key].ServerID%step, 10), live},
	}
}

func older(a, b mysqld.Version) bool { return a.Before(b.Major, b.Minor, b.Patch) }
