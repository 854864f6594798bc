// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"context"
	"maps"
	"slices"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqld"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Looked is a cluster as somebody sees it who changes nothing.
type Looked struct {
	Diagnosis
	// Seen is what each member said, by its key.
	Seen map[string]Observation
	// Routers of the cluster, of the member whose word counts.
	Routers []Router
}

// Look asks all members at once, each in one round trip.
func Look(ctx context.Context, c Cluster, hosts map[string]remote.Host) Looked {
	looked := Looked{Seen: each(hosts, func(_ string, host remote.Host) Observation { return look(ctx, host) })}
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

// looker is under which a look's question is kept on a machine until its server goes;
// nothing is recorded.
const looker = mysqld.Owner + ".status"

func look(ctx context.Context, host remote.Host) Observation {
	alone := question()
	alone.Asker = ""
	observation, err := converge.Observe(ctx, host, converge.Manifest{Owner: looker, Items: []converge.Item{alone}})
	if err != nil {
		return Observation{Err: err}
	}
	seen, err := alone.Answer(observation)
	if err != nil {
		return Observation{Err: err}
	}
	return seen
}
