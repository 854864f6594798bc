// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mesh

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/tinc"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// view is what a refresh saw of the whole mesh.
type view struct {
	drift []converge.Line
	// reached has an entry for each peer that answered.
	reached map[string]tinc.Reach
	// recorded counts the machines that have anything of the mesh; peers and
	// lost count the machines in the state and those declared lost.
	recorded, peers, lost int
	// leaving are those that some peer still knows, or may know.
	leaving map[string]tinc.Peer
}

// gone: all machines answered or are lost, and none has anything of the mesh.
func (v view) gone() bool { return v.recorded == 0 && len(v.reached)+v.lost == v.peers }

// links keeps what was known of the peers that do not answer.
func (v view) links(before types.Map) types.Map {
	all := maps.Clone(before.Elements())
	if all == nil {
		all = map[string]attr.Value{}
	}
	maps.Copy(all, links(v.reached).Elements())
	return types.MapValueMust(linkType(), all)
}

// look observes all peers at once, and whether they still know the leaving ones.
func (r *meshResource) look(ctx context.Context, state *meshModel, leaving map[string]tinc.Peer, diags *diag.Diagnostics) view {
	mesh, _ := state.mesh(ctx, diags)
	if diags.HasError() {
		return view{}
	}
	keys := slices.Sorted(maps.Keys(mesh.Peers))
	seen := base.Parallel(keys, func(key string) (converge.Observation, error) {
		return converge.Observe(ctx, r.Hosts.Host(mesh.Peers[key].Target), mesh.Manifest(key))
	})
	found := view{reached: map[string]tinc.Reach{}, peers: len(keys), leaving: map[string]tinc.Peer{}}
	for _, key := range keys {
		address, err := mesh.Peers[key].Target.Host, seen[key].Err
		if err != nil {
			switch base.Judge(err) {
			case base.Forget:
				found.lost++
				found.drift = append(found.drift, converge.Line{Subject: key, Code: converge.CodeLost, Text: address + " is declared lost"})
			case base.KeepAsDrift:
				base.WarnUnreachable(diags, "Mesh "+mesh.Name+" on "+key, err)
				found.drift = append(found.drift, base.Unreachable(err).At(key))
			default:
				base.AddError(diags, "Read", "Mesh "+mesh.Name+" on "+key, err)
			}
			continue
		}
		observation := seen[key].Value
		if observation.Recorded() {
			found.recorded++
		}
		for _, line := range converge.Diff(mesh.Manifest(key), observation).Drift {
			found.drift = append(found.drift, line.At(key))
		}
		reach, err := mesh.Reached(key, observation)
		if err != nil {
			base.AddError(diags, "Read", "Mesh "+mesh.Name+" on "+key, err)
			continue
		}
		found.reached[key] = reach
		for _, left := range slices.Sorted(maps.Keys(leaving)) {
			if mesh.Knows(leaving[left], observation) {
				found.leaving[left] = leaving[left]
				found.drift = append(found.drift, converge.Line{Subject: key, Code: converge.CodeStale, Text: fmt.Sprintf("still knows %s, which is declared no more", left)})
			}
		}
	}
	if len(found.reached) < len(keys) {
		found.leaving = leaving
	}
	found.drift = append(found.drift, mesh.Complaints(found.reached, nil)...)
	return found
}

// converge brings every peer to the declared state and ends when each reaches
// each. Peers on machines declared lost are not contacted; those that are leaving
// take part until their nodes are removed.
func (r *meshResource) converge(ctx context.Context, action string, model *meshModel, leaving map[string]tinc.Peer, diags *diag.Diagnostics) {
	mesh, known := model.mesh(ctx, diags)
	if diags.HasError() {
		return
	}
	subject := "Mesh " + mesh.Name
	if !known {
		diags.AddError("Unable to "+action+" "+subject, "A peer is not known. This is a fault of the provider: please report it.")
		return
	}
	if err := mesh.Validate(); err != nil {
		base.AddError(diags, action, subject, err)
		return
	}
	mesh = with(mesh, leaving)
	hosts := map[string]remote.Host{}
	for key, peer := range mesh.Peers {
		if !r.Lost[peer.Target.Host] {
			hosts[key] = r.Hosts.Host(peer.Target)
		}
	}
	reached, err := mesh.Converge(ctx, hosts)
	if err == nil {
		err = r.Departures.Expect(ctx, mesh, hosts)
	}
	if err != nil {
		base.AddError(diags, action, subject, err)
		return
	}
	for key := range leaving {
		delete(reached, key)
		for _, reach := range reached {
			delete(reach, key)
		}
	}
	model.ID = model.Name
	model.Drift = base.Drift(nil)
	model.Links = links(reached)
	if len(hosts) < len(mesh.Peers) {
		diags.AddWarning("Mesh "+mesh.Name+" Holds Lost Peers",
			"Machines in the provider's lost list are still declared as peers: "+strings.Join(lostPeers(mesh, hosts), ", ")+". Remove them from the configuration.")
		model.Links = model.fullMesh()
	}
}

func lostPeers(mesh tinc.Mesh, hosts map[string]remote.Host) []string {
	var names []string
	for _, key := range slices.Sorted(maps.Keys(mesh.Peers)) {
		if hosts[key] == nil {
			names = append(names, key)
		}
	}
	return names
}
