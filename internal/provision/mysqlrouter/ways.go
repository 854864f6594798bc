// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqlrouter

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/innodbcluster"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/reach"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// CodeWay says that the router's machine makes no new connection to a member. The router
// leads to the others, and finds out when the member is the primary.
const CodeWay converge.Code = "router-way"

// waysQuestion dials the port of each member anew, by which the router comes. The X
// protocol's port is none that it serves.
func (c Config) waysQuestion(cluster Cluster) converge.Question[reach.Reach] {
	question := cluster.Cluster.WaysQuestion(slices.Sorted(maps.Keys(cluster.Hosts))) // which lack those that are lost
	question.Asker = c.Owner() + ".ways"
	return question
}

// Unreached dials the members from the router's machine, and gives a line for each that
// takes part in its cluster and is not reached. find is called only where there is one.
// Then all are dialled again: a member that started meanwhile is one that was down before.
func (c Config) Unreached(ctx context.Context, host remote.Host, cluster Cluster, find func() innodbcluster.Found) ([]converge.Line, error) {
	question := c.waysQuestion(cluster)
	first, err := converge.Ask(ctx, host, question)
	if err != nil || first.Whole() {
		return nil, err
	}
	found := find()
	if len(unreached(cluster.Cluster, found, first)) == 0 {
		return nil, nil
	}
	again, err := converge.Ask(ctx, host, question)
	return unreached(cluster.Cluster, found, first, again), err
}

// unreached are the members that are ONLINE and that no try reached. One that is not is
// the cluster's drift, which says it once.
func unreached(cluster innodbcluster.Cluster, found innodbcluster.Found, tries ...reach.Reach) []converge.Line {
	var lines []converge.Line
	for _, key := range slices.Sorted(maps.Keys(cluster.Members)) {
		silent := !slices.ContainsFunc(tries, func(try reach.Reach) bool { return try.May(key) })
		if silent && found.Members[key].State == string(innodbcluster.StateOnline) {
			lines = append(lines, converge.Line{Subject: "router → " + key, Code: CodeWay, Text: fmt.Sprintf(
				"no new connection to %s, which is ONLINE. Those that are open go on, and what connects through this router does not get to that member any more. Look on both machines for a firewall rule that drops the port",
				cluster.Members[key].Endpoint())})
		}
	}
	return lines
}
