// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysql

import (
	"cmp"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/atollhq/terraform-provider-atoll/internal/model/group"
	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/innodbcluster"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// clusterModel is the state of one atoll_mysql_cluster.
type clusterModel struct {
	base.Relation
	Members                    types.Map    `tfsdk:"members"`
	Failover                   types.String `tfsdk:"failover"`
	ExpelTimeout               types.Int64  `tfsdk:"expel_timeout"`
	UnreachableMajorityTimeout types.Int64  `tfsdk:"unreachable_majority_timeout"`
	AutorejoinTries            types.Int64  `tfsdk:"autorejoin_tries"`
	Consistency                types.String `tfsdk:"consistency"`
	ExitStateAction            types.String `tfsdk:"exit_state_action"`
	TransactionSizeLimit       types.Int64  `tfsdk:"transaction_size_limit"`
	RecoveryMethod             types.String `tfsdk:"recovery_method"`
	AllowFullStop              types.Bool   `tfsdk:"allow_full_stop"`
	SingleLeader               types.Bool   `tfsdk:"single_leader"`
	ImportFrom                 types.Object `tfsdk:"import_from"`
	QuorumSurvivors            types.Set    `tfsdk:"quorum_survivors"`
	HiddenMembers              types.Set    `tfsdk:"hidden_members"`
	DrainingMembers            types.Set    `tfsdk:"draining_members"`
	Routers                    types.Set    `tfsdk:"routers"`
	RoutingOptions             types.Object `tfsdk:"routing_options"`
	MetadataVersion            types.String `tfsdk:"metadata_version"`
	Mode                       types.String `tfsdk:"mode"`
	Weights                    types.Map    `tfsdk:"weights"`
	RotateRecoveryAccounts     types.String `tfsdk:"rotate_recovery_accounts"`
	GroupName                  types.String `tfsdk:"group_name"`
	ClusterID                  types.String `tfsdk:"cluster_id"`
	Primary                    types.String `tfsdk:"primary"`
	Status                     types.Map    `tfsdk:"status"`
	Routing                    types.Object `tfsdk:"routing"`
}

// Subject names the cluster in diagnostics.
func (m *clusterModel) Subject() string { return "MySQL Cluster " + m.Name.ValueString() }

// Imported says whether the state knows no members yet.
func (m *clusterModel) Imported() bool { return m.Members.IsNull() }

func statusType() basetypes.ObjectType {
	return types.ObjectType{AttrTypes: map[string]attr.Type{
		"state": types.StringType, "role": types.StringType, "version": types.StringType,
	}}
}

func routingTypes() map[string]attr.Type {
	return map[string]attr.Type{
		"cluster": types.StringType, "cluster_id": types.StringType, "connect_timeout": base.Integer{}, "read_timeout": base.Integer{}, "members": types.MapType{ElemType: memberType()},
	}
}

// follow fills in what failover decides and the configuration leaves to it.
func (m *clusterModel) follow(written *clusterModel) {
	decided, known := group.Failovers[m.Failover.ValueString()]
	if written.ExpelTimeout.IsNull() {
		m.ExpelTimeout = base.Keep(known, types.Int64Value(decided.ExpelTimeout), types.Int64Unknown())
	}
	if written.Consistency.IsNull() {
		m.Consistency = base.Keep(known, types.StringValue(decided.Consistency), types.StringUnknown())
	}
	if written.UnreachableMajorityTimeout.IsNull() {
		m.UnreachableMajorityTimeout = base.Keep(!m.ExpelTimeout.IsUnknown(), types.Int64Value(m.ExpelTimeout.ValueInt64()+group.Resign), types.Int64Unknown())
	}
}

// routing makes the routing object of what the model holds.
func (m *clusterModel) routing() types.Object {
	known := !m.Failover.IsUnknown()
	decided := group.Failovers[cmp.Or(m.Failover.ValueString(), group.DefaultFailover)]
	return types.ObjectValueMust(routingTypes(), map[string]attr.Value{
		"cluster": m.Name, "cluster_id": m.ClusterID, "members": routed(m.Members),
		"connect_timeout": base.Keep(known, types.Int64Value(decided.ConnectTimeout), types.Int64Unknown()),
		"read_timeout":    base.Keep(known, types.Int64Value(decided.ReadTimeout), types.Int64Unknown()),
	})
}

// declared is the cluster as the plugin takes it, with the machine of each member
// by its key. Of members that are not known yet nothing is in either.
func (m *clusterModel) declared() (innodbcluster.Cluster, map[string]remote.Target) {
	members, targets := membersOf(m.Members)
	return innodbcluster.Cluster{
		Name: m.Name.ValueString(), ID: m.ClusterID.ValueString(), Members: members, Leavers: map[string]innodbcluster.Member{}, Mesh: commonMesh(m.Members),
		Options: innodbcluster.Options{
			ExpelTimeout: m.ExpelTimeout.ValueInt64(), UnreachableMajorityTimeout: m.UnreachableMajorityTimeout.ValueInt64(),
			AutorejoinTries: m.AutorejoinTries.ValueInt64(), Consistency: m.Consistency.ValueString(),
			ExitStateAction: m.ExitStateAction.ValueString(), TransactionSizeLimit: m.TransactionSizeLimit.ValueInt64(),
			RecoveryMethod: m.RecoveryMethod.ValueString(), AllowFullStop: m.AllowFullStop.ValueBool(), SingleLeader: onOff(m.SingleLeader),
			Primary: m.Primary.ValueString(), QuorumSurvivors: names(m.QuorumSurvivors), Hidden: names(m.HiddenMembers), Draining: names(m.DrainingMembers),
			Routers: declaredRouters(m.Routers), Routing: routingOptions(m.RoutingOptions, types.ObjectNull(nil)), MetadataVersion: m.MetadataVersion.ValueString(),
			MultiPrimary: m.multiPrimary(), Weights: weights(m.Weights),
		},
	}, targets
}

func (m *clusterModel) multiPrimary() bool { return m.Mode.ValueString() == multiPrimary }

const multiPrimary = "multi-primary"

// onOff is MySQL's word for it; "" for what is not declared.
func onOff(value types.Bool) string {
	switch {
	case value.IsNull() || value.IsUnknown():
		return ""
	case value.ValueBool():
		return "ON"
	}
	return "OFF"
}

// weights are the known ones by the keys of members; nil where none are declared.
func weights(value types.Map) map[string]int64 {
	if value.IsNull() || value.IsUnknown() {
		return nil
	}
	known := map[string]int64{}
	for key, element := range value.Elements() {
		if number, _ := element.(types.Int64); !number.IsNull() && !number.IsUnknown() {
			known[key] = number.ValueInt64()
		}
	}
	return known
}

// leader is the member that is declared to take writes; nil where that is left open.
func leader(declared types.String) []string {
	if declared.ValueString() == "" {
		return nil
	}
	return []string{declared.ValueString()}
}

// names are the known ones of a set; nil for one that is not declared.
func names(value types.Set) []string {
	if value.IsNull() || value.IsUnknown() {
		return nil
	}
	list := []string{}
	for _, element := range value.Elements() {
		if name, _ := element.(types.String); name.ValueString() != "" {
			list = append(list, name.ValueString())
		}
	}
	return list
}

// online are the endpoints of the members that were in the group at the last
// refresh.
func (m *clusterModel) online() []string {
	var online []string
	members, _ := endpointsOf(m.Members)
	for key, element := range m.Status.Elements() {
		object, _ := element.(types.Object)
		member, declared := members[key]
		if declared && base.Member[types.String](object, "state").ValueString() == "ONLINE" {
			online = append(online, member.Endpoint())
		}
	}
	slices.Sort(online)
	return online
}

// read takes over what the servers said. A cluster that nobody knows now keeps
// the identity that it had.
func (m *clusterModel) read(diagnosis innodbcluster.Diagnosis) {
	if diagnosis.ClusterID != "" {
		m.GroupName, m.ClusterID = types.StringValue(diagnosis.GroupName), types.StringValue(diagnosis.ClusterID)
	}
	if !diagnosis.Unasked || m.Primary.IsNull() { // who led before may do so now
		m.Primary = types.StringValue(diagnosis.Primary)
	}
	status := map[string]attr.Value{}
	for key, member := range diagnosis.Members {
		status[key] = types.ObjectValueMust(statusType().AttrTypes, map[string]attr.Value{
			"state": types.StringValue(member.State), "role": types.StringValue(member.Role), "version": types.StringValue(member.Version),
		})
	}
	m.Status = types.MapValueMust(statusType(), status)
	m.Routing = m.routing()
}
