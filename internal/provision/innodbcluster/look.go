// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqld"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Router is one as the metadata know it: it writes its row itself.
type Router struct {
	// ID is the row's number.
	ID      int64  `json:"id"`
	Cluster string `json:"cluster"`
	// Name beside Address; a router of Atoll's is "atoll".
	Name    string `json:"name"`
	Address string `json:"address"`
	Version string `json:"version"`
	// ReadWrite, ReadOnly and ReadWriteSplit are its ports as text; "" for none.
	ReadWrite      string `json:"rw"`
	ReadOnly       string `json:"ro"`
	ReadWriteSplit string `json:"split"`
	// Seen is when it last said that it is there, in seconds since 1970; 0 for never.
	Seen int64 `json:"seen"`
}

// LastSeen is when the router last said that it is there; the zero time for never.
func (r Router) LastSeen() time.Time {
	if r.Seen == 0 {
		return time.Time{}
	}
	return time.Unix(r.Seen, 0).UTC()
}

// routersQuestion asks for the routers of all clusters that the metadata know.
// From 2.4 on when they were there last stands in a table of its own.
func routersQuestion() converge.Question[[]Router] {
	return converge.Question[[]Router]{Name: "the routers of the cluster", Read: readRouters, Script: mysqlroot.QuestionScript(
		mysqlroot.WhereTable("routers", schema, "routers", `SELECT 'routers', JSON_ARRAYAGG(JSON_OBJECT('id', router_id, 'cluster', IFNULL(cluster_id, ''), 'name', router_name,
 'address', IFNULL(address, ''), 'version', IFNULL(version, ''), 'seen', IFNULL(UNIX_TIMESTAMP(last_check_in), 0), 'rw', IFNULL(attributes->>'$.RWEndpoint', ''),
 'ro', IFNULL(attributes->>'$.ROEndpoint', ''), 'split', IFNULL(attributes->>'$.RWSplitEndpoint', ''))) FROM `+schema+`.routers`),
		mysqlroot.WhereTable("seen", schema, "router_stats", `SELECT 'seen', JSON_OBJECTAGG(router_id, IFNULL(UNIX_TIMESTAMP(last_check_in), 0)) FROM `+schema+`.router_stats`),
	)}
}

func readRouters(output string) ([]Router, error) {
	rows, err := mysqlroot.ReadRows(output)
	if err != nil {
		return nil, err
	}
	if state, err := rows.Down(); err != nil || state != "" {
		return nil, err
	}
	var routers []Router
	var seen map[string]int64
	if err := rows.Read(map[string]any{"routers": &routers, "seen": &seen}); err != nil {
		return nil, err
	}
	for i, router := range routers {
		routers[i].Seen = max(router.Seen, seen[strconv.FormatInt(router.ID, 10)])
	}
	slices.SortFunc(routers, func(a, b Router) int { return cmp.Compare(a.ID, b.ID) })
	return routers, nil
}

// Looked is a cluster as somebody sees it who changes nothing.
type Looked struct {
	Diagnosis
	// Seen is what each member said, by its key.
	Seen map[string]Observation
	// Routers of the cluster, of the member whose word counts.
	Routers []Router
}

// Look asks all members at once, each in one round trip, also for what only a
// look is interested in.
func Look(ctx context.Context, c Cluster, hosts map[string]remote.Host) Looked {
	type answer struct {
		key     string
		seen    Observation
		routers []Router
	}
	answers := make(chan answer, len(hosts))
	for key, host := range hosts {
		go func() {
			seen, routers := look(ctx, host)
			answers <- answer{key, seen, routers}
		}()
	}
	looked := Looked{Seen: map[string]Observation{}}
	known := map[string][]Router{}
	for range hosts {
		one := <-answers
		looked.Seen[one.key], known[one.key] = one.seen, one.routers
	}
	looked.Diagnosis = Diagnose(c, looked.Seen)
	// The primary knows best; without one any member does.
	keys := slices.Sorted(maps.Keys(known))
	slices.SortStableFunc(keys, func(a, b string) int { return looked.trust(a) - looked.trust(b) })
	for _, key := range keys {
		for _, router := range known[key] {
			if router.Cluster == looked.ClusterID {
				looked.Routers = append(looked.Routers, router)
			}
		}
		if len(known[key]) > 0 {
			break
		}
	}
	return looked
}

// trust orders those whose word counts, the best first.
func (l Looked) trust(key string) int {
	switch {
	case key == l.Primary:
		return 0
	case l.Members[key].State == string(StateOnline):
		return 1
	}
	return 2
}

// looker is under which the questions of a look are put together, and kept on a
// machine until its server goes; nothing is recorded.
const looker = mysqld.Owner + ".status"

func look(ctx context.Context, host remote.Host) (Observation, []Router) {
	alone := question()
	alone.Asker = ""
	observation, err := converge.Observe(ctx, host, converge.Manifest{Owner: looker, Items: []converge.Item{alone, routersQuestion()}})
	if err != nil {
		return Observation{Err: err}, nil
	}
	seen, err := alone.Answer(observation)
	routers, unread := routersQuestion().Answer(observation)
	if err = errors.Join(err, unread); err != nil {
		return Observation{Err: err}, nil
	}
	return seen, routers
}
