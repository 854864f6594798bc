// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package mesh holds the resources of the tinc mesh: a peer is tinc on one
// node, the mesh is the relation between all of them.
package mesh

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/tinc"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// budgets of one operation: a package has to come down a slow line, and an RSA
// key of 4096 bits takes a small machine up to half a minute.
var budgets = base.Budgets{Create: 15 * time.Minute, Read: 2 * time.Minute, Update: 15 * time.Minute, Delete: 5 * time.Minute}

// NewPeerResource makes an atoll_mesh_peer.
func NewPeerResource() resource.Resource { return base.NewNode(&peerKind{}) }

type peerKind struct{ base.Configured }

func (k *peerKind) Traits() base.Traits {
	return base.Traits{
		Type: "mesh_peer", ID: "Mesh and name, such as \"site/hk1\".", Name: "Mesh and name of the peer, as MESH/NAME, such as site/hk1.",
		Renaming: "the node would leave its mesh and come back with another key, and whatever is reached by it would be away meanwhile",
		Drift:    "file /etc/tinc/site/tinc.conf: content differs", Budgets: budgets,
	}
}

// Plan keeps what can be known known.
func (k *peerKind) Plan(ctx context.Context, change *base.Change[peerModel]) {
	plan, state := change.Plan, change.State
	if change.Config.Endpoint.IsNull() {
		plan.Endpoint = base.Keep(change.Reachable, types.StringValue(change.Target.Host), types.StringUnknown())
	}
	plan.check(change)
	k.foresee(ctx, change)
	key := types.StringUnknown()
	if change.Same && plan.ID.Equal(state.ID) && state.publicKey().ValueString() != "" && !change.Drifted(tinc.CodePrivateKey) {
		key = state.publicKey()
	}
	// An object with unknown values in it, never an unknown object: so much of
	// the mesh can be planned.
	plan.Peer = plan.export(key)
}

func (k *peerKind) Observe(ctx context.Context, host remote.Host, model *peerModel) (base.Observed, error) {
	manifest, err := model.declared().Manifest()
	if err != nil {
		return base.Observed{}, err
	}
	observation, observed, err := base.Observe(ctx, host, manifest)
	if err != nil {
		return observed, err
	}
	key, err := model.declared().PublicKey(observation)
	if err == nil {
		err = model.read(observation)
	}
	// A node that was made by hand and imported has no record of ours yet.
	observed.Absent = observed.Absent && key == ""
	return observed, err
}

// Converge takes over a node that somebody else has made only where it was asked
// for, by an import.
func (k *peerKind) Converge(ctx context.Context, host remote.Host, before, model *peerModel) error {
	manifest, err := model.declared().Manifest()
	switch {
	case err != nil:
	case before == nil:
		err = model.declared().Claim(ctx, host)
	case !before.Port.Equal(model.Port):
		// The tincd that runs goes on where it is.
		err = model.declared().Vacant(ctx, host)
	}
	if err != nil {
		return err
	}
	observation, err := converge.Converge(ctx, host, manifest)
	if err == nil {
		err = model.declared().Seated(ctx, host)
	}
	if err == nil {
		err = model.read(observation)
	}
	return err
}

func (k *peerKind) Remove(ctx context.Context, host remote.Host, model *peerModel) error {
	// A mesh that it has left in this run may have waited for this moment.
	if err := k.Departures.Leave(ctx, model.Mesh.ValueString(), host.Target().Host); err != nil {
		return err
	}
	return model.declared().Remove(ctx, host)
}

// Find reads the node from its machine.
func (k *peerKind) Find(ctx context.Context, host remote.Host, id string, model *peerModel) error {
	model.ID = types.StringValue(id)
	mesh, name, whole := strings.Cut(id, "/")
	if !whole {
		return errors.New("the name \"" + id + "\" has to be MESH/NAME, such as site/hk1")
	}
	found, err := tinc.Find(ctx, host, mesh, name)
	if err != nil {
		return err
	}
	if found.Endpoint == "" { // one that only the others' host files have
		found.Endpoint = host.Target().Host
	}
	model.Mesh, model.Name = types.StringValue(mesh), types.StringValue(name)
	model.Address, model.Endpoint = types.StringValue(found.Address), types.StringValue(found.Endpoint)
	model.Port, model.MTU = types.Int64Value(int64(found.Port)), types.Int64Value(int64(found.MTU))
	model.Peer = model.export(types.StringValue(found.PublicKey))
	return nil
}
