// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/linode"
)

// Ensure the resource implements what Terraform is told it does.
var (
	_ resource.ResourceWithConfigure   = &firewallResource{}
	_ resource.ResourceWithImportState = &firewallResource{}
	_ resource.ResourceWithIdentity    = &firewallResource{}
	_ resource.ResourceWithModifyPlan  = &firewallResource{}
)

// firewallTimeout of any operation: a few requests, which a limit may delay.
const firewallTimeout = 10 * time.Minute

// NewFirewallResource makes an atoll_linode_firewall.
func NewFirewallResource() resource.Resource { return &firewallResource{} }

type firewallResource struct {
	base.Resource
}

func (r *firewallResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_linode_firewall"
}

func (r *firewallResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"id": identityschema.StringAttribute{RequiredForImport: true, Description: "Linode's number of the firewall."},
	}}
}

// ModifyPlan refuses rules that make no sense.
func (r *firewallResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.IsNull() {
		return
	}
	var plan firewallModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if !resp.Diagnostics.HasError() && plan.known(ctx) {
		plan.rules(ctx, &resp.Diagnostics)
	}
}

func (r *firewallResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan firewallModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	wall := plan.wall(ctx, &resp.Diagnostics)
	client := r.account("Create", plan.subject(), &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := base.Deadline(ctx, plan.Timeouts.Create, firewallTimeout, &resp.Diagnostics)
	defer cancel()
	journal := orders()
	id, err := client.CreateFirewall(ctx, wall, journal)
	if id != 0 {
		plan.ID, plan.Drift = types.StringValue(strconv.Itoa(id)), base.Drift(nil)
		resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
		setIdentity(ctx, plan.ID, resp.Identity, &resp.Diagnostics)
	}
	if err != nil {
		addError(&resp.Diagnostics, "Create", plan.subject(), err)
		return
	}
	r.readBack(ctx, client, "Create", &plan, &resp.Diagnostics)
	resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
	journal.End("firewall " + wall.Label)
}

// account is the client of the provider block, or an error.
func (r *firewallResource) account(action, subject string, diags *diag.Diagnostics) *linode.Client {
	client, err := r.Linode()
	if err != nil {
		addError(diags, action, subject, err)
	}
	return client
}

// readBack fills the model from the account, and finds what did not come about.
func (r *firewallResource) readBack(ctx context.Context, client *linode.Client, action string, model *firewallModel, diags *diag.Diagnostics) {
	id, _ := strconv.Atoi(model.ID.ValueString()) // ours
	seen, err := client.Firewall(ctx, id)
	if err != nil {
		addError(diags, action, model.subject(), err)
		return
	}
	model.see(ctx, seen, diags)
	if lines := model.Drift.Elements(); len(lines) > 0 && !diags.HasError() {
		diags.AddError("Unable to "+action+" "+model.subject(), "After the change the account still shows "+lines[0].String()+". Apply again; if it stays, something else changes the firewall.")
	}
}

func (r *firewallResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state firewallModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	setIdentity(ctx, state.ID, resp.Identity, &resp.Diagnostics)
	client := r.account("Read", state.subject(), &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := base.Deadline(ctx, state.Timeouts.Read, firewallTimeout, &resp.Diagnostics)
	defer cancel()
	id, _ := strconv.Atoi(state.ID.ValueString()) // ours, or checked at import
	seen, err := client.Firewall(ctx, id)
	switch {
	case errors.Is(err, linode.ErrNotFound):
		resp.State.RemoveResource(ctx)
		return
	case err != nil:
		addError(&resp.Diagnostics, "Read", state.subject(), err)
		return
	}
	state.see(ctx, seen, &resp.Diagnostics)
	resp.Diagnostics.Append(resp.State.Set(ctx, state)...)
}

func (r *firewallResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, state firewallModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	wall := plan.wall(ctx, &resp.Diagnostics)
	client := r.account("Update", plan.subject(), &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := base.Deadline(ctx, plan.Timeouts.Update, firewallTimeout, &resp.Diagnostics)
	defer cancel()
	plan.ID = state.ID
	id, _ := strconv.Atoi(state.ID.ValueString()) // ours
	if err := client.UpdateFirewall(ctx, id, wall, state.attached(ctx, &resp.Diagnostics)); err != nil {
		addError(&resp.Diagnostics, "Update", plan.subject(), err)
		return
	}
	r.readBack(ctx, client, "Update", &plan, &resp.Diagnostics)
	resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
	setIdentity(ctx, plan.ID, resp.Identity, &resp.Diagnostics)
}

func (r *firewallResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state firewallModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	client := r.account("Delete", state.subject(), &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := base.Deadline(ctx, state.Timeouts.Delete, firewallTimeout, &resp.Diagnostics)
	defer cancel()
	id, _ := strconv.Atoi(state.ID.ValueString()) // ours
	if err := client.DeleteFirewall(ctx, id, state.attached(ctx, &resp.Diagnostics)); err != nil {
		addError(&resp.Diagnostics, "Delete", state.subject(), err)
	}
}

// ImportState takes the firewall's number or its label.
func (r *firewallResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	id := req.ID
	if id == "" {
		resp.Diagnostics.Append(req.Identity.GetAttribute(ctx, path.Root("id"), &id)...)
	}
	if _, err := strconv.Atoi(id); err != nil && !resp.Diagnostics.HasError() {
		client := r.account("Import", "Linode Firewall "+id, &resp.Diagnostics)
		if resp.Diagnostics.HasError() {
			return
		}
		wall, found, err := client.FirewallLabelled(ctx, id)
		if err == nil && !found {
			err = errors.New("the account has no firewall of that label. The import id is a number or a label")
		}
		if err != nil {
			addError(&resp.Diagnostics, "Import", "Linode Firewall "+id, err)
			return
		}
		id = strconv.Itoa(wall.ID)
	}
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("id"), id)...)
	setIdentity(ctx, types.StringValue(id), resp.Identity, &resp.Diagnostics)
}
