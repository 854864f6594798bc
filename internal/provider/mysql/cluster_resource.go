// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysql

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/innodbcluster"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Ensure the resource implements what Terraform is told it does.
var (
	_ resource.ResourceWithConfigure   = &clusterResource{}
	_ resource.ResourceWithImportState = &clusterResource{}
	_ resource.ResourceWithIdentity    = &clusterResource{}
	_ resource.ResourceWithModifyPlan  = &clusterResource{}
)

// NewClusterResource makes an atoll_mysql_cluster.
func NewClusterResource() resource.Resource { return &clusterResource{} }

type clusterResource struct {
	base.Resource
}

func (r *clusterResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_mysql_cluster"
}

func (r *clusterResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"name": identityschema.StringAttribute{RequiredForImport: true, Description: "Name of the cluster."},
	}}
}

// ModifyPlan refuses what cannot work, warns of even numbers, and keeps known
// what an update does not change.
func (r *clusterResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.IsNull() {
		return
	}
	var plan, state clusterModel
	resp.Diagnostics.Append(resp.Plan.Get(ctx, &plan)...)
	creating := req.State.Raw.IsNull()
	if !creating {
		resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	}
	if resp.Diagnostics.HasError() {
		return
	}
	cluster, _ := plan.cluster(ctx, &resp.Diagnostics)
	for _, problem := range cluster.Validate() {
		resp.Diagnostics.AddAttributeError(path.Root("members"), "Cluster Cannot Work", problem.Error()+".")
	}
	if count := len(plan.Members.Elements()); !plan.Members.IsUnknown() && count%2 == 0 {
		resp.Diagnostics.AddAttributeWarning(path.Root("members"), "Even Number of Members",
			fmt.Sprintf("members has %d entries: that survives no more failures than %d would. Declare an odd number, 3 or more.", count, count-1))
	}
	plan.ID = plan.Name
	if !creating && (len(state.Drift.Elements()) > 0 || !plan.Members.Equal(state.Members)) {
		plan.Status, plan.Primary, plan.Lag = types.MapUnknown(statusType()), types.StringUnknown(), types.MapUnknown(types.Int64Type)
	}
	if !creating && (state.ClusterID.ValueString() == "" || len(state.Drift.Elements()) > 0 && !state.anyOnline()) {
		// The group may have to be made anew, as when all machines were reinstalled.
		plan.ClusterID, plan.GroupName = types.StringUnknown(), types.StringUnknown()
	}
	plan.Routing = plan.routing()
	resp.Diagnostics.Append(resp.Plan.Set(ctx, plan)...)
}

func (r *clusterResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan clusterModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := base.Deadline(ctx, plan.Timeouts.Create, createTimeout, &resp.Diagnostics)
	defer cancel()
	r.converge(ctx, "Create", &plan, clusterModel{}, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
	resp.Diagnostics.Append(resp.Identity.SetAttribute(ctx, path.Root("name"), plan.Name)...)
}

func (r *clusterResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state clusterModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	// Terraform asks for it also of what leaves the state.
	resp.Diagnostics.Append(resp.Identity.SetAttribute(ctx, path.Root("name"), state.Name)...)
	if state.Members.IsNull() { // just imported: the members stand in the configuration
		return
	}
	ctx, cancel := base.Deadline(ctx, state.Timeouts.Read, readTimeout, &resp.Diagnostics)
	defer cancel()
	cluster, targets := state.cluster(ctx, &resp.Diagnostics)
	seen := innodbcluster.Observe(ctx, r.hosts(targets))
	asked := r.judge(cluster, targets, seen, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	situation := innodbcluster.Diagnose(cluster, seen)
	if asked && !situation.Found {
		resp.State.RemoveResource(ctx)
		return
	}
	before := state
	state.see(situation)
	if situation.ClusterID == "" {
		state.ClusterID, state.GroupName = before.ClusterID, before.GroupName
		state.Routing = state.routing()
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, state)...)
}

// judge warns of machines that do not answer and reports what is worse. asked
// says whether every member that is not lost was heard.
func (r *clusterResource) judge(cluster innodbcluster.Cluster, targets map[string]remote.Target, seen map[string]innodbcluster.Seen, diags *diag.Diagnostics) (asked bool) {
	asked = true
	for key := range cluster.Members {
		one := seen[key]
		switch {
		case r.Lost[targets[key].Host]:
			seen[key] = innodbcluster.Seen{Err: &remote.Error{Kind: remote.ErrLost, Address: targets[key].Address()}}
		case one.Err != nil && base.Judge(one.Err) == base.KeepAsDrift:
			asked = false
			base.WarnUnreachable(diags, "MySQL Cluster "+cluster.Name+" on "+key, one.Err)
		case one.Err != nil:
			base.AddError(diags, "Read", "MySQL Cluster "+cluster.Name+" on "+key, one.Err)
		case !one.Answers:
			asked = false
		}
	}
	return asked
}

func (r *clusterResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, state clusterModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := base.Deadline(ctx, plan.Timeouts.Update, updateTimeout, &resp.Diagnostics)
	defer cancel()
	planned := plan
	r.converge(ctx, "Update", &plan, state, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	// Terraform holds us to what was planned as known; a role may have moved
	// since this run's refresh.
	if !planned.Status.IsUnknown() {
		plan.Status, plan.Primary, plan.Lag = planned.Status, planned.Primary, planned.Lag
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
	resp.Diagnostics.Append(resp.Identity.SetAttribute(ctx, path.Root("name"), plan.Name)...)
}

func (r *clusterResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state clusterModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := base.Deadline(ctx, state.Timeouts.Delete, deleteTimeout, &resp.Diagnostics)
	defer cancel()
	cluster, targets := state.cluster(ctx, &resp.Diagnostics)
	if err := innodbcluster.Dissolve(ctx, cluster, r.hosts(targets)); err != nil {
		base.AddError(&resp.Diagnostics, "Delete", "MySQL Cluster "+cluster.Name, err)
	}
}

// ImportState takes the name of the cluster, or the same as an identity. Nothing
// is contacted: the members stand in the configuration.
func (r *clusterResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	name := types.StringValue(req.ID)
	if req.ID == "" {
		resp.Diagnostics.Append(req.Identity.GetAttribute(ctx, path.Root("name"), &name)...)
	}
	if !clusterPattern.MatchString(name.ValueString()) {
		resp.Diagnostics.AddError("Unable to Import", "The import id \""+name.ValueString()+"\" is not the name of a cluster.")
		return
	}
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("id"), name)...)
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("name"), name)...)
	resp.Diagnostics.Append(resp.Identity.SetAttribute(ctx, path.Root("name"), name)...)
}

// hosts are the machines of targets, without those declared lost.
func (r *clusterResource) hosts(targets map[string]remote.Target) map[string]remote.Host {
	hosts := map[string]remote.Host{}
	for key, target := range targets {
		if !r.Lost[target.Host] {
			hosts[key] = r.Hosts.Host(target)
		}
	}
	return hosts
}

// converge brings the cluster to the plan; before holds the members so far, of
// which those that are not declared any more leave.
func (r *clusterResource) converge(ctx context.Context, action string, plan *clusterModel, before clusterModel, diags *diag.Diagnostics) {
	cluster, targets := plan.cluster(ctx, diags)
	former, formerTargets := members(ctx, before.Members, diags)
	if diags.HasError() {
		return
	}
	subject := "MySQL Cluster " + cluster.Name
	hosts := r.hosts(targets)
	var lost []string
	for key := range cluster.Members {
		if hosts[key] == nil {
			lost = append(lost, key)
		}
	}
	if len(lost) > 0 {
		base.AddError(diags, action, subject, errors.Join(remote.ErrLost, fmt.Errorf("members %s", strings.Join(lost, ", "))))
		return
	}
	for key, member := range former {
		if endpoint := member.Endpoint(); !declared(cluster, endpoint) && !r.Lost[formerTargets[key].Host] {
			cluster.Leavers[endpoint] = member
			hosts[endpoint] = r.Hosts.Host(formerTargets[key])
		}
	}
	situation, err := innodbcluster.Converge(ctx, cluster, hosts)
	if err != nil {
		base.AddError(diags, action, subject, err)
		return
	}
	plan.ID = plan.Name
	plan.see(situation)
}

func declared(cluster innodbcluster.Cluster, endpoint string) bool {
	for _, member := range cluster.Members {
		if member.Endpoint() == endpoint {
			return true
		}
	}
	return false
}
