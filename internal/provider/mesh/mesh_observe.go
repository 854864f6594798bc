// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mesh

import (
	"context"
	"maps"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/tinc"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Observe asks all peers at once, and whether they still know those that are
// leaving. The mesh is gone when all that are not lost answered and none has
// anything of it.
func (k *meshKind) Observe(ctx context.Context, run *base.Run, model *meshModel) base.Observed {
	mesh, _ := model.declared()
	leaving := readLeaving(ctx, run)
	hearing := base.Hear(ctx, k.Data, run, model.Subject(), targets(mesh.Peers),
		func(ctx context.Context, key string, host remote.Host) (tinc.Heard, error) {
			return mesh.Look(ctx, host, key)
		})
	if run.Failed() {
		return base.Observed{}
	}
	view := viewOf(mesh, leaving, hearing)
	if view.recorded == 0 && hearing.Silent == 0 {
		return base.Observed{Absent: true}
	}
	if len(view.leaving) < len(leaving) {
		writeLeaving(ctx, run, view.leaving)
	}
	warnOfOneWay(run, mesh, hearing.Answers)
	warnOfTCP(run, mesh, hearing.Answers)
	model.Links = view.links(mesh, model.Links, k.Lost)
	return base.Observed{Drift: view.drift}
}

// view is the mesh as its peers see it.
type view struct {
	drift []converge.Line
	// reached has an entry for each peer that answered.
	reached map[string]tinc.Reach
	// recorded counts the machines that have anything of the mesh.
	recorded int
	// leaving are those that some peer still knows, or may know.
	leaving map[string]tinc.Peer
}

// links are what was reached now. What was read before is kept of the peers that
// do not answer; of those that are lost there is nothing to keep.
func (v view) links(mesh tinc.Mesh, before types.Map, lost map[string]bool) types.Map {
	all := map[string]attr.Value{}
	for key, known := range before.Elements() {
		if peer, declared := mesh.Peers[key]; declared && !lost[peer.Target.Host] {
			all[key] = known
		}
	}
	maps.Copy(all, links(v.reached).Elements())
	return types.MapValueMust(linkType(), all)
}

// viewOf puts together what the peers answered.
func viewOf(mesh tinc.Mesh, leaving map[string]tinc.Peer, hearing base.Hearing[tinc.Heard]) view {
	seen := view{
		drift:   append(hearing.Drift, provision.Drift(mesh.Diagnose(hearing.Answers, leaving))...),
		reached: map[string]tinc.Reach{}, leaving: map[string]tinc.Peer{},
	}
	for key, heard := range hearing.Answers {
		if heard.Observation.Recorded() {
			seen.recorded++
		}
		seen.reached[key] = heard.Reach
		for name, left := range leaving {
			if mesh.Knows(left, heard.Observation) {
				seen.leaving[name] = left
			}
		}
	}
	if len(hearing.Answers) < len(mesh.Peers) {
		seen.leaving = leaving
	}
	return seen
}
