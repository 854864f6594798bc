// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/group"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/preflight"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

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
		{"nobody can be asked", standing, func(_ *Cluster, seen map[string]Observation) {
			for key := range seen {
				seen[key] = Observation{Err: fmt.Errorf("asking: %w: ERROR 1045", remote.ErrDenied)}
			}
		}, remote.ErrDenied, "no member could be asked, so whether the cluster is at work is not known:\na: asking: it runs and refuses to answer: ERROR 1045"},
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
		{"a joiner that has what the group has, and its primary is not heard", standing, func(c *Cluster, seen map[string]Observation) {
			alone := fresh(*c, "c")
			alone.Executed = groupName + ":1-9"
			outOf(seen, "c", alone)
			seen["a"] = Observation{Err: down}
		}, ErrPrimaryUnheard, "a takes writes and was not heard"},
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
