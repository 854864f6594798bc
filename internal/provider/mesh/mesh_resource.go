// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mesh

import (
	"context"
	"errors"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Ensure the resource implements what Terraform is told it does.
var (
	_ resource.ResourceWithConfigure   = &meshResource{}
	_ resource.ResourceWithImportState = &meshResource{}
	_ resource.ResourceWithIdentity    = &meshResource{}
	_ resource.ResourceWithModifyPlan  = &meshResource{}
)

// NewMeshResource makes an atoll_mesh.
func NewMeshResource() resource.Resource { return &meshResource{} }

type meshResource struct {
	base.Resource
}

func (r *meshResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_mesh"
}

func (r *meshResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"name": identityschema.StringAttribute{RequiredForImport: true, Description: "Name of the mesh."},
	}}
}

// ModifyPlan refuses what cannot work before anything is touched, and plans the
// full mesh: a link that is missing shows as an update of links.
func (r *meshResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.IsNull() {
		return
	}
	var plan meshModel
	resp.Diagnostics.Append(resp.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if !plan.Name.IsUnknown() {
		plan.ID = plan.Name
	}
	mesh, _ := plan.mesh(ctx, &resp.Diagnostics)
	if !plan.CIDR.IsUnknown() {
		if err := mesh.Validate(); err != nil {
			resp.Diagnostics.AddAttributeError(path.Root("peers"), "Mesh Cannot Work", err.Error())
			return
		}
	}
	if !plan.Peers.IsUnknown() {
		plan.Links = plan.fullMesh()
	}
	resp.Diagnostics.Append(resp.Plan.Set(ctx, plan)...)
}

func (r *meshResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan meshModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := base.Deadline(ctx, plan.Timeouts.Create, createTimeout, &resp.Diagnostics)
	defer cancel()
	r.converge(ctx, "Create", &plan, nil, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
	resp.Diagnostics.Append(resp.Identity.SetAttribute(ctx, path.Root("name"), plan.Name)...)
}

func (r *meshResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state meshModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	// Terraform asks for it also of what leaves the state.
	resp.Diagnostics.Append(resp.Identity.SetAttribute(ctx, path.Root("name"), state.Name)...)
	ctx, cancel := base.Deadline(ctx, state.Timeouts.Read, readTimeout, &resp.Diagnostics)
	defer cancel()
	if state.imported() {
		resp.Diagnostics.Append(resp.State.Set(ctx, state)...)
		return
	}
	leaving := readLeaving(ctx, req.Private, &resp.Diagnostics)
	view := r.look(ctx, &state, leaving, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	if view.gone() {
		resp.State.RemoveResource(ctx)
		return
	}
	if len(view.leaving) < len(leaving) {
		writeLeaving(ctx, resp.Private, view.leaving, &resp.Diagnostics)
	}
	state.Drift = base.Drift(view.drift)
	state.Links = view.links(state.Links)
	resp.Diagnostics.Append(resp.State.Set(ctx, state)...)
}

func (r *meshResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, state meshModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := base.Deadline(ctx, plan.Timeouts.Update, updateTimeout, &resp.Diagnostics)
	defer cancel()
	before, _ := state.mesh(ctx, &resp.Diagnostics)
	declared, _ := plan.mesh(ctx, &resp.Diagnostics)
	before = with(before, readLeaving(ctx, req.Private, &resp.Diagnostics))
	if resp.Diagnostics.HasError() {
		return
	}
	leaving, cut := r.part(ctx, before.Peers, declared)
	r.converge(ctx, "Update", &plan, leaving, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	r.forget(ctx, before, cut, &resp.Diagnostics)
	writeLeaving(ctx, resp.Private, leaving, &resp.Diagnostics)
	resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
	resp.Diagnostics.Append(resp.Identity.SetAttribute(ctx, path.Root("name"), plan.Name)...)
}

func (r *meshResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state meshModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := base.Deadline(ctx, state.Timeouts.Delete, deleteTimeout, &resp.Diagnostics)
	defer cancel()
	mesh, _ := state.mesh(ctx, &resp.Diagnostics)
	mesh = with(mesh, readLeaving(ctx, req.Private, &resp.Diagnostics))
	for key, cleared := range r.clear(ctx, mesh) {
		if cleared.Err != nil && !errors.Is(cleared.Err, remote.ErrLost) {
			base.AddError(&resp.Diagnostics, "Delete", "Mesh "+mesh.Name+" on "+key, cleared.Err)
		}
	}
}

// ImportState takes the name of the mesh, or the same as an identity. Nothing
// is contacted: the machines stand in the configuration, and the first apply
// compares each with it.
func (r *meshResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	name := types.StringValue(req.ID)
	if req.ID == "" {
		resp.Diagnostics.Append(req.Identity.GetAttribute(ctx, path.Root("name"), &name)...)
	}
	if resp.Diagnostics.HasError() {
		return
	}
	if !netPattern.MatchString(name.ValueString()) {
		resp.Diagnostics.AddError("Unable to Import", "The import id \""+name.ValueString()+"\" is not the name of a mesh: it "+netMessage+".")
		return
	}
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("id"), name)...)
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("name"), name)...)
	resp.Diagnostics.Append(resp.Identity.SetAttribute(ctx, path.Root("name"), name)...)
}

// imported says whether the state comes from an import, which knows no peers.
func (m meshModel) imported() bool { return m.Peers.IsNull() }
