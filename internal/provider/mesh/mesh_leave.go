// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mesh

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/tinc"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// leavingKey is where the private state keeps the peers that are not declared
// any more and may still be in the mesh: a run that ends before their nodes are
// removed must not forget how to reach them.
const leavingKey = "leaving"

type privateState interface {
	GetKey(ctx context.Context, key string) ([]byte, diag.Diagnostics)
}

type privateStateSetter interface {
	SetKey(ctx context.Context, key string, value []byte) diag.Diagnostics
}

func readLeaving(ctx context.Context, private privateState, diags *diag.Diagnostics) map[string]tinc.Peer {
	leaving := map[string]tinc.Peer{}
	text, problems := private.GetKey(ctx, leavingKey)
	diags.Append(problems...)
	if len(text) > 0 {
		if err := json.Unmarshal(text, &leaving); err != nil {
			diags.AddError("Unable to Read the Mesh's Private State", err.Error())
		}
	}
	return leaving
}

func writeLeaving(ctx context.Context, private privateStateSetter, leaving map[string]tinc.Peer, diags *diag.Diagnostics) {
	text, err := json.Marshal(leaving)
	if err != nil {
		diags.AddError("Unable to Write the Mesh's Private State", err.Error())
		return
	}
	diags.Append(private.SetKey(ctx, leavingKey, text)...)
}

// part sorts the peers that the declaration has lost. Those whose machines still
// carry something that talks over the mesh are leaving, and stay for now, unless
// a newcomer took their place; the others are cut off now, too those whose
// machines do not answer.
func (r *meshResource) part(ctx context.Context, before map[string]tinc.Peer, mesh tinc.Mesh) (leaving, cut map[string]tinc.Peer) {
	declared := map[string]bool{}
	for _, peer := range mesh.Peers {
		declared[peer.Target.Host] = true
	}
	gone := maps.Clone(before)
	maps.DeleteFunc(gone, func(_ string, peer tinc.Peer) bool { return declared[peer.Target.Host] })
	asked := base.Parallel(slices.Sorted(maps.Keys(gone)), func(key string) ([]string, error) {
		return r.Guard.Carries(ctx, r.Hosts.Host(gone[key].Target))
	})
	leaving, cut = map[string]tinc.Peer{}, map[string]tinc.Peer{}
	for key, peer := range gone {
		peer.Leaving = true
		if asked[key].Err == nil && len(asked[key].Value) > 0 && with(mesh, map[string]tinc.Peer{key: peer}).Validate() == nil {
			leaving[key] = peer
		} else {
			cut[key] = peer
		}
	}
	return leaving, cut
}

// with adds peers to a mesh; one that is there already stays as it is.
func with(mesh tinc.Mesh, more map[string]tinc.Peer) tinc.Mesh {
	peers := map[string]tinc.Peer{}
	maps.Copy(peers, more)
	maps.Copy(peers, mesh.Peers)
	mesh.Peers = peers
	return mesh
}

// forget takes the mesh from machines that are in it no more. One that does not
// answer is only worth a warning: the others do not know it any more, and its
// own resources say what to do about the machine.
func (r *meshResource) forget(ctx context.Context, mesh tinc.Mesh, cut map[string]tinc.Peer, diags *diag.Diagnostics) {
	mesh.Peers = cut
	for key, cleared := range r.clear(ctx, mesh) {
		if cleared.Err != nil && !errors.Is(cleared.Err, remote.ErrLost) {
			diags.AddWarning("Unable to Remove Mesh "+mesh.Name+" from "+key,
				cleared.Err.Error()+"\n\nThe other peers have forgotten it already.")
		}
	}
}

// clear takes the mesh's files from the peers and lets tinc forget them.
func (r *meshResource) clear(ctx context.Context, mesh tinc.Mesh) map[string]base.Outcome[struct{}] {
	return base.Parallel(slices.Sorted(maps.Keys(mesh.Peers)), func(key string) (struct{}, error) {
		return struct{}{}, mesh.Forget(ctx, r.Hosts.Host(mesh.Peers[key].Target))
	})
}
