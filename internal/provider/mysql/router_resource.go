// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysql

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/innodbcluster"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlrouter"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Ensure the resource implements what Terraform is told it does.
var (
	_ resource.ResourceWithConfigure   = &routerResource{}
	_ resource.ResourceWithImportState = &routerResource{}
	_ resource.ResourceWithIdentity    = &routerResource{}
	_ resource.ResourceWithModifyPlan  = &routerResource{}
)

// NewRouterResource makes an atoll_mysql_router.
func NewRouterResource() resource.Resource { return &routerResource{} }

type routerResource struct {
	base.Resource
}

func (r *routerResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_mysql_router"
	resp.ResourceBehavior.MutableIdentity = true
}

func (r *routerResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = identityschema.Schema{Attributes: base.MachineIdentity()}
}

// ModifyPlan keeps known what follows from the configuration.
func (r *routerResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.IsNull() {
		return
	}
	var plan, state routerModel
	resp.Diagnostics.Append(resp.Plan.Get(ctx, &plan)...)
	creating := req.State.Raw.IsNull()
	if !creating {
		resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	}
	target, known, diags := base.Target(ctx, plan.Connection)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	if !known {
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("id"), types.StringUnknown())...)
		resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root("version"), types.StringUnknown())...)
		return
	}
	if creating && r.Data != nil {
		r.RefuseLost(target, path.Root("ssh").AtName("host"), &resp.Diagnostics)
	}
	plan.ID = types.StringValue(target.Host)
	ports, portsKnown := plan.ports(ctx, &resp.Diagnostics)
	if portsKnown {
		if ports.ReadWrite == ports.ReadOnly || ports.ReadOnly == ports.ReadWriteSplit || ports.ReadWrite == ports.ReadWriteSplit {
			resp.Diagnostics.AddAttributeError(path.Root("ports"), "Ports Collide", "read_write, read_only and read_write_split need three different ports.")
		}
		plan.Endpoints = plan.endpoints(ports)
	}
	switch {
	case creating:
	case base.DriftCodes(ctx, req.Private, state.Drift, &resp.Diagnostics).Has(installing...) || state.Version.IsNull() || !base.SameMachine(state.Connection, plan.Connection):
		plan.Version = types.StringUnknown()
	default:
		plan.Version = state.Version
	}
	resp.Diagnostics.Append(resp.Plan.Set(ctx, plan)...)
}

func (r *routerResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan routerModel
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

func (r *routerResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state routerModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	// Terraform asks for it also of what leaves the state.
	base.SetMachineIdentity(ctx, state.Connection, resp.Identity, &resp.Diagnostics)
	if state.Cluster.IsNull() { // just imported: the cluster stands in the configuration
		return
	}
	ctx, cancel := base.Deadline(ctx, state.Timeouts.Read, readTimeout, &resp.Diagnostics)
	defer cancel()
	config, _ := state.config(ctx, r.Data, &resp.Diagnostics)
	sight := r.Look(ctx, routerSubject(state), state.Connection, config.Manifest(true), &resp.Diagnostics)
	if sight.Forget || sight.Seen && !sight.Observation.Recorded() {
		resp.State.RemoveResource(ctx)
		return
	}
	if resp.Diagnostics.HasError() {
		return
	}
	drift := sight.Drift
	if sight.Seen {
		status, err := mysqlrouter.ReadStatus(sight.Observation)
		if err != nil {
			base.AddError(&resp.Diagnostics, "Read", routerSubject(state), err)
			return
		}
		drift = append(drift, config.Drift(status)...)
		if status.Version != "" {
			state.Version = types.StringValue(status.Version)
		}
	}
	state.Drift = base.Drift(drift)
	base.KeepDrift(ctx, resp.Private, drift, &resp.Diagnostics)
	resp.Diagnostics.Append(resp.State.Set(ctx, state)...)
}

func (r *routerResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan routerModel
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

func (r *routerResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state routerModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := base.Deadline(ctx, state.Timeouts.Delete, deleteTimeout, &resp.Diagnostics)
	defer cancel()
	config, cluster := state.config(ctx, r.Data, &resp.Diagnostics)
	host, ok := r.Machine(ctx, state.Connection, &resp.Diagnostics)
	if !ok || resp.Diagnostics.HasError() {
		return
	}
	if err := config.Remove(ctx, host, cluster); err != nil {
		base.AddError(&resp.Diagnostics, "Delete", routerSubject(state), err)
	}
}

// ImportState takes "[user@]host[:port] HOST-KEY", or the same as an identity.
// The cluster and the ports stand in the configuration; the first apply
// compares the machine with them.
func (r *routerResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	target, ok := base.ImportMachine(ctx, req, &resp.Diagnostics)
	if !ok {
		return
	}
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("id"), target.Host)...)
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("ssh"), base.ConnectionFor(target))...)
	base.SetMachineIdentity(ctx, base.ConnectionFor(target), resp.Identity, &resp.Diagnostics)
}

func (r *routerResource) converge(ctx context.Context, action string, model *routerModel, diags *diag.Diagnostics) {
	config, cluster := model.config(ctx, r.Data, diags)
	host, ok := r.Machine(ctx, model.Connection, diags)
	if !ok || diags.HasError() {
		return
	}
	status, err := config.Converge(ctx, host, cluster)
	if err != nil {
		base.AddError(diags, action, routerSubject(*model), err)
		return
	}
	model.ID = types.StringValue(config.Address)
	model.Version = types.StringValue(status.Version)
	model.Drift = base.Drift(nil)
	if ports, known := model.ports(ctx, diags); known {
		model.Endpoints = model.endpoints(ports)
	}
}

func routerSubject(model routerModel) string { return "MySQL Router on " + model.ID.ValueString() }

// routerPorts are the local ports with their defaults filled in.
type routerPorts struct{ ReadWrite, ReadOnly, ReadWriteSplit int64 }

func (m routerModel) ports(ctx context.Context, diags *diag.Diagnostics) (routerPorts, bool) {
	ports := routerPorts{6446, 6447, 6450}
	if m.Ports.IsUnknown() {
		return ports, false
	}
	if m.Ports.IsNull() {
		return ports, true
	}
	var given portsModel
	diags.Append(m.Ports.As(ctx, &given, basetypes.ObjectAsOptions{})...)
	if given.ReadWrite.IsUnknown() || given.ReadOnly.IsUnknown() || given.ReadWriteSplit.IsUnknown() {
		return ports, false
	}
	return routerPorts{given.ReadWrite.ValueInt64(), given.ReadOnly.ValueInt64(), given.ReadWriteSplit.ValueInt64()}, true
}

func (m routerModel) endpoints(ports routerPorts) types.Object {
	at := func(port int64) attr.Value { return types.StringValue(endpoint(m.BindAddress.ValueString(), port)) }
	return types.ObjectValueMust(endpointTypes(), map[string]attr.Value{
		"read_write": at(ports.ReadWrite), "read_only": at(ports.ReadOnly), "read_write_split": at(ports.ReadWriteSplit),
	})
}

// config turns the model into what the plugin takes, and the cluster as its
// members are reached. Members on machines declared lost are left out.
func (m routerModel) config(ctx context.Context, data *base.Data, diags *diag.Diagnostics) (mysqlrouter.Config, mysqlrouter.Cluster) {
	var routing routingModel
	diags.Append(m.Cluster.As(ctx, &routing, basetypes.ObjectAsOptions{})...)
	ports, _ := m.ports(ctx, diags)
	target, _, problems := base.Target(ctx, m.Connection)
	diags.Append(problems...)
	config := mysqlrouter.Config{
		Address: target.Host, ClusterID: routing.ClusterID.ValueString(), BindAddress: m.BindAddress.ValueString(),
		ReadWrite: ports.ReadWrite, ReadOnly: ports.ReadOnly, ReadWriteSplit: ports.ReadWriteSplit,
		ConnectTimeout: m.ConnectTime.ValueInt64(), ReadTimeout: m.ReadTime.ValueInt64(), After: base.MeshUnit(routing.mesh()),
	}
	found, targets := members(ctx, routing.Members, diags)
	cluster := mysqlrouter.Cluster{Cluster: innodbcluster.Cluster{Name: routing.Cluster.ValueString(), Members: found}, Hosts: map[string]remote.Host{}}
	for key, target := range targets {
		if !data.Lost[target.Host] {
			cluster.Hosts[key] = data.Hosts.Host(target)
		}
	}
	return config, cluster
}

// mesh is the one that the members' addresses belong to.
func (m routingModel) mesh() string {
	for _, element := range m.Members.Elements() {
		if object, ok := element.(types.Object); ok {
			if mesh, ok := object.Attributes()["mesh"].(types.String); ok && mesh.ValueString() != "" {
				return mesh.ValueString()
			}
		}
	}
	return ""
}
