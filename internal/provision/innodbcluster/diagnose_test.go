// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/group"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/preflight"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

const groupName = "11111111-2222-4333-8444-555555555555"

func three() Cluster {
	return Cluster{
		Name: "main", Leavers: map[string]Member{},
		Members: map[string]Member{"a": {"10.0.0.1", 3306, 1}, "b": {"10.0.0.2", 3306, 2}, "c": {"10.0.0.3", 3306, 3}},
		Options: Options{ExpelTimeout: 5, AutorejoinTries: 3, Consistency: "EVENTUAL", ExitStateAction: "READ_ONLY", TransactionSizeLimit: 1000, RecoveryMethod: "auto"},
	}
}

// fresh is a server as its own resource leaves it: alone and empty.
func fresh(c Cluster, key string) Observation {
	return Observation{
		Answers: true, Version: "9.7.4", UUID: "uuid-" + key, ServerID: c.Members[key].ServerID, Endpoint: c.Members[key].Endpoint(),
		Variables: map[string]string{"group_replication_group_name": ""},
	}
}

// grouped is a server that is an online member of the whole cluster.
func grouped(c Cluster, key, primary string) Observation {
	seen := fresh(c, key)
	for _, other := range c.keys() {
		role := "SECONDARY"
		if other == primary {
			role = "PRIMARY"
		}
		seen.View = append(seen.View, group.Member{ID: "uuid-" + other, Host: c.Members[other].Address, Port: 3306, State: "ONLINE", Role: role, Version: "9.7.4"})
		row := InstanceRow{Address: c.Members[other].Endpoint(), UUID: "uuid-" + other}
		row.Attributes.ServerID, row.Attributes.RecoveryAcc = c.Members[other].ServerID, c.Members[other].Account()
		seen.Instances = append(seen.Instances, row)
		seen.Accounts = append(seen.Accounts, good(c.Members[other].Account()))
	}
	seen.Persisted = map[string]string{}
	for _, variable := range c.variables(key, groupName) {
		seen.Variables[variable.name], seen.Persisted[variable.name] = variable.value, variable.value
	}
	seen.Running = map[string]string{stackVariable: "MYSQL", leaderVariable: seen.Variables[leaderVariable]}
	seen.Variables["group_replication_bootstrap_group"] = "OFF"
	seen.RecoveryUser, seen.Login, seen.Executed = c.Members[key].Account(), "yes", groupName+":1-9"
	row := ClusterRow{ID: "id", Name: c.Name}
	row.Attributes.GroupName, row.Attributes.TransactionSizeLimit = groupName, c.Options.TransactionSizeLimit
	seen.Clusters = []ClusterRow{row}
	return seen
}

// good is a recovery account as it has to be.
func good(user string) Account {
	return Account{User: user, Host: "%", Plugin: "caching_sha2_password", Replicates: true, TLS: true, Grants: []string{"BACKUP_ADMIN", "GROUP_REPLICATION_STREAM", "CONNECTION_ADMIN"}}
}

// accountOf changes b's account as b sees it.
func accountOf(seen map[string]Observation, change func(*Account)) {
	for i := range seen["b"].Accounts {
		if seen["b"].Accounts[i].User == "mysql_innodb_cluster_2" {
			change(&seen["b"].Accounts[i])
		}
	}
}

// replicates gives a server a channel from elsewhere.
func replicates(key, state string) func(*Cluster, map[string]Observation) {
	return func(_ *Cluster, seen map[string]Observation) {
		one := seen[key]
		one.Channels = []preflight.Channel{{Host: "10.0.0.9", Port: 3306, Receives: state, Applies: state, Auto: true}}
		seen[key] = one
	}
}

func all(c Cluster, one func(Cluster, string) Observation) map[string]Observation {
	seen := map[string]Observation{}
	for _, key := range c.keys() {
		seen[key] = one(c, key)
	}
	return seen
}

func standing(c Cluster) map[string]Observation {
	return all(c, func(c Cluster, key string) Observation { return grouped(c, key, "a") })
}

// without takes a member out of every view, as if it had never been in.
func outOf(seen map[string]Observation, key string, alone Observation) {
	for other, one := range seen {
		var view []group.Member
		for _, member := range one.View {
			if member.ID != "uuid-"+key {
				view = append(view, member)
			}
		}
		one.View = view
		seen[other] = one
	}
	seen[key] = alone
}

func TestOperations(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(c *Cluster, seen map[string]Observation)
		from   func(Cluster) map[string]Observation
		want   []string
		drift  []string
	}{
		{"as declared", func(*Cluster, map[string]Observation) {}, standing, nil, nil},
		{"new and empty", func(*Cluster, map[string]Observation) {}, func(c Cluster) map[string]Observation { return all(c, fresh) }, []string{"bootstrap the group on a"}, nil},
		{"the server with data goes first", func(_ *Cluster, seen map[string]Observation) {
			one := seen["b"]
			one.Executed, one.Schemas = "x:1-3", []string{"shop"}
			seen["b"] = one
		},
			func(c Cluster) map[string]Observation { return all(c, fresh) }, []string{"bootstrap the group on b"}, nil},
		{"data that never met a binary log count too", func(_ *Cluster, seen map[string]Observation) {
			one := seen["c"]
			one.Schemas = []string{"shop"}
			seen["c"] = one
		},
			func(c Cluster) map[string]Observation { return all(c, fresh) }, []string{"bootstrap the group on c"}, nil},
		{"machines of one image", func(_ *Cluster, seen map[string]Observation) {
			for key, one := range seen {
				one.UUID = "same"
				seen[key] = one
			}
		}, func(c Cluster) map[string]Observation { return all(c, fresh) }, []string{"give a UUID of its own to b", "give a UUID of its own to c", "bootstrap the group on a"}, nil},
		{"killed before the metadata", func(c *Cluster, seen map[string]Observation) {
			one := seen["a"]
			one.Clusters, one.Instances, one.View = nil, nil, one.View[:1]
			seen["a"], seen["b"], seen["c"] = one, fresh(*c, "b"), fresh(*c, "c")
		}, standing, []string{"write the cluster metadata on a", "join b", "join c"}, nil},
		{"a member stopped", func(c *Cluster, seen map[string]Observation) {
			alone := grouped(*c, "b", "")
			alone.View = nil
			outOf(seen, "b", alone)
		}, standing, []string{"join b"}, []string{"cluster main: PARTIAL: 2 of 3 members are ONLINE, a takes writes, b is OFFLINE; apply will join b", "b: OFFLINE, want ONLINE"}},
		{"a member on its way in", func(c *Cluster, seen map[string]Observation) {
			alone := grouped(*c, "b", "")
			alone.View, alone.Starting = nil, true
			outOf(seen, "b", alone)
		}, standing, []string{"wait for b"}, []string{"cluster main: PARTIAL: 2 of 3 members are ONLINE, a takes writes, b is OFFLINE; apply will wait for b", "b: OFFLINE, want ONLINE"}},
		{"a new member", func(c *Cluster, seen map[string]Observation) { outOf(seen, "c", fresh(*c, "c")) }, standing, []string{"join c"}, nil},
		{"a new member, and the logs are gone", func(c *Cluster, seen map[string]Observation) {
			outOf(seen, "c", fresh(*c, "c"))
			one := seen["a"]
			one.Purged = groupName + ":1-4"
			seen["a"] = one
		}, standing, []string{"join c by clone"}, nil},
		{"a new member with a history of its own image", func(c *Cluster, seen map[string]Observation) {
			alone := fresh(*c, "c")
			alone.Executed = "image:1-3"
			outOf(seen, "c", alone)
			one := seen["a"]
			one.Executed += ",image:1-3"
			seen["a"] = one
		}, standing, []string{"join c by clone"}, nil},
		{"a new member beside data of unknown origin", func(c *Cluster, seen map[string]Observation) {
			outOf(seen, "c", fresh(*c, "c"))
			one := seen["a"]
			one.Schemas = []string{"shop"}
			seen["a"] = one
		}, standing, []string{"join c by clone"}, nil},
		{"a member replicates from elsewhere, as others wanted it", replicates("a", "ON"), standing, nil, nil},
		{"such a member stopped", func(c *Cluster, seen map[string]Observation) {
			alone := grouped(*c, "b", "")
			alone.View = nil
			outOf(seen, "b", alone)
			replicates("b", "OFF")(c, seen)
		}, standing, []string{"join b"}, nil},
		{"a variable", func(_ *Cluster, seen map[string]Observation) {
			seen["b"].Variables["group_replication_member_expel_timeout"] = "9"
		}, standing,
			[]string{"set variables of b"}, []string{"b: variable group_replication_member_expel_timeout: is 9, want 5"}},
		{"the bootstrap flag left on", func(_ *Cluster, seen map[string]Observation) {
			seen["a"].Variables["group_replication_bootstrap_group"] = "ON"
		}, standing,
			[]string{"set variables of a"}, []string{"a: variable group_replication_bootstrap_group: is ON, want OFF"}},
		{"a row is missing", func(_ *Cluster, seen map[string]Observation) {
			one := seen["a"]
			one.Instances = one.Instances[:2]
			seen["a"] = one
		}, standing,
			[]string{"register c"}, []string{"c: row in the cluster metadata: missing or differs"}},
		{"the donor's account after a clone", func(c *Cluster, seen map[string]Observation) {
			one := seen["b"]
			one.RecoveryUser = c.Members["a"].Account()
			seen["b"] = one
		}, standing,
			[]string{"renew the recovery account of b"}, []string{`b: recovery account: is "mysql_innodb_cluster_1", want mysql_innodb_cluster_2`}},
		{"an account is dropped", func(_ *Cluster, seen map[string]Observation) {
			one := seen["b"]
			one.Accounts, one.Login = one.Accounts[:1], "ERROR 1045 (28000): Access denied"
			seen["b"] = one
		}, standing, []string{"renew the recovery account of b"}, []string{"b: recovery account mysql_innodb_cluster_2: missing"}},
		{"an account lacks a grant", func(_ *Cluster, seen map[string]Observation) {
			accountOf(seen, func(a *Account) { a.Grants = a.Grants[1:] })
		}, standing, []string{"renew the recovery account of b"}, []string{"b: recovery account mysql_innodb_cluster_2: lacks BACKUP_ADMIN"}},
		{"an account is locked", func(_ *Cluster, seen map[string]Observation) {
			accountOf(seen, func(a *Account) { a.Locked = true })
		}, standing, []string{"renew the recovery account of b"}, []string{"b: recovery account mysql_innodb_cluster_2: is locked"}},
		{"an account is let in without TLS", func(_ *Cluster, seen map[string]Observation) {
			accountOf(seen, func(a *Account) { a.TLS = false })
		}, standing, []string{"renew the recovery account of b"}, []string{"b: recovery account mysql_innodb_cluster_2: is let in without TLS"}},
		{"an account authenticates otherwise", func(_ *Cluster, seen map[string]Observation) {
			accountOf(seen, func(a *Account) { a.Plugin = "sha256_password" })
		}, standing, []string{"renew the recovery account of b"}, []string{"b: recovery account mysql_innodb_cluster_2: authenticates by sha256_password, want caching_sha2_password"}},
		{"an account has another password", func(_ *Cluster, seen map[string]Observation) {
			one := seen["b"]
			one.Login = "ERROR 1045 (28000): Access denied"
			seen["b"] = one
		}, standing, []string{"renew the recovery account of b"}, []string{"b: recovery account mysql_innodb_cluster_2: it cannot log in: ERROR 1045 (28000): Access denied"}},
		{"a joiner that left another cluster", func(c *Cluster, seen map[string]Observation) {
			alone := fresh(*c, "c")
			alone.Clusters, alone.Instances = []ClusterRow{{Name: "theirs"}}, []InstanceRow{{UUID: "uuid-of-another"}}
			outOf(seen, "c", alone)
		}, standing, []string{"erase what another cluster left on c"}, []string{"cluster main: PARTIAL: 2 of 3 members are ONLINE, a takes writes, c is MISSING; apply will erase what another cluster left on c", "c: MISSING, want ONLINE"}},
		{"the first of a new cluster left another one", func(c *Cluster, seen map[string]Observation) {
			alone := fresh(*c, "a")
			alone.Clusters, alone.Instances = []ClusterRow{{Name: "theirs"}}, []InstanceRow{{UUID: "uuid-a"}}
			alone.Variables["group_replication_start_on_boot"] = "OFF"
			seen["a"] = alone
		}, func(c Cluster) map[string]Observation { return all(c, fresh) }, []string{"erase what another cluster left on a"}, nil},
		{"not declared any more", func(c *Cluster, seen map[string]Observation) { leave(c, seen, "c") }, standing, []string{"take out 10.0.0.3:3306"}, nil},
		{"the primary is not declared any more", func(c *Cluster, seen map[string]Observation) { leave(c, seen, "a") }, standing, []string{"take out 10.0.0.1:3306"}, nil},
		{"two are not declared any more: one goes, then they are asked again", func(c *Cluster, seen map[string]Observation) {
			leave(c, seen, "b")
			leave(c, seen, "c")
			set(seen["a"], "group_replication_group_seeds", c.seeds("a"))
		}, standing, []string{"take out 10.0.0.2:3306"}, []string{"10.0.0.2:3306: in the cluster and not declared", "10.0.0.3:3306: in the cluster and not declared"}},
		{"all keys renamed", func(c *Cluster, seen map[string]Observation) {
			for key, to := range map[string]string{"a": "z", "b": "y", "c": "x"} {
				c.Members[to], seen[to] = c.Members[key], seen[key]
				delete(c.Members, key)
				delete(seen, key)
			}
		}, standing, nil, nil},
		{"newcomers first", func(c *Cluster, seen map[string]Observation) {
			leave(c, seen, "c")
			c.Members["d"] = Member{"10.0.0.4", 3306, 4}
			seen["d"] = fresh(*c, "d")
		}, standing, []string{"set variables of a", "set variables of b", "join d"}, nil},
		{"gone for good", func(c *Cluster, seen map[string]Observation) {
			outOf(seen, "c", Observation{})
			delete(seen, "c")
			delete(c.Members, "c")
			for _, key := range c.keys() {
				set(seen[key], "group_replication_group_seeds", c.seeds(key))
			}
		}, standing, []string{"strike off 10.0.0.3:3306"}, nil},
		{"an account of nobody", func(_ *Cluster, seen map[string]Observation) {
			one := seen["a"]
			one.Accounts = append(one.Accounts, good("mysql_innodb_cluster_99"))
			seen["a"] = one
		}, standing,
			[]string{"drop account mysql_innodb_cluster_99"}, []string{"account mysql_innodb_cluster_99: belongs to no member"}},
		{"seeds in another order", func(_ *Cluster, seen map[string]Observation) {
			seen["a"].Variables["group_replication_group_seeds"] = "10.0.0.3:3306, 10.0.0.2:3306"
		}, standing, nil, []string{}},
		{"a read replica of others", func(_ *Cluster, seen map[string]Observation) {
			one := seen["a"]
			one.Instances = append(one.Instances, InstanceRow{Address: "10.0.0.9:3306", UUID: "uuid-r", Type: "read-replica"})
			seen["a"] = one
		}, standing, nil, []string{}},
		{"a variable that was persisted by hand", func(_ *Cluster, seen map[string]Observation) {
			one := seen["b"]
			one.Persisted[weightVariable], one.Persisted["group_replication_view_change_uuid"] = "90", "AUTOMATIC"
			seen["b"] = one
		}, standing, []string{"take back group_replication_member_weight of b"}, []string{"b: variable group_replication_member_weight: 90 was persisted by hand"}},
		{"a variable that the next start would bring otherwise", func(_ *Cluster, seen map[string]Observation) {
			seen["b"].Persisted["group_replication_member_expel_timeout"] = "3000"
		}, standing, []string{"set variables of b"}, []string{"b: variable group_replication_member_expel_timeout: is 3000 at the next start, want 5"}},
		{"variables that the next start would not know of", func(_ *Cluster, seen map[string]Observation) {
			delete(seen["b"].Persisted, "group_replication_group_seeds")
			delete(seen["b"].Persisted, localVariable)
		}, standing, []string{"set variables of b"}, []string{"b: not persisted for the next start: group_replication_local_address, group_replication_group_seeds"}},
		{"another address at the next start", func(_ *Cluster, seen map[string]Observation) { set(seen["b"], localVariable, "10.0.0.2:9999") }, standing,
			[]string{"set variables of b"}, []string{"b: variable group_replication_local_address: is 10.0.0.2:9999, want 10.0.0.2:3306"}},
		{"another mode at the next start", func(_ *Cluster, seen map[string]Observation) {
			seen["b"].Persisted["group_replication_single_primary_mode"] = "OFF"
		}, standing, []string{"set variables of b"}, []string{"b: variable group_replication_single_primary_mode: is OFF at the next start, want ON"}},
		{"another stack at the next start", func(_ *Cluster, seen map[string]Observation) { set(seen["b"], stackVariable, "XCOM") }, standing,
			[]string{"set variables of b"}, []string{"b: variable group_replication_communication_stack: is XCOM, want MYSQL"}},
		{"the flag that makes second groups, at each start", func(_ *Cluster, seen map[string]Observation) {
			seen["b"].Persisted["group_replication_bootstrap_group"] = "ON"
		}, standing, []string{"take back group_replication_bootstrap_group of b"}, []string{"b: variable group_replication_bootstrap_group: ON was persisted by hand"}},
		{"one leads alone, and nothing is declared", func(_ *Cluster, seen map[string]Observation) { oneLeads(seen) }, standing, nil, nil},
		{"one leads alone, and a member would not at its next start", func(_ *Cluster, seen map[string]Observation) {
			oneLeads(seen)
			set(seen["b"], leaderVariable, "OFF")
		}, standing, []string{"set variables of b"}, []string{"b: variable group_replication_paxos_single_leader: is OFF, want ON"}},
		{"one is to lead alone, and a stop is allowed", func(c *Cluster, _ map[string]Observation) {
			c.Options.SingleLeader, c.Options.AllowFullStop = "ON", true
		}, standing, []string{"stop the group on b", "stop the group on c", "stop the group on a"}, nil},
		{"the recovery accounts are let in from one network", func(c *Cluster, seen map[string]Observation) {
			allowedFrom(c, seen, "10.0.0.%")
		}, standing, nil, []string{}},
		{"an account is let in from elsewhere than the others", func(c *Cluster, seen map[string]Observation) {
			allowedFrom(c, seen, "10.0.0.%")
			accountOf(seen, func(a *Account) { a.Host = "%" })
		}, standing, []string{"renew the recovery account of b"}, []string{"b: recovery account mysql_innodb_cluster_2: missing"}},
		{"a member is to be hidden, and another one is", func(c *Cluster, seen map[string]Observation) {
			c.Options.Hidden = []string{"b"}
			seen["a"].Instances[2].Attributes.Tags.Hidden = true
		}, standing, []string{"hide b from routers", "show c to routers"}, []string{"b: is used by routers, want hidden from them", "c: is hidden from routers, want used by them"}},
		{"one is to be drained, and one not any more", func(c *Cluster, seen map[string]Observation) {
			c.Options.Draining = []string{"b"}
			seen["a"].Instances[2].Attributes.Tags.Hidden, seen["a"].Instances[2].Attributes.Tags.Disconnect = true, false
		}, standing, []string{"let routers drain b", "show c to routers"}, []string{"b: is used by routers, want hidden from them", "c: is hidden from routers, want used by them"}},
		{"one is drained and is to be hidden, another the other way round", func(c *Cluster, seen map[string]Observation) {
			c.Options.Hidden, c.Options.Draining = []string{"b"}, []string{"c"}
			seen["a"].Instances[1].Attributes.Tags.Hidden, seen["a"].Instances[1].Attributes.Tags.Disconnect = true, false
			seen["a"].Instances[2].Attributes.Tags.Hidden = true
		}, standing, []string{"hide b from routers", "let routers drain c"}, []string{"b: keeps its sessions while it is hidden, want that it loses them", "c: loses its sessions while it is hidden, want that it keeps them"}},
		{"who is drained is declared, and others hid one", func(c *Cluster, seen map[string]Observation) {
			c.Options.Draining = []string{}
			seen["a"].Instances[2].Attributes.Tags.Hidden = true
		}, standing, nil, []string{}},
		{"a member is hidden by others, and nothing is declared", func(_ *Cluster, seen map[string]Observation) {
			seen["a"].Instances[2].Attributes.Tags.Hidden = true
		}, standing, nil, []string{}},
		{"what routers are told is declared", func(c *Cluster, seen map[string]Observation) {
			c.Options.Routing = &RoutingOptions{ReadOnlyTargets: "all", Tags: map[string]string{"team": "shop"}}
			seen["a"].Clusters[0].RouterOptions = map[string]json.RawMessage{"tags": json.RawMessage(`{}`), "read_only_targets": json.RawMessage(`"secondaries"`)}
		}, standing, []string{"write the routing options on a"}, []string{
			`cluster metadata: routing option read_only_targets is "secondaries", want "all"`, `cluster metadata: routing option tags is {}, want {"team":"shop"}`,
		}},
		{"what routers are told is not declared", func(_ *Cluster, seen map[string]Observation) {
			seen["a"].Clusters[0].RouterOptions = map[string]json.RawMessage{"read_only_targets": json.RawMessage(`"all"`)}
		}, standing, nil, []string{}},
		{"another primary is declared", func(c *Cluster, _ map[string]Observation) { c.Options.Primary = "b" }, standing,
			[]string{"hand the primary's role over to b"}, []string{"primary: is a, want b"}},
		{"another primary is declared, and something else comes first", func(c *Cluster, seen map[string]Observation) {
			c.Options.Primary = "b"
			seen["b"].Variables["group_replication_consistency"] = "AFTER"
		}, standing, []string{"set variables of b"}, nil},
		{"the declared primary is away", func(c *Cluster, seen map[string]Observation) {
			c.Options.Primary = "b"
			alone := grouped(*c, "b", "")
			alone.View = nil
			outOf(seen, "b", alone)
		}, standing, []string{"join b"}, nil},
		{"every member takes writes", func(_ *Cluster, seen map[string]Observation) { manyPrimaries(seen) }, standing,
			[]string{"leave the writes of a multi-primary group to a"}, []string{"group: runs in multi-primary mode, want single-primary", "cluster metadata: says multi-primary, want single-primary"}},
		{"every member takes writes, and one is out", func(c *Cluster, seen map[string]Observation) {
			alone := grouped(*c, "b", "")
			alone.View = nil
			outOf(seen, "b", alone)
			manyPrimaries(seen)
		}, standing, []string{"leave the writes of a multi-primary group to a"}, nil},
		{"one member takes writes, and all should", func(c *Cluster, _ map[string]Observation) { c.Options.MultiPrimary = true }, standing,
			[]string{"let every member take writes, beside a"}, []string{
				"group: runs in single-primary mode, want multi-primary",
				"a: variable auto_increment_increment: is 1, want 7",
				"b: variable auto_increment_increment: is 1, want 7", "b: variable auto_increment_offset: is 2, want 3",
				"c: variable auto_increment_increment: is 1, want 7", "c: variable auto_increment_offset: is 2, want 4",
				"cluster metadata: says single-primary, want multi-primary"}},
		{"one member takes writes, all should, and one comes back", func(c *Cluster, seen map[string]Observation) {
			c.Options.MultiPrimary = true
			for _, one := range seen {
				one.View[2].State = "RECOVERING"
			}
		}, standing, nil, nil},
		{"all take writes as declared", func(c *Cluster, seen map[string]Observation) {
			multiPrimary(c, seen)
		}, standing, nil, nil},
		{"all take writes as declared, and a declared primary is none", func(c *Cluster, seen map[string]Observation) {
			c.Options.Primary = "c"
			multiPrimary(c, seen)
		}, standing, nil, nil},
		{"another weight", func(c *Cluster, _ map[string]Observation) { c.Options.Weights = map[string]int64{"b": 70} }, standing,
			[]string{"set variables of b"}, []string{"b: variable group_replication_member_weight: is , want 70"}},
		{"the declared weight", func(c *Cluster, seen map[string]Observation) {
			c.Options.Weights = map[string]int64{"b": 70}
			set(seen["b"], weightVariable, "70")
		}, standing, nil, nil},
		{"a weight by hand beside a declared one", func(c *Cluster, seen map[string]Observation) {
			c.Options.Weights = map[string]int64{"b": 50}
			seen["a"].Persisted[weightVariable] = "60"
			set(seen["b"], weightVariable, "50")
		}, standing, []string{"take back group_replication_member_weight of a"}, []string{"a: variable group_replication_member_weight: 60 was persisted by hand"}},
		{"another stack, and a stop is allowed", func(c *Cluster, seen map[string]Observation) {
			c.Options.AllowFullStop = true
			otherStack(seen)
			seen["b"].Variables["group_replication_consistency"] = "AFTER"
		}, standing, []string{"stop the group on b", "stop the group on c", "stop the group on a"}, nil},
		{"another stack, and a stop was killed", func(c *Cluster, seen map[string]Observation) {
			c.Options.AllowFullStop = true
			alone := grouped(*c, "b", "")
			alone.View = nil
			outOf(seen, "b", alone)
			otherStack(seen)
		}, standing, []string{"stop the group on c", "stop the group on a"}, nil},
		{"two are gone for good, and a person says so", func(c *Cluster, seen map[string]Observation) {
			c.Options.QuorumSurvivors = []string{"a"}
			seen["b"], seen["c"] = Observation{Err: &remote.Error{Kind: remote.ErrUnreachable}}, Observation{Err: &remote.Error{Kind: remote.ErrLost}}
		}, cameBack("b", "c"), []string{"go on from a with 10.0.0.1:3306 alone"}, nil},
		{"two are gone for good, the third gave up, and a person says so", func(c *Cluster, seen map[string]Observation) {
			c.Options.QuorumSurvivors = []string{"a"}
			seen["b"], seen["c"] = Observation{Err: &remote.Error{Kind: remote.ErrUnreachable}}, Observation{Err: &remote.Error{Kind: remote.ErrLost}}
		}, func(c Cluster) map[string]Observation { return fell(standing(c), "a") }, []string{"reboot the group from a"}, nil},
		{"two are gone for good, the third booted, and a person says so", func(c *Cluster, seen map[string]Observation) {
			c.Options.QuorumSurvivors = []string{"a"}
			seen["b"], seen["c"] = Observation{Err: &remote.Error{Kind: remote.ErrUnreachable}}, Observation{Err: &remote.Error{Kind: remote.ErrLost}}
		}, func(c Cluster) map[string]Observation { return down(standing(c), "a") }, []string{"reboot the group from a"}, nil},
		{"two are gone for good and not declared any more, the third gave up, and a person says so", func(c *Cluster, seen map[string]Observation) {
			c.Options.QuorumSurvivors = []string{"a"}
			delete(c.Members, "b")
			delete(c.Members, "c")
			delete(seen, "b")
			delete(seen, "c")
		}, func(c Cluster) map[string]Observation { return fell(standing(c), "a") }, []string{"reboot the group from a"}, nil},
		{"one is gone for good, one gave up, one still waits, and a person says so", func(c *Cluster, seen map[string]Observation) {
			c.Options.QuorumSurvivors = []string{"a", "b"}
			seen["c"] = Observation{Err: &remote.Error{Kind: remote.ErrUnreachable}}
		}, func(c Cluster) map[string]Observation { return fell(cut(standing(c), "a", "b"), "b") }, []string{"stop the group on a"}, nil},
		{"all were down, one is ahead", func(_ *Cluster, seen map[string]Observation) {
			for key, one := range seen {
				one.View = nil
				if key == "b" {
					one.Received = groupName + ":10-12"
				}
				seen[key] = one
			}
		}, standing, []string{"reboot the group from b"}, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := three()
			seen := row.from(c)
			row.change(&c, seen)
			operations, err := Diagnose(c, seen).Operations()
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, operation := range operations {
				got = append(got, operation.String())
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Errorf("operations:\n%s", diff)
			}
			if row.drift != nil {
				if diff := cmp.Diff(row.drift, converge.Texts(Diagnose(c, seen).Drift())); diff != "" {
					t.Errorf("drift:\n%s", diff)
				}
			}
		})
	}
}

// Options go into metadata in which routers look for them: older ones are upgraded
// first, or nothing is written.
func TestRoutingOptionsInOldMetadata(t *testing.T) {
	for _, row := range []struct {
		schema, wanted string
		options        RoutingOptions
		want           []string
		refused        string
	}{
		{"2.2.0", "", RoutingOptions{ReadOnlyTargets: "all"}, []string{"write the routing options on a"}, ""},
		{"2.1.0", "", RoutingOptions{ReadOnlyTargets: "all"}, nil, "they are of version 2.1.0, and routers read routing_options in 2.2.0 or later. Declare metadata_version"},
		{"0.0.0", "", RoutingOptions{ReadOnlyTargets: "all"}, nil, "an upgrade of them is at work"},
		{"2.1.0", "", RoutingOptions{ReadOnlyTargets: "secondaries"}, nil, ""},
		{"2.1.0", "2.2.0", RoutingOptions{ReadOnlyTargets: "all"}, []string{"upgrade the cluster metadata on a"}, ""},
	} {
		c := three()
		c.Options.Routing, c.Options.MetadataVersion = &row.options, row.wanted
		seen := standing(c)
		for key, one := range seen {
			one.Schema = row.schema
			seen[key] = one
		}
		operations, err := Diagnose(c, seen).Operations()
		var got []string
		for _, operation := range operations {
			got = append(got, operation.String())
		}
		switch {
		case row.refused != "" && (!errors.Is(err, ErrMetadata) || !strings.Contains(err.Error(), row.refused)):
			t.Errorf("%+v: %v", row, err)
		case row.refused == "" && (err != nil || !slices.Equal(got, row.want)):
			t.Errorf("%+v: %q, %v", row, got, err)
		}
	}
}

// allowedFrom is a cluster whose recovery accounts are let in from some hosts only.
func allowedFrom(c *Cluster, seen map[string]Observation, host string) {
	for _, key := range c.keys() {
		seen[key].Clusters[0].Attributes.AllowedHost = host
		for i := range seen[key].Instances {
			seen[key].Instances[i].Attributes.RecoveryHost = host
		}
		for i := range seen[key].Accounts {
			seen[key].Accounts[i].Host = host
		}
	}
}

// multiPrimary declares what every member takes writes by, and lets all have it.
func multiPrimary(c *Cluster, seen map[string]Observation) {
	c.Options.MultiPrimary = true
	manyPrimaries(seen)
	for key, one := range seen {
		for _, variable := range c.modeVariables(key) {
			set(one, variable.name, variable.value)
		}
	}
}

// set persists a variable of a server that runs.
func set(seen Observation, name, value string) {
	seen.Variables[name], seen.Persisted[name] = value, value
}

func manyPrimaries(seen map[string]Observation) {
	for _, one := range seen {
		set(one, "group_replication_single_primary_mode", "OFF")
		one.Clusters[0].PrimaryMode = "mm"
		for i := range one.View {
			one.View[i].Role = "PRIMARY"
		}
	}
}

func otherStack(seen map[string]Observation) {
	for _, one := range seen {
		one.Running[stackVariable] = "XCOM"
		set(one, stackVariable, "XCOM")
	}
}

// leave takes a key out of the declaration and leaves its server in the group.
func leave(c *Cluster, seen map[string]Observation, key string) {
	member := c.Members[key]
	c.Leavers[member.Endpoint()] = member
	seen[member.Endpoint()] = seen[key]
	delete(c.Members, key)
	delete(seen, key)
	for _, other := range c.keys() {
		set(seen[other], "group_replication_group_seeds", c.seeds(other))
	}
}

// A machine that was not asked is not called unreachable, and a line is one line.
func TestSilenceIsCalledByItsName(t *testing.T) {
	for kind, want := range map[error]string{
		remote.ErrUnreachable:     "b: unreachable: connect 10.0.0.9:22: host is unreachable: why",
		remote.ErrHostKeyMismatch: "b: not asked: connect 10.0.0.9:22: host key has changed: why",
		remote.ErrAuthentication:  "b: not asked: connect 10.0.0.9:22: authentication refused: why",
	} {
		c := three()
		seen := standing(c)
		seen["b"] = Observation{Err: &remote.Error{Kind: kind, Address: "10.0.0.9:22", Detail: "why\nThe shown key:\n  x"}}
		if lines := converge.Texts(Diagnose(c, seen).Drift()); !slices.Contains(lines, want) {
			t.Errorf("%v: %q", kind, lines)
		}
	}
}

func TestRefusals(t *testing.T) {
	down := errors.New("connect 10.0.0.9:22: host is unreachable")
	for _, row := range []struct {
		name   string
		from   func(Cluster) map[string]Observation
		change func(c *Cluster, seen map[string]Observation)
		want   error
		text   string
	}{
		{"a new group and one is away", func(c Cluster) map[string]Observation { return all(c, fresh) }, func(_ *Cluster, seen map[string]Observation) { seen["b"] = Observation{Err: down} }, ErrNotWhole, "b: connect"},
		{"a complete outage and one is away", standing, func(_ *Cluster, seen map[string]Observation) {
			for key, one := range seen {
				one.View = nil
				seen[key] = one
			}
			seen["b"] = Observation{Err: down}
		}, ErrNotWhole, "b: connect"},
		{"a joiner with transactions of its own", standing, func(c *Cluster, seen map[string]Observation) {
			alone := fresh(*c, "c")
			alone.Executed = groupName + ":1-9,mine:1-2"
			outOf(seen, "c", alone)
		}, ErrDiverged, "mine:1-2"},
		{"a joiner with data outside of the log", standing, func(c *Cluster, seen map[string]Observation) {
			alone := fresh(*c, "c")
			alone.Schemas = []string{"precious"}
			outOf(seen, "c", alone)
		}, ErrDiverged, "precious"},
		{"two servers with different data", func(c Cluster) map[string]Observation { return all(c, fresh) }, func(_ *Cluster, seen map[string]Observation) {
			for key, executed := range map[string]string{"a": "x:1-5", "c": "y:1-2"} {
				one := seen[key]
				one.Executed = executed
				seen[key] = one
			}
		}, ErrDiverged, "y:1-2"},
		{"a new group of a replica", func(c Cluster) map[string]Observation { return all(c, fresh) }, replicates("b", "ON"), preflight.ErrReplica, "channel '': is a replica of 10.0.0.9:3306 (receiver ON, applier ON)"},
		{"a new group of a replica that stands still", func(c Cluster) map[string]Observation { return all(c, fresh) }, replicates("b", "OFF"), preflight.ErrReplica, "member b: "},
		{"a joiner that is a replica", standing, func(c *Cluster, seen map[string]Observation) {
			outOf(seen, "c", fresh(*c, "c"))
			replicates("c", "ON")(c, seen)
		}, preflight.ErrReplica, "RESET REPLICA ALL FOR CHANNEL ''"},
		{"a minority, and one of the others is away", cameBack("b", "c"), func(_ *Cluster, seen map[string]Observation) { seen["b"] = Observation{Err: down} }, ErrQuorum, "10.0.0.2:3306 UNREACHABLE"},
		{"a minority, and it knows of somebody who was not asked", cameBack("b", "c"), func(_ *Cluster, seen map[string]Observation) {
			one := seen["a"]
			one.View = append(one.View, group.Member{ID: "uuid-d", Host: "10.0.0.4", Port: 3306, State: "UNREACHABLE"})
			seen["a"] = one
		}, ErrQuorum, "10.0.0.4:3306: a member that is not declared"},
		{"a minority, and what came back differs", cameBack("b", "c"), func(_ *Cluster, seen map[string]Observation) {
			for key, executed := range map[string]string{"a": "x:1-10", "b": "x:1-9,y:1", "c": "x:1-9"} {
				one := seen[key]
				one.Executed = executed
				seen[key] = one
			}
		}, ErrDiverged, "y:1"},
		{"all run and none sees another", func(c Cluster) map[string]Observation { return cut(standing(c), "a", "b", "c") }, func(*Cluster, map[string]Observation) {}, ErrCut, "Mend the mesh"},
		{"two groups take writes", twoGroups, func(*Cluster, map[string]Observation) {}, ErrSplitBrain, "a, which sees 10.0.0.1:3306 ONLINE"},
		{"survivors, and another may run", cameBack("b", "c"), func(c *Cluster, seen map[string]Observation) {
			c.Options.QuorumSurvivors = []string{"a"}
			seen["b"] = Observation{Err: &remote.Error{Kind: remote.ErrHostKeyMismatch}}
		}, ErrQuorum, "b may run"},
		{"survivors, and one that came back holds more", cameBack("b", "c"), func(c *Cluster, seen map[string]Observation) {
			c.Options.QuorumSurvivors = []string{"a"}
			one := seen["c"]
			one.Received = groupName + ":10"
			seen["b"], seen["c"] = Observation{Err: &remote.Error{Kind: remote.ErrUnreachable}}, one
		}, ErrQuorum, "c holds more"},
		{"the third gave up, and the others are not declared any more", func(c Cluster) map[string]Observation { return fell(standing(c), "a") }, func(c *Cluster, seen map[string]Observation) {
			delete(c.Members, "b")
			delete(c.Members, "c")
			delete(seen, "b")
			delete(seen, "c")
		}, ErrQuorum, "10.0.0.2:3306: a member that is not declared, so it was not asked"},
		{"one gave up, and others are named as survivors", func(c Cluster) map[string]Observation { return fell(standing(c), "a", "b") }, func(c *Cluster, seen map[string]Observation) {
			c.Options.QuorumSurvivors = []string{"a"}
			seen["c"] = Observation{Err: &remote.Error{Kind: remote.ErrUnreachable}}
		}, ErrQuorum, "it names a, and those that run and wait for the others are a, b"},
		{"the third gave up, and another may run", func(c Cluster) map[string]Observation { return fell(standing(c), "a") }, func(c *Cluster, seen map[string]Observation) {
			c.Options.QuorumSurvivors = []string{"a"}
			seen["b"], seen["c"] = Observation{Err: &remote.Error{Kind: remote.ErrHostKeyMismatch}}, Observation{Err: &remote.Error{Kind: remote.ErrUnreachable}}
		}, ErrQuorum, "b may run"},
		{"a new group, one is away, and survivors are named", func(c Cluster) map[string]Observation { return all(c, fresh) }, func(c *Cluster, seen map[string]Observation) {
			c.Options.QuorumSurvivors = []string{"a", "c"}
			seen["b"] = Observation{Err: &remote.Error{Kind: remote.ErrUnreachable}}
		}, ErrNotWhole, "b: "},
		{"survivors that are others than those that wait", cameBack("b", "c"), func(c *Cluster, seen map[string]Observation) {
			c.Options.QuorumSurvivors = []string{"a", "b"}
			seen["b"] = Observation{Err: &remote.Error{Kind: remote.ErrUnreachable}}
		}, ErrQuorum, "it names a, b, and those that run and wait for the others are a"},
		{"another stack", standing, func(_ *Cluster, seen map[string]Observation) { otherStack(seen) }, ErrFullStop, "allow_full_stop"},
		{"another leader", standing, func(c *Cluster, _ map[string]Observation) { c.Options.SingleLeader = "ON" }, ErrFullStop, "group_replication_paxos_single_leader. Set allow_full_stop = true"},
		{"another stack, and a member that is not declared", standing, func(c *Cluster, seen map[string]Observation) {
			c.Options.AllowFullStop = true
			otherStack(seen)
			leave(c, seen, "c")
		}, ErrFullStop, "10.0.0.3:3306 is in it and not declared"},
		{"another cluster", standing, func(_ *Cluster, seen map[string]Observation) { seen["a"].Clusters[0].Name = "theirs" }, ErrForeign, `"theirs"`},
		{"versions too far apart", func(c Cluster) map[string]Observation { return all(c, fresh) }, func(_ *Cluster, seen map[string]Observation) {
			one := seen["b"]
			one.Version = "8.0.40"
			seen["b"] = one
		}, nil, "b has 8.0.40"},
		{"a member that nobody knows", standing, func(c *Cluster, seen map[string]Observation) { delete(c.Members, "c"); delete(seen, "c") }, nil, "10.0.0.3:3306 is in the group and not declared"},
		{"leaving would lose the quorum", standing, func(c *Cluster, seen map[string]Observation) {
			leave(c, seen, "c")
			for key, one := range seen {
				for i := range one.View {
					if one.View[i].ID == "uuid-b" {
						one.View[i].State = "UNREACHABLE"
					}
				}
				seen[key] = one
			}
			seen["b"] = Observation{Err: down}
		}, nil, "lose its quorum"},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := three()
			seen := row.from(c)
			row.change(&c, seen)
			operations, err := Diagnose(c, seen).Operations()
			if err == nil {
				t.Fatalf("it plans %v", operations)
			}
			if row.want != nil && !errors.Is(err, row.want) {
				t.Errorf("got %v, want %v", err, row.want)
			}
			if !strings.Contains(err.Error(), row.text) {
				t.Errorf("the error %q does not say %q", err, row.text)
			}
		})
	}
}

func TestValidate(t *testing.T) {
	c := three()
	if problems := c.Validate(); len(problems) != 0 {
		t.Errorf("a good cluster: %v", problems)
	}
	c.Members["d"] = Member{"10.0.0.1", 3306, 2}
	if got := fmt.Sprint(c.Validate()); !strings.Contains(got, `"a" and "d" are both at 10.0.0.1:3306`) || !strings.Contains(got, `"b" and "d" both have the server_id 2`) {
		t.Errorf("got %s", got)
	}
}

func TestSchemaStatements(t *testing.T) {
	for server, want := range map[string]struct {
		version          string
		guidelines, stat bool
	}{"8.0.40": {"2.2.0", false, false}, "8.4.3": {"2.2.0", false, false}, "9.7.4": {"2.4.0", true, true}} {
		version := metadataVersion(server)
		text := strings.Join(schemaStatements(version), ";\n")
		if version.String() != want.version {
			t.Errorf("%s: metadata %s, want %s", server, version, want.version)
		}
		if got := strings.Contains(text, ".routing_guidelines ("); got != want.guidelines {
			t.Errorf("%s: routing_guidelines %v", server, got)
		}
		if got := strings.Contains(text, ".router_stats ("); got != want.stat {
			t.Errorf("%s: router_stats %v", server, got)
		}
		for _, statement := range schemaStatements(version) {
			if strings.HasPrefix(statement, "--") || statement == "" {
				t.Errorf("%s: %q is no statement", server, statement)
			}
		}
	}
}

// A member is written only into metadata that have a place for it; what needs none
// of that is done in older ones, too.
func TestMetadataThatAreTooOld(t *testing.T) {
	for _, row := range []struct {
		schema  string
		wanted  string
		away    bool
		refused string
	}{
		{"2.4.0", "", true, ""}, {"2.2.0", "", true, ""}, {"", "", true, ""}, {"2.1.0", "", false, ""},
		{"2.1.0", "", true, "they are of version 2.1.0"}, {"0.0.0", "", true, "an upgrade of them is at work"},
		{"2.1.0", "2.4.0", true, ""}, {"0.0.0", "2.2.0", true, ""}, {"2.0.0", "2.4.0", true, "an apply upgrades from 2.1.0"},
	} {
		c := three()
		seen := standing(c)
		if row.away {
			alone := grouped(c, "b", "")
			alone.View = nil
			outOf(seen, "b", alone)
		} else {
			seen["b"].Variables["group_replication_consistency"] = "AFTER"
		}
		for key, one := range seen {
			one.Schema = row.schema
			seen[key] = one
		}
		c.Options.MetadataVersion = row.wanted
		operations, err := Diagnose(c, seen).Operations()
		if row.refused == "" && row.wanted != "" && !slices.Equal(operations, []provision.Operation{UpgradeMetadata{"a"}}) {
			t.Errorf("%q, want %s: %v, %v", row.schema, row.wanted, operations, err)
		}
		if row.refused == "" && (err != nil || len(operations) == 0) || row.refused != "" && (!errors.Is(err, ErrMetadata) || !strings.Contains(err.Error(), row.refused)) {
			t.Errorf("%q, one away %v: %v, %v", row.schema, row.away, operations, err)
		}
	}
}
