// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot/machinetest"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// stopped has one member out of the group, which stands otherwise.
func stopped(c Cluster, key string, change func(*Observation)) map[string]Observation {
	seen := standing(c)
	alone := grouped(c, key, "")
	alone.View = nil
	if change != nil {
		change(&alone)
	}
	outOf(seen, key, alone)
	return seen
}

// decided is what an order does with what was seen: operations, or an error's words.
func decided(c Cluster, order Order, seen map[string]Observation) ([]string, error) {
	operations, err := order.next(diagnose(c.asItRuns(seen), seen))
	var texts []string
	for _, operation := range operations {
		texts = append(texts, operation.String())
	}
	return texts, err
}

// situation is one that an order is given in.
type situation struct {
	name  string
	order Order
	from  func(c Cluster) map[string]Observation
	// want are the operations; says is what a refusal says.
	want []string
	says string
}

func try(t *testing.T, situations []situation) {
	t.Helper()
	for _, row := range situations {
		got, err := decided(three(), row.order, row.from(three()))
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("%s: %s", row.name, diff)
		}
		if (err == nil) != (row.says == "") || err != nil && !strings.Contains(flat(err), row.says) {
			t.Errorf("%s: %v, want %q", row.name, err, row.says)
		}
	}
}

func away() error {
	return &remote.Error{Kind: remote.ErrUnreachable, Address: "203.0.113.9:22", Detail: "no route to host"}
}

func TestSwitchoverIsDecided(t *testing.T) {
	to := Switchover{"b"}
	try(t, []situation{
		{"to a secondary", to, standing, []string{"hand the primary's role over to b"}, ""},
		{"to who has it", Switchover{"a"}, standing, nil, ""},
		{"whatever else is not as declared", to, func(c Cluster) map[string]Observation {
			seen := stopped(c, "c", func(one *Observation) { one.Executed += ",theirs:1-3" })
			seen["a"].Variables["group_replication_consistency"] = "AFTER"
			return seen
		}, []string{"hand the primary's role over to b"}, ""},
		{"to one that is out", Switchover{"c"}, func(c Cluster) map[string]Observation { return stopped(c, "c", nil) }, nil,
			"only an ONLINE member can take the primary's role, and c is OFFLINE. Nothing was changed. Bring it in first (atoll_mysql_rejoin, or an apply), or name another member"},
		{"to one that nobody can ask", to, func(c Cluster) map[string]Observation {
			seen := standing(c)
			seen["b"] = Observation{Err: away()}
			return seen
		}, nil, "member b could not be asked: connect 203.0.113.9:22: host is unreachable: no route to host. Nothing was changed"},
		{"in multi-primary mode", to, func(c Cluster) map[string]Observation {
			seen := standing(c)
			manyPrimaries(seen)
			return seen
		}, nil, "every member takes writes (multi-primary), so nobody has a role to hand over"},
		{"in an election", to, func(c Cluster) map[string]Observation {
			return all(c, func(c Cluster, key string) Observation { return grouped(c, key, "") })
		}, nil, errMoving.Error()},
		{"without a majority", to, func(c Cluster) map[string]Observation { return cut(standing(c), "a", "b", "c") }, nil,
			"no member is in a group that has a majority. NO_QUORUM: 0 of 3 members are ONLINE"},
		{"after a complete outage", to, func(c Cluster) map[string]Observation { return down(standing(c), "a", "b", "c") }, nil, "OFFLINE: 0 of 3 members are ONLINE"},
		{"beside another group", to, twoGroups, nil, "two groups take writes, each without the other"},
		{"where nobody can be asked", to, func(c Cluster) map[string]Observation {
			return all(c, func(Cluster, string) Observation { return Observation{Err: away()} })
		}, nil, "a: connect 203.0.113.9:22: host is unreachable: no route to host"},
	})
}

func TestRejoinIsDecided(t *testing.T) {
	order := Rejoin{"c"}
	with := func(change func(*Observation)) func(c Cluster) map[string]Observation {
		return func(c Cluster) map[string]Observation { return stopped(c, "c", change) }
	}
	try(t, []situation{
		{"one that is out", order, with(nil), []string{"join c"}, ""},
		{"one that fell out", order, func(c Cluster) map[string]Observation {
			seen := stopped(c, "c", nil)
			return fell(seen, "c")
		}, []string{"join c"}, ""},
		{"one that is ONLINE", Rejoin{"b"}, with(nil), nil, ""},
		{"one that comes by itself", order, with(func(one *Observation) { one.Starting = true }), []string{"wait for c"}, ""},
		{"one that did not", order, with(func(one *Observation) { one.Starting, one.Waited = true, true }), []string{"join c"}, ""},
		{"where the logs are gone", order, func(c Cluster) map[string]Observation {
			seen := stopped(c, "c", func(one *Observation) { one.Executed = groupName + ":1-3" })
			primary := seen["a"]
			primary.Purged = groupName + ":1-4"
			seen["a"] = primary
			return seen
		}, []string{"join c by clone"}, ""},
		{"one that diverged", order, with(func(one *Observation) { one.Executed += ",theirs:1-3" }), nil,
			"member c: it holds transactions of its own that the group has not: theirs:1-3"},
		{"while another one diverged", order, func(c Cluster) map[string]Observation {
			seen := stopped(c, "c", nil)
			alone := grouped(c, "b", "")
			alone.View = nil
			alone.Executed += ",theirs:1-3"
			outOf(seen, "b", alone)
			return seen
		}, []string{"join c"}, ""},
		{"one that is down", order, func(c Cluster) map[string]Observation {
			seen := stopped(c, "c", nil)
			seen["c"] = Observation{Unit: "failed"}
			return seen
		}, nil, "member c: the server does not answer (failed)"},
		{"one whose machine is away", order, func(c Cluster) map[string]Observation {
			seen := stopped(c, "c", nil)
			seen["c"] = Observation{Err: away()}
			return seen
		}, nil, "member c could not be asked: connect 203.0.113.9:22"},
		{"one that never was a member", order, func(c Cluster) map[string]Observation {
			seen := standing(c)
			outOf(seen, "c", fresh(c, "c"))
			primary := seen["a"]
			primary.Instances = primary.Instances[:2]
			seen["a"] = primary
			return seen
		}, nil, "member c: it is no member of the cluster yet: its metadata do not name 10.0.0.3:3306"},
		{"one at another address", order, with(func(one *Observation) { one.Endpoint = "10.0.0.9:3306" }), nil, "the server calls itself 10.0.0.9:3306"},
		{"one of another cluster", order, with(func(one *Observation) {
			one.Clusters = []ClusterRow{{Name: "theirs"}}
			one.View = cut(standing(three()), "c")["c"].View
		}), nil, "it belongs to another cluster"},
		{"in a group on another stack", order, func(c Cluster) map[string]Observation {
			seen := stopped(c, "c", nil)
			otherStack(seen)
			return seen
		}, nil, "member c: an apply has something to do before"},
		{"into metadata that are too old", order, func(c Cluster) map[string]Observation {
			seen := stopped(c, "c", nil)
			primary := seen["a"]
			primary.Schema = "2.1.0"
			seen["a"] = primary
			return seen
		}, nil, "they are of version 2.1.0, and a member is written into 2.2.0 or later"},
		{"without a majority", order, func(c Cluster) map[string]Observation { return cut(standing(c), "a", "b", "c") }, nil, "no member is in a group that has a majority"},
		{"beside another group", order, twoGroups, nil, "two groups take writes"},
	})
}

// What comes in by hand is set as the group is, whatever a declaration says: with a
// guardian the number of tries is the persisted one.
func TestOrdersTakeTheGroupsOptions(t *testing.T) {
	c := three()
	c.Options.ExpelTimeout, c.Options.UnreachableMajorityTimeout, c.Options.AutorejoinTries = 7, 22, 4
	c.Options.Consistency, c.Options.ExitStateAction, c.Options.TransactionSizeLimit = "AFTER", "OFFLINE_MODE", 99
	seen := standing(c)
	primary := seen["a"]
	primary.Variables["group_replication_autorejoin_tries"] = "0"
	primary.Persisted = map[string]string{"group_replication_autorejoin_tries": "4"}
	seen["a"] = primary
	plain := three()
	plain.Options = Options{QuorumSurvivors: []string{"a"}}
	want := c.Options
	want.QuorumSurvivors = []string{"a"}
	if diff := cmp.Diff(want, plain.asItRuns(seen).Options); diff != "" {
		t.Error(diff)
	}
	for _, one := range c.variables("b", groupName) {
		if is := plain.asItRuns(seen).variables("b", groupName); !slices.Contains(is, one) {
			t.Errorf("%v is not among %v", one, is)
		}
	}
}

// An order that is refused, or that finds nothing to do, changes nothing: no session
// is opened that could.
func TestOrdersThatChangeNothing(t *testing.T) {
	c := three()
	for name, row := range map[string]struct {
		seen  map[string]Observation
		order Order
		want  error
	}{
		"nothing to do":           {standing(c), Switchover{"a"}, nil},
		"one that takes part":     {standing(c), Rejoin{"b"}, nil},
		"no majority":             {down(standing(c), "a", "b", "c"), Switchover{"b"}, ErrNoMajority},
		"one that diverged":       {stopped(c, "c", func(one *Observation) { one.Executed += ",theirs:1" }), Rejoin{"c"}, ErrDiverged},
		"no answer of the server": {nil, Rejoin{"c"}, ErrNoMajority},
	} {
		made, hosts := map[string]*machinetest.Machine{}, map[string]remote.Host{}
		for _, key := range c.keys() {
			answer := ""
			if row.seen != nil {
				answer = answerOf(t, row.seen[key], c.Members[key])
			}
			made[key] = machinetest.New(t, answer)
			hosts[key] = made[key]
		}
		var told []string
		did, err := Carry(t.Context(), c, hosts, row.order, func(what string) { told = append(told, what) })
		if did || !errors.Is(err, row.want) {
			t.Errorf("%s: did %v, %v", name, did, err)
		}
		for key, machine := range made {
			if acts := machine.Acts(); len(acts) > 0 || len(told) > 0 {
				t.Errorf("%s: %s did %q, told %q", name, key, acts, told)
			}
		}
	}
}

// An order that has something to do takes the turn before anything else, and one that
// cannot be had leaves all as it is.
func TestOrdersTakeTheTurn(t *testing.T) {
	c := three()
	made, hosts := map[string]*machinetest.Machine{}, map[string]remote.Host{}
	for key, seen := range standing(c) {
		made[key] = machinetest.New(t, answerOf(t, seen, c.Members[key]))
		hosts[key] = made[key]
	}
	did, err := Carry(t.Context(), c, hosts, Switchover{"b"}, nil)
	if did || err == nil || !strings.Contains(err.Error(), "too few members of the group can be asked for the turn") {
		t.Errorf("did %v, %v", did, err)
	}
	for key, machine := range made {
		if acts := machine.Acts(); !slices.Equal(acts, []string{"dial /run/mysqld/mysqld.sock"}) {
			t.Errorf("%s did %q", key, acts)
		}
	}
}
