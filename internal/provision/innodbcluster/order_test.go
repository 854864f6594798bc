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

// resetting has c out of the group, changed, and a reset of it that gives so much up.
func resetting(transactions string, schemas ...string) Reset {
	return Reset{Member: "c", Transactions: transactions, Schemas: schemas}
}

func TestResetIsDecided(t *testing.T) {
	with := func(change func(*Observation)) func(c Cluster) map[string]Observation {
		return func(c Cluster) map[string]Observation { return stopped(c, "c", change) }
	}
	diverged := with(func(one *Observation) { one.Executed += ",theirs:1-3" })
	try(t, []situation{
		{"one that diverged", resetting("theirs:1-3"), diverged, []string{"give c the data of b in the place of its own"}, ""},
		{"more is given up than it has", resetting("theirs:1-9,others:1", "scratch"), diverged, []string{"give c the data of b in the place of its own"}, ""},
		{"less is given up than it has", resetting("theirs:1-2"), diverged, nil,
			`member c: more would be lost than was given up: the transactions theirs:3 (discard_transactions = "theirs:1-2"). Nothing was changed. Save what it holds, then name it all: transactions theirs:1-3, schemas []`},
		{"nothing is given up", resetting(""), diverged, nil, "the transactions theirs:1-3"},
		{"what was only received counts, too", resetting("theirs:1-3"), with(func(one *Observation) { one.Executed += ",theirs:1-3"; one.Received = groupName + ":10-11" }), nil,
			"the transactions " + groupName + ":10-11"},
		{"a schema that the group has not", resetting("theirs:1-3", "other"), with(func(one *Observation) { one.Executed += ",theirs:1-3"; one.Schemas = []string{"shop"} }), nil,
			"the schemas shop (discard_schemas = [other])"},
		{"the same, given up", resetting("theirs:1-3", "shop"), with(func(one *Observation) { one.Executed += ",theirs:1-3"; one.Schemas = []string{"shop"} }), []string{"give c the data of b in the place of its own"}, ""},
		{"data that are in no log", resetting(""), with(func(one *Observation) { one.Executed = ""; one.Schemas = []string{"shop"} }), nil, "the schemas shop"},
		{"the same, given up", resetting("", "shop"), with(func(one *Observation) { one.Executed = ""; one.Schemas = []string{"shop"} }), []string{"give c the data of b in the place of its own"}, ""},
		{"one that holds nothing of its own", resetting("theirs:1-3"), with(nil), nil, "it holds nothing that the group has not, so nothing has to be given up. Nothing was changed. atoll_mysql_rejoin, or an apply, brings it in"},
		{"one that is ONLINE", resetting("theirs:1-3"), standing, nil, ""},
		{"where the secondary is of another version", resetting("theirs:1-3"), func(c Cluster) map[string]Observation {
			seen := diverged(c)
			one := seen["b"]
			one.Version = "9.7.3"
			seen["b"] = one
			return seen
		}, []string{"give c the data of a in the place of its own"}, ""},
		{"where the secondary lags", resetting("theirs:1-3"), func(c Cluster) map[string]Observation {
			seen := diverged(c)
			for _, key := range []string{"a", "b"} {
				for i := range seen[key].View {
					if seen[key].View[i].ID == "uuid-b" {
						seen[key].View[i].Queue = 1000
					}
				}
			}
			return seen
		}, []string{"give c the data of b in the place of its own"}, ""},
		{"the only one that answers", resetting("theirs:1-3"), func(c Cluster) map[string]Observation {
			seen := diverged(c)
			seen["a"], seen["b"] = Observation{Err: away()}, Observation{Err: away()}
			return seen
		}, nil, "no member is in a group that has a majority"},
		{"after a complete outage", resetting("theirs:1-3"), func(c Cluster) map[string]Observation {
			return down(diverged(c), "a", "b")
		}, nil, "no member is in a group that has a majority"},
		{"beside another group", Reset{Member: "a", Transactions: "theirs:1-3"}, twoGroups, nil, "two groups take writes"},
		{"one that never was a member", resetting("theirs:1-3"), func(c Cluster) map[string]Observation {
			seen := diverged(c)
			primary := seen["a"]
			primary.Instances = primary.Instances[:2]
			seen["a"] = primary
			one := seen["c"]
			one.UUID, one.Endpoint = "uuid-new", c.Members["c"].Endpoint()
			seen["c"] = one
			return seen
		}, nil, "it is no member of the cluster yet"},
		{"one that cannot say what it has", resetting("theirs:1-3"), with(func(one *Observation) { one.Executed = "nonsense" }), nil, "member c: "},
		{"one with the UUID of another", resetting("theirs:1-3"), func(c Cluster) map[string]Observation {
			seen := diverged(c)
			one := seen["c"]
			one.UUID = "uuid-b"
			seen["c"] = one
			return seen
		}, nil, "member c: an apply has something to do before: its server_uuid is that of another one"},
	})
}

func TestForceQuorumIsDecided(t *testing.T) {
	alone := ForceQuorum{[]string{"a"}}
	// two are gone, and the third holds the group of before, or has given it up.
	gone := func(seen map[string]Observation) map[string]Observation {
		seen["b"], seen["c"] = Observation{Err: away()}, Observation{Err: &remote.Error{Kind: remote.ErrLost, Address: "203.0.113.13:22"}}
		return seen
	}
	waits := func(c Cluster) map[string]Observation { return gone(cut(standing(c), "a")) }
	try(t, []situation{
		{"one waits for two that are gone", alone, waits, []string{"go on from a with 10.0.0.1:3306 alone"}, ""},
		{"one has given up, and two are gone", alone, func(c Cluster) map[string]Observation { return gone(fell(standing(c), "a")) }, []string{"reboot the group from a"}, ""},
		{"it goes on already", alone, func(c Cluster) map[string]Observation {
			seen := standing(c)
			outOf(seen, "b", Observation{Err: away()})
			outOf(seen, "c", Observation{Err: away()})
			return seen
		}, nil, ""},
		{"one of two goes on, and the other is out", ForceQuorum{[]string{"a", "b"}}, func(c Cluster) map[string]Observation {
			seen := stopped(c, "b", nil)
			outOf(seen, "c", Observation{Err: away()})
			return seen
		}, []string{"join b"}, ""},
		{"the majority is there", alone, standing, nil, "the group has its majority: 3 of 3 members are ONLINE, a takes writes. Nothing was changed"},
		{"the majority is there without one", ForceQuorum{[]string{"a"}}, func(c Cluster) map[string]Observation { return stopped(c, "c", nil) }, nil, "the group has its majority: 2 of 3 members are ONLINE"},
		{"another one answers", alone, func(c Cluster) map[string]Observation {
			seen := waits(c)
			seen["b"] = down(standing(c), "b")["b"]
			return seen
		}, nil, "a member that is not named answers: b is there, so it is not lost"},
		{"another machine answers, and its server may run", alone, func(c Cluster) map[string]Observation {
			seen := waits(c)
			seen["b"] = Observation{Err: errors.New("its answer is not whole")}
			return seen
		}, nil, "b may run: its answer is not whole"},
		{"one that is named does not answer", ForceQuorum{[]string{"a", "b"}}, waits, nil, "member b could not be asked: connect 203.0.113.9:22: host is unreachable: no route to host, so it cannot go on"},
		{"all are named, and all answer", ForceQuorum{[]string{"a", "b", "c"}}, func(c Cluster) map[string]Observation { return down(standing(c), "a", "b", "c") }, nil, "every member answers, and an apply starts the group"},
		{"they run and only the line is cut", ForceQuorum{[]string{"a", "b", "c"}}, func(c Cluster) map[string]Observation { return cut(standing(c), "a", "b", "c") }, nil, "the members do not reach each other"},
		{"beside another group", alone, twoGroups, nil, "two groups take writes"},
		{"nobody knows of a cluster", alone, func(c Cluster) map[string]Observation { return gone(all(c, fresh)) }, nil, "every member has to answer before the group can start"},
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
	plain.Options = Options{}
	if diff := cmp.Diff(c.Options, plain.asItRuns(seen).Options); diff != "" {
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
