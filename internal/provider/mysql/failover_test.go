// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysql

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/model/group"
)

// Failover decides what is not written, and what is written wins.
func TestClusterFollowsFailover(t *testing.T) {
	written := clusterModel{ExpelTimeout: types.Int64Null(), Consistency: types.StringNull()}
	for name, want := range group.Failovers {
		plan := clusterModel{Failover: types.StringValue(name), ExpelTimeout: types.Int64Unknown(), Consistency: types.StringUnknown()}
		plan.follow(&written)
		if plan.ExpelTimeout.ValueInt64() != want.ExpelTimeout || plan.ExpelTimeout.IsUnknown() || plan.Consistency.ValueString() != want.Consistency || plan.UnreachableMajorityTimeout.ValueInt64() != want.ExpelTimeout+15 {
			t.Errorf("%s: %s, %s, %s", name, plan.ExpelTimeout, plan.Consistency, plan.UnreachableMajorityTimeout)
		}
	}
	later := clusterModel{Failover: types.StringUnknown()}
	later.follow(&written)
	if !later.ExpelTimeout.IsUnknown() || !later.Consistency.IsUnknown() || !later.UnreachableMajorityTimeout.IsUnknown() {
		t.Errorf("while failover is not known: %s, %s, %s", later.ExpelTimeout, later.Consistency, later.UnreachableMajorityTimeout)
	}
	own := clusterModel{Failover: types.StringValue("fast"), ExpelTimeout: types.Int64Value(7), Consistency: types.StringValue("AFTER")}
	own.UnreachableMajorityTimeout = types.Int64Value(0)
	own.follow(&own)
	if own.ExpelTimeout.ValueInt64() != 7 || own.UnreachableMajorityTimeout.ValueInt64() != 0 || own.Consistency.ValueString() != "AFTER" {
		t.Errorf("what is written: %s, %s, %s", own.ExpelTimeout, own.Consistency, own.UnreachableMajorityTimeout)
	}
	half := clusterModel{Failover: types.StringValue("fast"), ExpelTimeout: types.Int64Value(7), UnreachableMajorityTimeout: types.Int64Null()}
	half.follow(&half)
	if half.UnreachableMajorityTimeout.ValueInt64() != 22 {
		t.Errorf("expel_timeout is written: %s", half.UnreachableMajorityTimeout)
	}
}

func TestRouterFollowsFailover(t *testing.T) {
	routing := func(connect, read attr.Value) types.Object {
		return types.ObjectValueMust(map[string]attr.Type{"connect_timeout": types.Int64Type, "read_timeout": types.Int64Type}, map[string]attr.Value{"connect_timeout": connect, "read_timeout": read})
	}
	written := routerModel{ConnectTime: types.Int64Null(), ReadTime: types.Int64Null()}
	for _, row := range []struct{ connect, read, wantConnect, wantRead types.Int64 }{
		{types.Int64Value(1), types.Int64Value(4), types.Int64Value(1), types.Int64Value(4)},
		{types.Int64Null(), types.Int64Null(), types.Int64Value(2), types.Int64Value(3)},
		{types.Int64Unknown(), types.Int64Value(4), types.Int64Unknown(), types.Int64Value(4)},
	} {
		plan := routerModel{Cluster: routing(row.connect, row.read)}
		plan.follow(&written)
		if !plan.ConnectTime.Equal(row.wantConnect) || !plan.ReadTime.Equal(row.wantRead) {
			t.Errorf("%s and %s: %s, %s", row.connect, row.read, plan.ConnectTime, plan.ReadTime)
		}
	}
	own := routerModel{Cluster: routing(types.Int64Value(1), types.Int64Value(1)), ConnectTime: types.Int64Value(7), ReadTime: types.Int64Value(8)}
	own.follow(&own)
	if own.ConnectTime.ValueInt64() != 7 || own.ReadTime.ValueInt64() != 8 {
		t.Errorf("what is written: %s, %s", own.ConnectTime, own.ReadTime)
	}
}
