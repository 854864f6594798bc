// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysql

import (
	"context"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/preflight"
)

// refuseJoins looks at the servers before they are first joined, and refuses what
// would fail or lose rows. One that cannot be asked now is met by the apply.
func (k *clusterKind) refuseJoins(ctx context.Context, change *base.Change[clusterModel]) {
	if change.Diagnostics.HasError() || k.Data == nil || k.Pending != "" || change.Plan.Members.IsUnknown() {
		return
	}
	members, targets := membersOf(change.Plan.Members)
	online := []string{}
	if change.State != nil {
		online = change.State.online()
	}
	news := []string{}
	for key, member := range members {
		if !slices.Contains(online, member.Endpoint()) && (change.State == nil || !declaredBefore(change.State, key)) {
			news = append(news, key)
		}
	}
	if len(news) == 0 {
		return
	}
	looked := lookAt(ctx, k.Data, targets)
	if err := preflight.Refusal(preflight.Joining(looked)); err != nil {
		change.Diagnostics.AddAttributeError(path.Root("members"), "Servers Cannot Be One Cluster", "members: "+err.Error())
		return
	}
	for _, replaced := range preflight.Replaced(looked) {
		if !slices.Contains(news, replaced.Server) {
			continue
		}
		change.Diagnostics.AddAttributeWarning(path.Root("members"), "A Copy Replaces Data", "members: "+replaced.String()+".")
	}
}

// refuseMode looks at the servers before each of them takes writes, and refuses what
// they would not take then. The apply looks again.
func (k *clusterKind) refuseMode(ctx context.Context, change *base.Change[clusterModel]) {
	plan, state := change.Plan, change.State
	if change.Diagnostics.HasError() || k.Data == nil || k.Pending != "" || !plan.multiPrimary() || state != nil && state.multiPrimary() && len(state.Drift.Elements()) == 0 {
		return
	}
	_, targets := membersOf(plan.Members)
	if err := preflight.Refusal(preflight.MultiPrimary(lookAt(ctx, k.Data, targets))); err != nil {
		change.Diagnostics.AddAttributeError(path.Root("mode"), "Not Every Member Can Take Writes", "mode = \"multi-primary\": "+err.Error())
	}
}

// declaredBefore says whether the state has a member by that name.
func declaredBefore(state *clusterModel, key string) bool {
	_, there := state.Members.Elements()[key]
	return there
}
