// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqld"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/reach"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// CodeWay says that a member lets no new connection of another one in. A group goes on by
// those that are open, and the next restart or loss finds out.
const CodeWay converge.Code = "cluster-way"

// WaysQuestion asks a machine, a member's or a router's, which members' ports it reaches.
// It does not log in there: whether the account is let in is asked of the member's own
// server, since the accounts are the same on all, and a login takes six times as many ways
// there and back, for which a whole plan would wait.
func (c Cluster) WaysQuestion(keys []string) converge.Question[reach.Reach] {
	endpoints := map[string]string{}
	for _, key := range keys {
		endpoints[key] = c.Members[key].Endpoint()
	}
	return reach.Ports("the members that let a new connection in", endpoints)
}

// Examine is Observe with what a poll leaves out: whether each member lets new connections
// of the others in, of those whose machines are given. It takes 8 s where one is dropped;
// what the group has become meanwhile is asked again then.
func (c Cluster) Examine(ctx context.Context, hosts map[string]remote.Host) map[string]Observation {
	return each(hosts, func(key string, host remote.Host) Observation {
		question := c.WaysQuestion(slices.DeleteFunc(slices.Sorted(maps.Keys(hosts)), func(other string) bool { return other == key }))
		question.Asker = mysqld.Owner + ".ways"
		var ways reach.Reach
		var err error
		var asked sync.WaitGroup
		asked.Go(func() { ways, err = converge.Ask(ctx, host, question) })
		seen := observe(ctx, host)
		asked.Wait()
		if seen.Err == nil && err != nil {
			return Observation{Err: err}
		}
		if !ways.Whole() {
			seen = observe(ctx, host)
		}
		seen.Ways = ways
		return seen
	})
}

// ways finds the members that one member does not reach anew. One that is out of the group
// itself says nothing of that: it is to be brought in, and then it is refused.
func (d *diagnosing) ways(key string) {
	for _, other := range slices.Sorted(maps.Keys(d.seen[key].Ways)) {
		if !d.seen[key].Ways.May(other) && d.Members[key].State == string(StateOnline) && d.Members[other].State == string(StateOnline) {
			d.find(nil, key+" → "+other, CodeWay, "no new connection to %s. Those that are open go on, and after a restart or the loss of another member these two do not find each other. Look on both machines for a firewall rule that drops the port", d.cluster.Members[other].Endpoint())
		}
	}
}

// Unreached are the pairs of members between which no new connection comes about, a line
// each and direction: no apply mends that.
func (d Diagnosis) Unreached() []string { return d.told(CodeWay) }
