// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqld"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// checkInsQuestion asks when routers were there last. From 2.4 on that stands in a
// table of its own.
func checkInsQuestion() converge.Question[map[int64]int64] {
	return converge.Question[map[int64]int64]{Name: "when the routers were there", Read: readCheckIns, Script: mysqlroot.QuestionScript(
		mysqlroot.WhereTable("seen", schema, "router_stats", `SELECT 'seen', JSON_OBJECTAGG(router_id, IFNULL(UNIX_TIMESTAMP(last_check_in), 0)) FROM `+schema+`.router_stats`),
	)}
}

func readCheckIns(output string) (map[int64]int64, error) {
	rows, err := mysqlroot.ReadRows(output)
	if err != nil {
		return nil, err
	}
	if state, err := rows.Down(); err != nil || state != "" {
		return nil, err
	}
	var seen map[int64]int64
	return seen, rows.Read(map[string]any{"seen": &seen})
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
		key  string
		seen Observation
	}
	answers := make(chan answer, len(hosts))
	for key, host := range hosts {
		go func() {
			answers <- answer{key, look(ctx, host)}
		}()
	}
	looked := Looked{Seen: map[string]Observation{}}
	for range hosts {
		one := <-answers
		looked.Seen[one.key] = one.seen
	}
	looked.Diagnosis = Diagnose(c, looked.Seen)
	// The primary knows best; without one any member does.
	keys := slices.Sorted(maps.Keys(looked.Seen))
	slices.SortStableFunc(keys, func(a, b string) int { return looked.trust(a) - looked.trust(b) })
	for _, key := range keys {
		for _, router := range looked.Seen[key].Routers {
			if router.Cluster == looked.ClusterID {
				looked.Routers = append(looked.Routers, router)
			}
		}
		if len(looked.Seen[key].Routers) > 0 {
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

func look(ctx context.Context, host remote.Host) Observation {
	alone := question()
	alone.Asker = ""
	observation, err := converge.Observe(ctx, host, converge.Manifest{Owner: looker, Items: []converge.Item{alone, checkInsQuestion()}})
	if err != nil {
		return Observation{Err: err}
	}
	seen, err := alone.Answer(observation)
	checkIns, unread := checkInsQuestion().Answer(observation)
	if err = errors.Join(err, unread); err != nil {
		return Observation{Err: err}
	}
	for i, router := range seen.Routers {
		seen.Routers[i].Seen = max(router.Seen, checkIns[router.ID])
	}
	return seen
}
