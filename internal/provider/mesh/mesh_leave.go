// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mesh

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/tinc"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// part sorts the peers that the declaration has lost. Those whose machines still
// carry something that talks over the mesh are leaving, and stay for now, unless
// a newcomer took their place; the others are cut off now, too those whose
// machines do not answer.
func (k *meshKind) part(ctx context.Context, before map[string]tinc.Peer, mesh tinc.Mesh) (leaving, cut map[string]tinc.Peer) {
	declared := map[string]bool{}
	for _, peer := range mesh.Peers {
		declared[peer.Target.Host] = true
	}
	gone := maps.Clone(before)
	maps.DeleteFunc(gone, func(_ string, peer tinc.Peer) bool { return declared[peer.Target.Host] })
	asked := base.Parallel(slices.Sorted(maps.Keys(gone)), func(key string) ([]string, error) {
		return k.Guard.Carries(ctx, k.Hosts.Host(gone[key].Target))
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

// cutOff takes the mesh from machines that are in it no more. One that does not
// answer is only worth a warning: the others do not know it any more, and its
// own resources say what to do about the machine.
func (k *meshKind) cutOff(ctx context.Context, run *base.Run, mesh tinc.Mesh, cut map[string]tinc.Peer) {
	mesh.Peers = cut
	for key, cleared := range k.clear(ctx, mesh) {
		if cleared.Err != nil && !errors.Is(cleared.Err, remote.ErrLost) {
			run.Diagnostics.AddWarning("Unable to Remove Mesh "+mesh.Name+" from "+key,
				cleared.Err.Error()+"\n\nThe other peers have forgotten it already.")
		}
	}
}

// clear takes the mesh's files from the peers and lets tinc forget them.
func (k *meshKind) clear(ctx context.Context, mesh tinc.Mesh) map[string]base.Outcome[struct{}] {
	return base.Parallel(slices.Sorted(maps.Keys(mesh.Peers)), func(key string) (struct{}, error) {
		return struct{}{}, mesh.Forget(ctx, k.Hosts.Host(mesh.Peers[key].Target))
	})
}
