// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package host holds the resources that declare a machine.
package host

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/node"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Ensure the resource implements what Terraform is told it does.
var (
	_ resource.ResourceWithConfigure   = &hostResource{}
	_ resource.ResourceWithImportState = &hostResource{}
	_ resource.ResourceWithIdentity    = &hostResource{}
	_ resource.ResourceWithModifyPlan  = &hostResource{}
)

// Budgets of one operation: a machine that is just booting may need minutes to
// answer, and packages have to come down a slow line.
const (
	createTimeout = 15 * time.Minute
	readTimeout   = 2 * time.Minute
	updateTimeout = 15 * time.Minute
	deleteTimeout = 5 * time.Minute
)

var objectOptions = basetypes.ObjectAsOptions{}

// NewHostResource makes an atoll_host.
func NewHostResource() resource.Resource { return &hostResource{} }

type hostResource struct {
	base.Resource
}

func (r *hostResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_host"
	resp.ResourceBehavior.MutableIdentity = true
}

func (r *hostResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = identityschema.Schema{Attributes: base.MachineIdentity()}
}

// ModifyPlan refuses at plan time what is known to fail, and keeps the id known.
func (r *hostResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.IsNull() {
		return
	}
	var connection types.Object
	resp.Diagnostics.Append(req.Plan.GetAttribute(ctx, path.Root("ssh"), &connection)...)
	if !req.State.Raw.IsNull() {
		var before types.Object
		resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root("ssh"), &before)...)
		if !base.SameMachine(before, connection) {
			resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("facts"), types.ObjectUnknown(factTypes()))...)
		}
	}
	target, known, diags := base.Target(ctx, connection)
	resp.Diagnostics.Append(diags...)
	if !known {
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("id"), types.StringUnknown())...)
		return
	}
	resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("id"), target.Host)...)
	if r.Data != nil && req.State.Raw.IsNull() {
		r.RefuseLost(target, path.Root("ssh").AtName("host"), &resp.Diagnostics)
	}
}

func (r *hostResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan hostModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := base.Deadline(ctx, plan.Timeouts.Create, createTimeout, &resp.Diagnostics)
	defer cancel()
	machine, ok := r.Machine(ctx, plan.Connection, &resp.Diagnostics)
	if !ok {
		return
	}
	if err := awaitBoot(ctx, machine); err != nil {
		base.AddError(&resp.Diagnostics, "Create", "Host "+machine.Target().Host, err)
		return
	}
	r.converge(ctx, "Create", &plan, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
	base.SetMachineIdentity(ctx, plan.Connection, resp.Identity, &resp.Diagnostics)
}

// awaitBoot waits until a machine that may be booting for the first time answers.
// That takes minutes, so nothing but the declared time-out ends it.
func awaitBoot(ctx context.Context, machine remote.Host) error {
	end, _ := ctx.Deadline()
	patience := time.Until(end)
	err := machine.Await(ctx, patience)
	if errors.Is(err, remote.ErrUnreachable) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s did not answer within timeouts.create (%s): %w", machine.Target().Address(), patience.Round(time.Second), err)
	}
	return err
}

func (r *hostResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state hostModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	// Terraform asks for it also of what leaves the state.
	base.SetMachineIdentity(ctx, state.Connection, resp.Identity, &resp.Diagnostics)
	ctx, cancel := base.Deadline(ctx, state.Timeouts.Read, readTimeout, &resp.Diagnostics)
	defer cancel()
	sight := r.Look(ctx, subject(state), state.Connection, r.manifest(ctx, state, &resp.Diagnostics), &resp.Diagnostics)
	if sight.Forget {
		resp.State.RemoveResource(ctx)
		return
	}
	if resp.Diagnostics.HasError() {
		return
	}
	state.Drift = base.Drift(sight.Drift)
	if sight.Seen {
		state.see(sight.Observation, &resp.Diagnostics)
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, state)...)
}

func (r *hostResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan hostModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := base.Deadline(ctx, plan.Timeouts.Update, updateTimeout, &resp.Diagnostics)
	defer cancel()
	planned := plan.Facts
	r.converge(ctx, "Update", &plan, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	if !planned.IsUnknown() {
		// Facts move by themselves (free space, clock); Terraform holds us to
		// the planned ones, which this run's refresh read.
		plan.Facts = planned
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
	base.SetMachineIdentity(ctx, plan.Connection, resp.Identity, &resp.Diagnostics)
}

func (r *hostResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state hostModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := base.Deadline(ctx, state.Timeouts.Delete, deleteTimeout, &resp.Diagnostics)
	defer cancel()
	r.Clear(ctx, subject(state), state.Connection, node.Owner, &resp.Diagnostics)
}

// ImportState takes "[user@]host[:port] HOST-KEY", or the same as an identity.
func (r *hostResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	target, ok := base.ImportMachine(ctx, req, &resp.Diagnostics)
	if !ok {
		return
	}
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("id"), target.Host)...)
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("ssh"), base.ConnectionFor(target))...)
	base.SetMachineIdentity(ctx, base.ConnectionFor(target), resp.Identity, &resp.Diagnostics)
}

func (r *hostResource) manifest(ctx context.Context, model hostModel, diags *diag.Diagnostics) converge.Manifest {
	manifest := model.config(ctx, diags).Manifest()
	manifest.Questions = append(manifest.Questions, converge.MachineFacts())
	return manifest
}

// converge brings the machine to the declared state and reads it back.
func (r *hostResource) converge(ctx context.Context, action string, model *hostModel, diags *diag.Diagnostics) {
	manifest := r.manifest(ctx, *model, diags)
	host, ok := r.Machine(ctx, model.Connection, diags)
	if !ok || diags.HasError() {
		return
	}
	observation, err := converge.Converge(ctx, host, manifest)
	if err != nil {
		base.AddError(diags, action, "Host "+host.Target().Host, err)
		return
	}
	model.ID = types.StringValue(host.Target().Host)
	model.Drift = base.Drift(nil)
	model.see(observation, diags)
}

// see takes over what the host said.
func (m *hostModel) see(observation converge.Observation, diags *diag.Diagnostics) {
	found, err := converge.MachineFacts().Answer(observation)
	if err != nil {
		base.AddError(diags, "Read", subject(*m), err)
		return
	}
	m.Facts = facts(found, observation.At)
}

func subject(model hostModel) string { return "Host " + model.ID.ValueString() }
