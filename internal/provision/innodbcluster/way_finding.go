// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqld"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// CodeWay says that a member lets no new connection of another one in. A group goes on by
// those that are open, and the next restart or loss finds out.
const CodeWay converge.Code = "cluster-way"

// dialled says how a new connection from a member to each other one went, by endpoint:
// "yes", or the client's error where no packet got through.
type dialled map[string]string

func waysQuestion() converge.Question[dialled] {
	return converge.Question[dialled]{
		Name: "the members that let a new connection in", Asker: mysqld.Owner + ".ways",
		Script: mysqlroot.WaysScript() + " || exit 1\necho '" + converge.WholeMark + "'", Read: readWays,
	}
}

func readWays(output string) (dialled, error) {
	rows, err := converge.Whole(output)
	if err != nil {
		return nil, err
	}
	ways := dialled{}
	for line := range strings.Lines(rows) {
		endpoint, said, _ := strings.Cut(strings.TrimSpace(line), " ")
		if _, _, err := net.SplitHostPort(endpoint); err != nil || said == "" {
			return nil, fmt.Errorf("line %q makes no sense", strings.TrimSpace(line))
		}
		ways[endpoint] = said
	}
	return ways, nil
}

// Examine is Observe with what a poll leaves out: whether each member lets new connections
// of the others in. It takes as long as a connection does, 8 s where one is dropped.
func Examine(ctx context.Context, hosts map[string]remote.Host) map[string]Observation {
	return each(hosts, func(host remote.Host) Observation {
		var ways dialled
		var err error
		var asked sync.WaitGroup
		asked.Go(func() { ways, err = converge.Ask(ctx, host, waysQuestion()) })
		seen := observe(ctx, host)
		asked.Wait()
		if seen.Err == nil && err != nil {
			return Observation{Err: err}
		}
		seen.Ways = ways
		return seen
	})
}

// ways finds the members that one member does not reach anew.
func (d *diagnosing) ways(key string) {
	for _, endpoint := range slices.Sorted(maps.Keys(d.seen[key].Ways)) {
		said, other := d.seen[key].Ways[endpoint], d.cluster.keyOf(endpoint)
		if said != "yes" && d.Members[other].State == string(StateOnline) {
			d.find(nil, key+" → "+other, CodeWay, "no new connection to %s: %s. Those that are open go on, and after a restart or the loss of another member these two do not find each other. Look on both machines for a firewall rule that drops the port", endpoint, said)
		}
	}
}

// Unreached are the pairs of members between which no new connection comes about, a line
// each and direction: no apply mends that.
func (d Diagnosis) Unreached() []string { return d.told(CodeWay) }
