// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/group"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// cut lets members that run see nobody but themselves.
func cut(seen map[string]Observation, keys ...string) map[string]Observation {
	for _, key := range keys {
		one := seen[key]
		one.View = slices.Clone(one.View)
		for i := range one.View {
			if one.View[i].ID != one.UUID {
				one.View[i].State = "UNREACHABLE"
			}
		}
		seen[key] = one
	}
	return seen
}

// cameBack has members that were down and are out of the group, while the rest
// still holds the old view.
func cameBack(keys ...string) func(Cluster) map[string]Observation {
	return func(c Cluster) map[string]Observation {
		seen := standing(c)
		for _, key := range keys {
			one := seen[key]
			one.View = []group.Member{{ID: one.UUID, Host: c.Members[key].Address, Port: 3306, State: "OFFLINE"}}
			seen[key] = one
		}
		for key, one := range seen {
			for i := range one.View {
				if slices.ContainsFunc(keys, func(other string) bool { return "uuid-"+other == one.View[i].ID }) && !slices.Contains(keys, key) {
					one.View[i].State = "UNREACHABLE"
				}
			}
		}
		return seen
	}
}

// twoGroups has one member with a group of its own, and the others with another.
func twoGroups(c Cluster) map[string]Observation {
	seen := standing(c)
	alone := seen["a"]
	outOf(seen, "a", alone)
	one := seen["a"]
	one.View = []group.Member{{ID: "uuid-a", Host: "10.0.0.1", Port: 3306, State: "ONLINE", Role: "PRIMARY"}}
	seen["a"] = one
	for _, key := range []string{"b", "c"} {
		for i := range seen[key].View {
			if seen[key].View[i].ID == "uuid-b" {
				seen[key].View[i].Role = "PRIMARY"
			}
		}
	}
	return seen
}

func down(seen map[string]Observation, keys ...string) map[string]Observation {
	for _, key := range keys {
		one := seen[key]
		one.View = nil
		seen[key] = one
	}
	return seen
}

// fell are members that gave their view up, or were expelled: each sees only itself.
func fell(seen map[string]Observation, keys ...string) map[string]Observation {
	for _, key := range keys {
		one := seen[key]
		one.View = []group.Member{{ID: one.UUID, State: "ERROR"}}
		seen[key] = one
	}
	return seen
}

// The first line says which state it is, what is true and what an apply does.
func TestStateInASentence(t *testing.T) {
	away := &remote.Error{Kind: remote.ErrUnreachable, Address: "203.0.113.9:22", Detail: "no route to host"}
	for _, row := range []struct {
		name  string
		from  func(c *Cluster) map[string]Observation
		state State
		line  string
		// members are their states.
		members map[string]string
	}{
		{"whole", func(c *Cluster) map[string]Observation { return standing(*c) }, StateOnline, "", map[string]string{"a": "ONLINE", "b": "ONLINE", "c": "ONLINE"}},
		{"an election", func(c *Cluster) map[string]Observation {
			return all(*c, func(c Cluster, key string) Observation { return grouped(c, key, "") })
		}, StateOnline, "cluster main: ONLINE: 3 of 3 members are ONLINE, nobody takes writes; apply waits for it", nil},
		{"one cannot be asked", func(c *Cluster) map[string]Observation {
			seen := standing(*c)
			seen["c"] = Observation{Err: away}
			for _, key := range []string{"a", "b"} {
				for i := range seen[key].View {
					if seen[key].View[i].ID == "uuid-c" {
						seen[key].View[i].State = "UNREACHABLE"
					}
				}
			}
			return seen
		}, StatePartial, "cluster main: PARTIAL: 2 of 3 members are ONLINE, a takes writes, c could not be asked; apply can do nothing until they answer", map[string]string{"a": "ONLINE", "b": "ONLINE", "c": "UNREACHABLE"}},
		{"two were down and came back", func(c *Cluster) map[string]Observation { return cameBack("b", "c")(*c) },
			StateNoQuorum, "cluster main: NO_QUORUM: 0 of 3 members are ONLINE, nobody takes writes, a waits in a group without a majority, b is OFFLINE, c is OFFLINE; apply will go on from a with 10.0.0.1:3306 alone",
			map[string]string{"a": "NO_QUORUM", "b": "OFFLINE", "c": "OFFLINE"}},
		{"two were down and came back, and hold more", func(c *Cluster) map[string]Observation {
			seen := cameBack("b", "c")(*c)
			for _, key := range []string{"b", "c"} {
				one := seen[key]
				one.Received = groupName + ":10"
				seen[key] = one
			}
			return seen
		}, StateNoQuorum, "cluster main: NO_QUORUM: 0 of 3 members are ONLINE, nobody takes writes, a waits in a group without a majority, b is OFFLINE, c is OFFLINE; apply will stop the group on a", nil},
		{"two are down", func(c *Cluster) map[string]Observation {
			seen := cameBack("b", "c")(*c)
			seen["b"], seen["c"] = Observation{Err: away}, Observation{}
			return seen
		}, StateNoQuorum, "cluster main: NO_QUORUM: 0 of 3 members are ONLINE, nobody takes writes, a waits in a group without a majority, b could not be asked, c does not answer; apply refuses: the group has lost its quorum: " +
			"a sees no majority among 10.0.0.1:3306 ONLINE, 10.0.0.2:3306 UNREACHABLE, 10.0.0.3:3306 UNREACHABLE, and what the others hold is not known. Bring them back; or, where they are gone for good, declare quorum_survivors: every member has to answer before the group can start: " +
			"b: connect 203.0.113.9:22: host is unreachable: no route to host c: the server does not answer", map[string]string{"a": "NO_QUORUM", "b": "UNKNOWN", "c": "OFFLINE"}},
		{"two are down, and the third gave up", func(c *Cluster) map[string]Observation {
			seen := fell(standing(*c), "a")
			seen["b"], seen["c"] = Observation{Err: away}, Observation{}
			return seen
		}, StateNoQuorum, "cluster main: NO_QUORUM: 0 of 3 members are ONLINE, nobody takes writes, a is ERROR, b could not be asked, c does not answer; apply refuses: the group has lost its quorum: " +
			"a fell out of it (ERROR), as a member does that sees no majority, and what the others hold is not known. Bring them back; or, where they are gone for good, declare quorum_survivors: every member has to answer before the group can start: " +
			"b: connect 203.0.113.9:22: host is unreachable: no route to host c: the server does not answer", map[string]string{"a": "ERROR", "b": "UNKNOWN", "c": "OFFLINE"}},
		{"nobody can be asked", func(c *Cluster) map[string]Observation {
			return all(*c, func(Cluster, string) Observation { return Observation{Err: away} })
		}, StateUnknown, "cluster main: UNKNOWN: no member could be asked, so whether the cluster is at work is not known; apply can do nothing until they answer", map[string]string{"a": "UNKNOWN", "b": "UNKNOWN", "c": "UNKNOWN"}},
		{"no server runs", func(c *Cluster) map[string]Observation {
			return all(*c, func(Cluster, string) Observation { return Observation{Unit: "inactive"} })
		}, StateUnknown, "cluster main: UNKNOWN: 0 of 3 members are ONLINE, nobody takes writes, a does not answer, b does not answer, c does not answer; apply starts the servers first, each by its atoll_mysql_server, and then the group", nil},
		{"one server does not run, and another cannot be asked", func(c *Cluster) map[string]Observation {
			seen := down(standing(*c), "a", "b", "c")
			seen["b"], seen["c"] = Observation{Err: away}, Observation{Unit: "inactive"}
			return seen
		}, StateOffline, "cluster main: OFFLINE: 0 of 3 members are ONLINE, nobody takes writes, a is OFFLINE, b could not be asked, c does not answer; apply refuses: every member has to answer before the group can start: " +
			"b: connect 203.0.113.9:22: host is unreachable: no route to host c: the server does not answer", nil},
		{"all gave up", func(c *Cluster) map[string]Observation { return fell(standing(*c), "a", "b", "c") },
			StateOffline, "cluster main: OFFLINE: 0 of 3 members are ONLINE, nobody takes writes, a is ERROR, b is ERROR, c is ERROR; apply will reboot the group from a", nil},
		{"all were down", func(c *Cluster) map[string]Observation { return down(standing(*c), "a", "b", "c") },
			StateOffline, "cluster main: OFFLINE: 0 of 3 members are ONLINE, nobody takes writes, a is OFFLINE, b is OFFLINE, c is OFFLINE; apply will reboot the group from a", nil},
		{"all were down, and one starts already", func(c *Cluster) map[string]Observation {
			seen := down(standing(*c), "a", "b", "c")
			one := seen["a"]
			one.Starting = true
			seen["a"] = one
			return seen
		}, StateOffline, "cluster main: OFFLINE: 0 of 3 members are ONLINE, nobody takes writes, a is OFFLINE, b is OFFLINE, c is OFFLINE; apply will reboot the group from b", nil},
		{"two groups", func(c *Cluster) map[string]Observation { return twoGroups(*c) }, StateSplitBrain, "cluster main: SPLIT_BRAIN: b is MISSING, c is MISSING; apply refuses: two groups take writes, each without the other: " +
			"a, which sees 10.0.0.1:3306 ONLINE, and b, which sees 10.0.0.2:3306 ONLINE, 10.0.0.3:3306 ONLINE. Nothing was changed. Decide which goes on, save what only the other holds, and stop group replication on the other's members", nil},
		{"killed before the metadata", func(c *Cluster) map[string]Observation {
			one := grouped(*c, "a", "a")
			one.Clusters, one.Instances, one.View = nil, nil, one.View[:1]
			return map[string]Observation{"a": one, "b": fresh(*c, "b"), "c": fresh(*c, "c")}
		}, StateHalfMade, "cluster main: HALF_MADE: 1 of 3 members are ONLINE, the metadata that routers read are missing, b is MISSING, c is MISSING; apply will write the cluster metadata on a, join b, join c", nil},
		{"nobody knows of it", func(c *Cluster) map[string]Observation { return all(*c, fresh) }, StateUnknown,
			"cluster main: UNKNOWN: 0 of 3 members are ONLINE, nobody takes writes, a is MISSING, b is MISSING, c is MISSING; apply will bootstrap the group on a", nil},
		{"others renamed it", func(c *Cluster) map[string]Observation {
			c.ID = "id"
			seen := standing(*c)
			for _, key := range c.keys() {
				seen[key].Clusters[0].Name = "theirs"
			}
			return seen
		}, StateOnline, "cluster metadata: name is theirs, want main", nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := three()
			diagnosis := Diagnose(c, row.from(&c))
			lines := append(converge.Texts(diagnosis.Drift()), "")
			if diff := cmp.Diff(row.line, lines[0]) + cmp.Diff(row.state, diagnosis.State); diff != "" {
				t.Error(diff)
			}
			for key, want := range row.members {
				if got := diagnosis.Members[key].State; got != want {
					t.Errorf("%s is %s, want %s", key, got, want)
				}
			}
		})
	}
}
