// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysql

import (
	"context"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/innodbcluster"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// clusterModel is the state of one atoll_mysql_cluster.
type clusterModel struct {
	ID                         types.String   `tfsdk:"id"`
	Name                       types.String   `tfsdk:"name"`
	Members                    types.Map      `tfsdk:"members"`
	ExpelTimeout               types.Int64    `tfsdk:"expel_timeout"`
	UnreachableMajorityTimeout types.Int64    `tfsdk:"unreachable_majority_timeout"`
	AutorejoinTries            types.Int64    `tfsdk:"autorejoin_tries"`
	Consistency                types.String   `tfsdk:"consistency"`
	ExitStateAction            types.String   `tfsdk:"exit_state_action"`
	TransactionSizeLimit       types.Int64    `tfsdk:"transaction_size_limit"`
	RecoveryMethod             types.String   `tfsdk:"recovery_method"`
	GroupName                  types.String   `tfsdk:"group_name"`
	ClusterID                  types.String   `tfsdk:"cluster_id"`
	Primary                    types.String   `tfsdk:"primary"`
	Status                     types.Map      `tfsdk:"status"`
	Lag                        types.Map      `tfsdk:"lag"`
	Routing                    types.Object   `tfsdk:"routing"`
	Drift                      types.List     `tfsdk:"drift"`
	Timeouts                   timeouts.Value `tfsdk:"timeouts"`
}

func memberType() basetypes.ObjectType { return types.ObjectType{AttrTypes: memberTypes()} }

func statusType() basetypes.ObjectType {
	return types.ObjectType{AttrTypes: map[string]attr.Type{
		"state": types.StringType, "role": types.StringType, "version": types.StringType,
	}}
}

func routingTypes() map[string]attr.Type {
	return map[string]attr.Type{
		"cluster": types.StringType, "cluster_id": types.StringType, "members": types.MapType{ElemType: memberType()},
	}
}

// routing makes the routing object of what the model holds.
func (m clusterModel) routing() types.Object {
	return types.ObjectValueMust(routingTypes(), map[string]attr.Value{
		"cluster": m.Name, "cluster_id": m.ClusterID, "members": m.Members,
	})
}

// cluster turns the model into what the plugin takes, with the machine of each
// member by its key. Of members that are not known yet nothing is in either.
func (m clusterModel) cluster(ctx context.Context, diags *diag.Diagnostics) (innodbcluster.Cluster, map[string]remote.Target) {
	cluster := innodbcluster.Cluster{
		Name: m.Name.ValueString(), Leavers: map[string]innodbcluster.Member{},
		Options: innodbcluster.Options{
			ExpelTimeout: m.ExpelTimeout.ValueInt64(), UnreachableMajorityTimeout: m.UnreachableMajorityTimeout.ValueInt64(),
			AutorejoinTries: m.AutorejoinTries.ValueInt64(), Consistency: m.Consistency.ValueString(),
			ExitStateAction: m.ExitStateAction.ValueString(), TransactionSizeLimit: m.TransactionSizeLimit.ValueInt64(),
			RecoveryMethod: m.RecoveryMethod.ValueString(),
		},
	}
	var targets map[string]remote.Target
	cluster.Members, targets = members(ctx, m.Members, diags)
	return cluster, targets
}

// members reads a map of member objects.
func members(ctx context.Context, value types.Map, diags *diag.Diagnostics) (map[string]innodbcluster.Member, map[string]remote.Target) {
	found, targets := map[string]innodbcluster.Member{}, map[string]remote.Target{}
	for key, element := range value.Elements() {
		object, ok := element.(types.Object)
		if !ok || object.IsNull() || object.IsUnknown() {
			continue
		}
		var one memberModel
		diags.Append(object.As(ctx, &one, basetypes.ObjectAsOptions{})...)
		target, known, problems := base.Target(ctx, one.Connection)
		diags.Append(problems...)
		if !known || one.Address.IsUnknown() || one.Port.IsUnknown() || one.ServerID.IsUnknown() {
			continue
		}
		found[key] = innodbcluster.Member{Address: one.Address.ValueString(), Port: int(one.Port.ValueInt64()), ServerID: one.ServerID.ValueInt64()}
		targets[key] = target
	}
	return found, targets
}

// anyOnline says whether a member was in the group at the last look.
func (m clusterModel) anyOnline() bool {
	for _, element := range m.Status.Elements() {
		member, _ := element.(types.Object)
		if state, _ := member.Attributes()["state"].(types.String); state.ValueString() == "ONLINE" {
			return true
		}
	}
	return false
}

// see takes over what the servers said.
func (m *clusterModel) see(situation innodbcluster.Situation) {
	m.GroupName, m.ClusterID = types.StringValue(situation.GroupName), types.StringValue(situation.ClusterID)
	m.Primary = types.StringValue(situation.Primary)
	status, lag := map[string]attr.Value{}, map[string]attr.Value{}
	for _, key := range slices.Sorted(maps.Keys(situation.Members)) {
		member := situation.Members[key]
		status[key] = types.ObjectValueMust(statusType().AttrTypes, map[string]attr.Value{
			"state": types.StringValue(member.State), "role": types.StringValue(member.Role), "version": types.StringValue(member.Version),
		})
		lag[key] = types.Int64Value(member.Lag)
	}
	m.Status, m.Lag = types.MapValueMust(statusType(), status), types.MapValueMust(types.Int64Type, lag)
	m.Drift = base.Drift(situation.Drift)
	m.Routing = m.routing()
}
