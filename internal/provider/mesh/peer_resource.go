// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package mesh holds the resources of the tinc mesh: a peer is tinc on one
// node, the mesh is the relation between all of them.
package mesh

import (
	"context"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/tinc"
)

// Ensure the resource implements what Terraform is told it does.
var (
	_ resource.ResourceWithConfigure   = &peerResource{}
	_ resource.ResourceWithImportState = &peerResource{}
	_ resource.ResourceWithIdentity    = &peerResource{}
	_ resource.ResourceWithModifyPlan  = &peerResource{}
)

// Budgets of one operation: a package has to come down a slow line, and an RSA
// key of 4096 bits takes a small machine up to half a minute.
const (
	createTimeout = 15 * time.Minute
	readTimeout   = 2 * time.Minute
	updateTimeout = 15 * time.Minute
	deleteTimeout = 5 * time.Minute
)

// NewPeerResource makes an atoll_mesh_peer.
func NewPeerResource() resource.Resource { return &peerResource{} }

type peerResource struct {
	base.Resource
}

func (r *peerResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_mesh_peer"
	resp.ResourceBehavior.MutableIdentity = true
}

func (r *peerResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = identityschema.Schema{Attributes: base.NodeIdentity("Mesh and name of the peer, such as site/hk1.")}
}

// ModifyPlan keeps what can be known known, so that a change of one node does
// not ripple through the whole site, and refuses what is known to fail.
func (r *peerResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.IsNull() {
		return
	}
	var plan, state peerModel
	resp.Diagnostics.Append(resp.Plan.Get(ctx, &plan)...)
	if !req.State.Raw.IsNull() {
		resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	}
	target, known, diags := base.Target(ctx, plan.Connection)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	creating := req.State.Raw.IsNull()
	if r.Data != nil && creating && known {
		r.RefuseLost(target, path.Root("ssh").AtName("host"), &resp.Diagnostics)
	}
	if plan.Endpoint.IsUnknown() && known {
		plan.Endpoint = types.StringValue(target.Host)
	}
	if !plan.Mesh.IsUnknown() && !plan.Name.IsUnknown() {
		plan.ID = types.StringValue(plan.Mesh.ValueString() + "/" + plan.Name.ValueString())
	}
	key := types.StringUnknown()
	if !creating && base.SameMachine(state.Connection, plan.Connection) && plan.ID.Equal(state.ID) &&
		!makesKey(base.DriftCodes(ctx, req.Private, state.Drift, &resp.Diagnostics)) && state.publicKey().ValueString() != "" {
		key = state.publicKey()
	}
	// An object with unknown values in it, never an unknown object: the mesh's
	// map would not take that.
	plan.Peer = plan.export(key)
	resp.Diagnostics.Append(resp.Plan.Set(ctx, plan)...)
}

// makesKey says whether apply may make a new key.
func makesKey(drift base.Codes) bool { return drift.Has(tinc.CodePrivateKey) }

func (r *peerResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan peerModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := base.Deadline(ctx, plan.Timeouts.Create, createTimeout, &resp.Diagnostics)
	defer cancel()
	r.converge(ctx, "Create", &plan, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
	base.SetNodeIdentity(ctx, plan.ID.ValueString(), plan.Connection, resp.Identity, &resp.Diagnostics)
}

func (r *peerResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state peerModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	// Terraform asks for it also of what leaves the state.
	base.SetNodeIdentity(ctx, state.ID.ValueString(), state.Connection, resp.Identity, &resp.Diagnostics)
	ctx, cancel := base.Deadline(ctx, state.Timeouts.Read, readTimeout, &resp.Diagnostics)
	defer cancel()
	sight := r.Look(ctx, subject(state), state.Connection, state.manifest(&resp.Diagnostics), &resp.Diagnostics)
	if sight.Forget || sight.Seen && !sight.Observation.Recorded() {
		resp.State.RemoveResource(ctx)
		return
	}
	if resp.Diagnostics.HasError() {
		return
	}
	state.Drift = base.Drift(sight.Drift)
	base.KeepDrift(ctx, resp.Private, sight.Drift, &resp.Diagnostics)
	if sight.Seen {
		state.see(sight.Observation, &resp.Diagnostics)
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, state)...)
}

func (r *peerResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan peerModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := base.Deadline(ctx, plan.Timeouts.Update, updateTimeout, &resp.Diagnostics)
	defer cancel()
	r.converge(ctx, "Update", &plan, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
	base.SetNodeIdentity(ctx, plan.ID.ValueString(), plan.Connection, resp.Identity, &resp.Diagnostics)
}

func (r *peerResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state peerModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := base.Deadline(ctx, state.Timeouts.Delete, deleteTimeout, &resp.Diagnostics)
	defer cancel()
	host, ok := r.Machine(ctx, state.Connection, &resp.Diagnostics)
	if !ok {
		return
	}
	// A mesh that it has left in this run may have waited for this moment.
	err := r.Departures.Leave(ctx, state.Mesh.ValueString(), host.Target().Host)
	if err == nil {
		err = state.node().Remove(ctx, host)
	}
	if err != nil && base.Judge(err) != base.Forget {
		base.AddError(&resp.Diagnostics, "Delete", subject(state), err)
	}
}

// ImportState takes "MESH/NAME [user@]host[:port] HOST-KEY", or the same as an
// identity. The address is read from the machine.
func (r *peerResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	id, target, ok := base.ImportNode(ctx, req, &resp.Diagnostics)
	if !ok {
		return
	}
	net, name, found := strings.Cut(id, "/")
	if !found {
		resp.Diagnostics.AddError("Unable to Import", "The name \""+id+"\" has to be MESH/NAME, such as site/hk1.")
		return
	}
	found2, err := tinc.Find(ctx, r.Hosts.Host(target), net)
	if err != nil {
		base.AddError(&resp.Diagnostics, "Import", "Mesh Peer "+id, err)
		return
	}
	model := peerModel{
		ID: types.StringValue(id), Connection: base.ConnectionFor(target), Mesh: types.StringValue(net), Name: types.StringValue(name),
		Address: types.StringValue(found2.Address), Endpoint: types.StringValue(found2.Endpoint),
		Port: types.Int64Value(int64(found2.Port)), MTU: types.Int64Value(int64(found2.MTU)), Drift: base.Drift(nil),
		Timeouts: base.NoTimeouts(),
	}
	model.Peer = model.export(types.StringValue(found2.PublicKey))
	resp.Diagnostics.Append(resp.State.Set(ctx, model)...)
	base.SetNodeIdentity(ctx, id, model.Connection, resp.Identity, &resp.Diagnostics)
}

// converge brings the node to the declared state and takes over its public key.
func (r *peerResource) converge(ctx context.Context, action string, model *peerModel, diags *diag.Diagnostics) {
	host, ok := r.Machine(ctx, model.Connection, diags)
	manifest := model.manifest(diags)
	if !ok || diags.HasError() {
		return
	}
	observation, err := converge.Converge(ctx, host, manifest)
	if err != nil {
		base.AddError(diags, action, subject(*model), err)
		return
	}
	model.Drift = base.Drift(nil)
	model.see(observation, diags)
}

func (m peerModel) node() tinc.Node {
	return tinc.Node{
		Mesh: m.Mesh.ValueString(), Name: m.Name.ValueString(), Address: m.Address.ValueString(),
		Endpoint: m.Endpoint.ValueString(), Port: int(m.Port.ValueInt64()), MTU: int(m.MTU.ValueInt64()),
	}
}

func (m peerModel) manifest(diags *diag.Diagnostics) converge.Manifest {
	manifest, err := m.node().Manifest()
	if err != nil {
		base.AddError(diags, "Declare", subject(m), err)
	}
	return manifest
}

// see takes over the public key that the node has now.
func (m *peerModel) see(observation converge.Observation, diags *diag.Diagnostics) {
	key, err := m.node().PublicKey(observation)
	if err != nil {
		base.AddError(diags, "Read", subject(*m), err)
		return
	}
	if key != "" {
		m.Peer = m.export(types.StringValue(key))
	}
}

func subject(model peerModel) string { return "Mesh Peer " + model.ID.ValueString() }
