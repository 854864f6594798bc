// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysql

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/action/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework/action"
	"github.com/hashicorp/terraform-plugin-framework/action/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/innodbcluster"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// byHand carries an action on a cluster, of which M is the configuration. Each is an
// order to the cluster, carried out by the operations of an apply.
type byHand[M ordered] struct{ base.Action }

// ordered is the configuration of an action on a cluster.
type ordered interface{ order() order }

// order is what an action was told.
type order struct {
	innodbcluster.Order
	cluster types.Object
	// members are the names of members that it gives, by their attributes.
	members  map[string][]string
	timeouts timeouts.Value
	// action is the verb of its diagnostics, subject what stands behind it; before is
	// what is said first, "" for nothing.
	action, subject, before string
}

// subjectOf names the cluster in diagnostics.
func subjectOf(cluster types.Object) string {
	return "MySQL Cluster " + base.Member[types.String](cluster, "cluster").ValueString()
}

// read gets the order, and finds what is wrong with the members of its cluster and
// with the names of members.
func (a *byHand[M]) read(ctx context.Context, get func(context.Context, any) diag.Diagnostics, diags *diag.Diagnostics) order {
	var model M
	diags.Append(get(ctx, &model)...)
	if diags.HasError() {
		return order{}
	}
	read := model.order()
	at := path.Root("cluster").AtName("members")
	members := base.Member[types.Map](read.cluster, "members")
	checkMembers(members, at, diags)
	if read.cluster.IsUnknown() || members.IsUnknown() {
		return read
	}
	for attribute, names := range read.members {
		for _, name := range names {
			if _, found := members.Elements()[name]; !found && name != "" {
				here := path.Root(attribute)
				diags.AddAttributeError(here, "Not a Member", fmt.Sprintf("%s%s is not a key of the cluster's members.", here, base.Shown(name)))
			}
		}
	}
	return read
}

// ValidateConfig refuses what is known to be no member.
func (a *byHand[M]) ValidateConfig(ctx context.Context, req action.ValidateConfigRequest, resp *action.ValidateConfigResponse) {
	a.read(ctx, req.Config.Get, &resp.Diagnostics)
}

// ModifyPlan refuses the same of what is known by now.
func (a *byHand[M]) ModifyPlan(ctx context.Context, req action.ModifyPlanRequest, resp *action.ModifyPlanResponse) {
	a.read(ctx, req.Config.Get, &resp.Diagnostics)
}

// Invoke gives the order to the cluster and shows what is done.
func (a *byHand[M]) Invoke(ctx context.Context, req action.InvokeRequest, resp *action.InvokeResponse) {
	order := a.read(ctx, req.Config.Get, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	timeout, problems := order.timeouts.Invoke(ctx, budgets.Update)
	resp.Diagnostics.Append(problems...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	tell := func(message string) { resp.SendProgress(action.InvokeProgressEvent{Message: message}) }
	if order.before != "" {
		tell(order.before)
	}
	cluster, targets := order.declared()
	hosts := map[string]remote.Host{}
	for key, target := range targets {
		hosts[key] = a.Hosts.Host(target) // one that is declared lost says so itself
	}
	did, err := innodbcluster.Carry(ctx, cluster, hosts, order.Order, tell)
	switch {
	case err != nil:
		base.AddError(&resp.Diagnostics, order.action, order.subject, err)
	case did:
		tell("done: " + order.Fulfilled())
	default:
		tell("nothing was to be done: " + order.Fulfilled())
	}
}

// declared is the cluster as the plugin takes it, with the machine of each member.
func (o order) declared() (innodbcluster.Cluster, map[string]remote.Target) {
	declared := base.Member[types.Map](o.cluster, "members")
	members, targets := membersOf(declared)
	return innodbcluster.Cluster{
		Name: base.Member[types.String](o.cluster, "cluster").ValueString(), ID: base.Member[types.String](o.cluster, "cluster_id").ValueString(),
		Members: members, Mesh: commonMesh(declared),
	}, targets
}

// needs tells those who have another Terraform what becomes of an action there.
const needs = " Needs Terraform 1.14: an older one, and OpenTofu, know no action blocks, and everything else of the provider works there. A single action block stops every command of such a program in its directory, so keep them in a file of their own, which is left out for it."

// orderedCluster is the attribute by which an action takes its cluster.
func orderedCluster() schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		Required:    true,
		Description: "The cluster: the routing of an atoll_mysql_cluster, taken whole.",
		Attributes: map[string]schema.Attribute{
			"cluster":    schema.StringAttribute{Required: true, Description: "Name of the cluster.", Validators: []validator.String{base.Matching(clusterPattern, clusterMessage)}},
			"cluster_id": schema.StringAttribute{Required: true, Description: "UUID of the cluster in its metadata.", Validators: []validator.String{base.Line()}},
			"members": schema.MapAttribute{
				Required: true, ElementType: memberType(), Description: "The members of the cluster, by name.",
				Validators: []validator.Map{
					mapvalidator.SizeBetween(1, 9), mapvalidator.KeysAre(base.Line()),
					base.Whole{Of: "member of an atoll_mysql_server", Needs: []string{"address", "port", "server_id", "ssh.host"}},
				},
			},
		},
	}
}
