// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"slices"
	"testing"
)

// oneLeads is a group in which one member leads the consensus.
func oneLeads(seen map[string]Observation) {
	for _, one := range seen {
		one.Running[leaderVariable] = "ON"
		set(one, leaderVariable, "ON")
	}
}

// A server joins with the leader that the group has, and a group that is down starts
// with the one that it had: others are not let in.
func TestLeaderStays(t *testing.T) {
	c := three()
	for name, row := range map[string]struct {
		seen     func() map[string]Observation
		declared string
		want     string
	}{
		"a new group":                      {func() map[string]Observation { return all(c, fresh) }, "", "OFF"},
		"a new group, declared":            {func() map[string]Observation { return all(c, fresh) }, "ON", "ON"},
		"a group in which all lead":        {func() map[string]Observation { return standing(c) }, "", "OFF"},
		"a group in which one leads":       {func() map[string]Observation { return leading(c) }, "", "ON"},
		"one leads, and all are to":        {func() map[string]Observation { return leading(c) }, "OFF", "OFF"},
		"one led, and the group is down":   {func() map[string]Observation { return down(leading(c), "a", "b", "c") }, "", "ON"},
		"one leads, and others set it":     {func() map[string]Observation { seen := leading(c); set(seen["a"], leaderVariable, "OFF"); return seen }, "", "ON"},
		"one led, and all are to from now": {func() map[string]Observation { return down(leading(c), "a", "b", "c") }, "OFF", "OFF"},
	} {
		c.Options.SingleLeader = row.declared
		d := diagnose(c, row.seen())
		if got := d.cluster.variables("b", groupName); !slices.Contains(got, variable{leaderVariable, row.want, fullStop}) {
			t.Errorf("%s: want %s among %v", name, row.want, got)
		}
	}
}

func leading(c Cluster) map[string]Observation {
	seen := standing(c)
	oneLeads(seen)
	return seen
}
