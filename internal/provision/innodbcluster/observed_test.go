// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"github.com/atollhq/terraform-provider-atoll/internal/provision/group"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/preflight"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/reach"
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

// dial has a server try the others anew.
func dial(seen map[string]Observation, key string, ways reach.Reach) {
	one := seen[key]
	one.Ways = ways
	seen[key] = one
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

// outOf takes a member out of every view, as if it had never been in.
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
