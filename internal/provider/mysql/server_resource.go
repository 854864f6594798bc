// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package mysql holds the resources of the database: a server is mysqld on one
// node, the cluster is the relation between servers, a router stands beside an
// application.
package mysql

import (
	"context"
	"net"
	"strconv"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqld"
)

// Ensure the resource implements what Terraform is told it does.
var (
	_ resource.ResourceWithConfigure   = &serverResource{}
	_ resource.ResourceWithImportState = &serverResource{}
	_ resource.ResourceWithIdentity    = &serverResource{}
	_ resource.ResourceWithModifyPlan  = &serverResource{}
)

// Budgets of one operation: hundreds of megabytes of packages, a crash recovery
// before the first answer, a clone of the whole data.
const (
	createTimeout = 30 * time.Minute
	readTimeout   = 2 * time.Minute
	updateTimeout = 30 * time.Minute
	deleteTimeout = 15 * time.Minute
)

// NewServerResource makes an atoll_mysql_server.
func NewServerResource() resource.Resource { return &serverResource{} }

type serverResource struct {
	base.Resource
}

func (r *serverResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_mysql_server"
	resp.ResourceBehavior.MutableIdentity = true
}

func (r *serverResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = identityschema.Schema{Attributes: base.MachineIdentity()}
}

func (r *serverResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan serverModel
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
	base.SetMachineIdentity(ctx, plan.Connection, resp.Identity, &resp.Diagnostics)
}

func (r *serverResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan serverModel
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
	base.SetMachineIdentity(ctx, plan.Connection, resp.Identity, &resp.Diagnostics)
}

func endpoint(address string, port int64) string {
	return net.JoinHostPort(address, strconv.FormatInt(port, 10))
}

func optional(text string) types.String {
	if text == "" {
		return types.StringNull()
	}
	return types.StringValue(text)
}

func subject(model serverModel) string { return "MySQL Server " + model.ID.ValueString() }

// ModifyPlan keeps known what can be known, and refuses what cannot work.
func (r *serverResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.IsNull() {
		return
	}
	var plan, state serverModel
	resp.Diagnostics.Append(resp.Plan.Get(ctx, &plan)...)
	creating := req.State.Raw.IsNull()
	if !creating {
		resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	}
	if resp.Diagnostics.HasError() {
		return
	}
	if plan.ServerID.IsUnknown() && !plan.Address.IsUnknown() {
		id, made := defaultServerID(plan.Address.ValueString())
		if !made {
			resp.Diagnostics.AddAttributeError(path.Root("server_id"), "Missing Server ID",
				"address = \""+plan.Address.ValueString()+"\" is not an IPv4 address, so no server_id can be made of it. Set server_id to a number that no other member has.")
			return
		}
		plan.ServerID = types.Int64Value(id)
	}
	if !plan.Address.IsUnknown() && !plan.Port.IsUnknown() {
		plan.ID = types.StringValue(endpoint(plan.Address.ValueString(), plan.Port.ValueInt64()))
	}
	plan.Member = plan.member()
	keep := !creating && !base.DriftCodes(ctx, req.Private, state.Drift, &resp.Diagnostics).Has(renewing...) && base.SameMachine(state.Connection, plan.Connection)
	if keep {
		plan.Version, plan.ServerUUID = state.Version, state.ServerUUID
	} else {
		// Drift alone does not make the framework forget computed values.
		plan.Version, plan.ServerUUID = types.StringUnknown(), types.StringUnknown()
	}
	switch {
	case !plan.MemoryMiB.IsNull():
		plan.SizedFor = plan.MemoryMiB
	case keep && state.MemoryMiB.IsNull():
		plan.SizedFor = state.SizedFor
	default:
		plan.SizedFor = types.Int64Unknown()
	}
	resp.Diagnostics.Append(resp.Plan.Set(ctx, plan)...)
	r.refuse(ctx, plan, state, creating, &resp.Diagnostics)
}

// installing are the codes of drift for which apply installs the package,
// renewing those for which version, UUID or sizing may be other ones afterwards.
var (
	installing = []converge.Code{converge.CodeNotInstalled, converge.CodeHalfInstalled}
	renewing   = append([]converge.Code{mysqld.CodeNoData, mysqld.CodeForeignUUID, mysqld.CodeMemory}, installing...)
)

// refuse finds at plan time what cannot work: settings that the cluster needs
// otherwise, and a machine that is too small. A machine that does not answer
// now is asked again by the apply.
func (r *serverResource) refuse(ctx context.Context, plan, state serverModel, creating bool, diags *diag.Diagnostics) {
	if plan.Settings.IsUnknown() || plan.MemoryMiB.IsUnknown() {
		return
	}
	config := plan.config(ctx, diags)
	for _, problem := range mysqld.CheckSettings(config.Own) {
		diags.AddAttributeError(path.Root("settings"), "Invalid Setting", problem.Error())
	}
	target, known, problems := base.Target(ctx, plan.Connection)
	diags.Append(problems...)
	if diags.HasError() || !known || r.Data == nil {
		return
	}
	if creating {
		r.RefuseLost(target, path.Root("ssh").AtName("host"), diags)
	}
	if r.Lost[target.Host] || !creating && plan.Settings.Equal(state.Settings) && plan.MemoryMiB.Equal(state.MemoryMiB) {
		return
	}
	survey, err := config.Look(ctx, r.Hosts.Host(target))
	if err != nil {
		return
	}
	for _, problem := range config.Check(survey) {
		diags.AddAttributeError(path.Root("ssh"), "Machine Cannot Carry the Server", plan.ID.ValueString()+" on "+target.Host+": "+problem.Error()+".")
	}
}

func (r *serverResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state serverModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	// Terraform asks for it also of what leaves the state.
	base.SetMachineIdentity(ctx, state.Connection, resp.Identity, &resp.Diagnostics)
	ctx, cancel := base.Deadline(ctx, state.Timeouts.Read, readTimeout, &resp.Diagnostics)
	defer cancel()
	config := state.config(ctx, &resp.Diagnostics)
	sight := r.Look(ctx, subject(state), state.Connection, config.Manifest(), &resp.Diagnostics)
	if sight.Forget || sight.Seen && !sight.Observation.Recorded() {
		resp.State.RemoveResource(ctx)
		return
	}
	if resp.Diagnostics.HasError() {
		return
	}
	drift := sight.Drift
	if sight.Seen {
		status, lines, err := config.DriftOf(sight.Observation)
		if err != nil {
			base.AddError(&resp.Diagnostics, "Read", subject(state), err)
			return
		}
		drift = append(drift, lines...)
		state.see(status)
	}
	state.Drift = base.Drift(drift)
	base.KeepDrift(ctx, resp.Private, drift, &resp.Diagnostics)
	resp.Diagnostics.Append(resp.State.Set(ctx, state)...)
}

func (r *serverResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state serverModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	host, ok := r.Machine(ctx, state.Connection, &resp.Diagnostics)
	if !ok || resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := base.Deadline(ctx, state.Timeouts.Delete, deleteTimeout, &resp.Diagnostics)
	defer cancel()
	if err := mysqld.Remove(ctx, host, state.DeleteData.ValueBool()); err != nil && base.Judge(err) != base.Forget {
		base.AddError(&resp.Diagnostics, "Delete", subject(state), err)
	}
}

// ImportState takes "[user@]host[:port] HOST-KEY", or the same as an identity.
// The declaration is read back from the machine.
func (r *serverResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	target, ok := base.ImportMachine(ctx, req, &resp.Diagnostics)
	if !ok {
		return
	}
	config, err := mysqld.Find(ctx, r.Hosts.Host(target))
	if err != nil {
		base.AddError(&resp.Diagnostics, "Import", "MySQL Server on "+target.Host, err)
		return
	}
	model := serverModel{
		ID: types.StringValue(endpoint(config.Address, int64(config.Port))), Connection: base.ConnectionFor(target),
		Mesh: optional(base.MeshOf(config.After)), Address: types.StringValue(config.Address), Port: types.Int64Value(int64(config.Port)),
		ServerID: types.Int64Value(config.ServerID), Package: types.StringNull(), Settings: types.MapNull(types.StringType),
		DeleteData: types.BoolValue(false), Version: types.StringValue(config.Version.String()), ServerUUID: types.StringNull(),
		MemoryMiB: types.Int64Null(), SizedFor: types.Int64Value(int64(config.MemoryBytes >> 20)), Drift: base.Drift(nil), Timeouts: base.NoTimeouts(),
	}
	if len(config.Own) > 0 {
		settings, problems := types.MapValueFrom(ctx, types.StringType, config.Own)
		resp.Diagnostics.Append(problems...)
		model.Settings = settings
	}
	model.Member = model.member()
	resp.Diagnostics.Append(resp.State.Set(ctx, model)...)
	base.SetMachineIdentity(ctx, model.Connection, resp.Identity, &resp.Diagnostics)
}

// converge brings the server to the declared state and takes over what it says.
func (r *serverResource) converge(ctx context.Context, action string, model *serverModel, diags *diag.Diagnostics) {
	config := model.config(ctx, diags)
	host, ok := r.Machine(ctx, model.Connection, diags)
	if !ok || diags.HasError() {
		return
	}
	settled, status, err := config.Converge(ctx, host)
	if err != nil {
		base.AddError(diags, action, subject(*model), err)
		return
	}
	model.Drift = base.Drift(nil)
	model.SizedFor = types.Int64Value(int64(settled.MemoryBytes >> 20))
	model.Member = model.member()
	model.see(status)
}
