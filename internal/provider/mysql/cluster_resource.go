// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysql

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/innodbcluster"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// NewClusterResource makes an atoll_mysql_cluster.
func NewClusterResource() resource.Resource { return base.NewRelation(&clusterKind{}) }

type clusterKind struct{ base.Configured }

func (k *clusterKind) Traits() base.Traits {
	return base.Traits{
		Type: "mysql_cluster", ID: "Name of the cluster.", Name: "Name of the cluster.",
		Drift: "hk2: OFFLINE, want ONLINE", Budgets: budgets,
	}
}

// CheckName holds what an import names against the form of a cluster's name.
func (k *clusterKind) CheckName(name string) error {
	if !clusterPattern.MatchString(name) {
		return errors.New("it " + clusterMessage)
	}
	return nil
}

// Plan refuses what cannot work, warns of even numbers, and keeps known what an
// update does not change.
func (k *clusterKind) Plan(ctx context.Context, change *base.Change[clusterModel]) {
	plan := change.Plan
	before := types.MapNull(exportedType())
	if change.State != nil {
		before = change.State.Members
	}
	plan.Members = keepCreated(plan.Members, change.Config.Members, before)
	plan.follow(change.Config)
	cluster, _ := plan.declared()
	checkMembers(plan.Members, path.Root("members"), change.Diagnostics)
	for _, problem := range cluster.Validate() {
		change.Diagnostics.AddAttributeError(path.Root("members"), "Cluster Cannot Work", base.Sentence(problem))
	}
	if count := len(plan.Members.Elements()); !plan.Members.IsUnknown() && count > 0 && count%2 == 0 {
		change.Diagnostics.AddAttributeWarning(path.Root("members"), "Even Number of Members",
			fmt.Sprintf("members has %d entries: that survives no more failures than %d would. Declare an odd number, 3 or more.", count, count-1))
	}
	if change.Replacing {
		change.Diagnostics.AddAttributeWarning(path.Root("name"), "The Whole Group Stops",
			fmt.Sprintf("name was %q and is to be %q: the group is dissolved and formed again by that name, with the data that it has. Until that is done, and the routers are at work again, no application has a database.", change.State.Name.ValueString(), plan.Name.ValueString()))
	}
	planPatience(change)
	planMachines(change)
	planCourse(change)
	planConsents(change)
	if k.Data != nil {
		k.Listed.List(plan.Name.ValueString(), labels(plan.Routers))
		k.Leaders.List(plan.Name.ValueString(), leader(change.Config.Primary))
	}
	k.announce(ctx, change)
	if state := change.State; state != nil {
		drifted := len(state.Drift.Elements()) > 0
		if drifted || !plan.Members.Equal(state.Members) || !plan.SingleLeader.Equal(state.SingleLeader) {
			plan.Status = types.MapUnknown(statusType())
			if change.Config.Primary.IsNull() {
				plan.Primary = types.StringUnknown()
			}
		}
		if state.ClusterID.ValueString() == "" || drifted && change.Drifted(innodbcluster.StateUnknown.Code(), innodbcluster.StateHalfMade.Code()) {
			// It may have to be made anew, as when all machines were reinstalled.
			plan.ClusterID, plan.GroupName = types.StringUnknown(), types.StringUnknown()
		}
	}
	plan.Routing = plan.routing()
	k.refuseJoins(ctx, change)
	k.refuseSource(ctx, change)
	k.refuseMode(ctx, change)
}

// Observe asks all members. The cluster is gone when each that is not lost
// answered and none knows of it.
func (k *clusterKind) Observe(ctx context.Context, run *base.Run, model *clusterModel) base.Observed {
	cluster, targets := model.declared()
	cluster.Options.Primary = "" // the state has the one that was, the plan the declared one
	seen := cluster.Examine(ctx, k.Reachable(targets))
	asked := true
	for _, key := range slices.Sorted(maps.Keys(cluster.Members)) {
		one := seen[key]
		switch {
		case k.Lost[targets[key].Host]:
			seen[key] = innodbcluster.Observation{Err: &remote.Error{Kind: remote.ErrLost, Address: targets[key].Address()}}
		case one.Err != nil:
			asked = false
			k.Unheard(run, model.Subject()+" on "+key, targets[key], one.Err)
		case !one.Answers:
			asked = false
		}
	}
	diagnosis := innodbcluster.Diagnose(cluster, seen)
	if asked && !diagnosis.Found {
		return base.Observed{Absent: true}
	}
	model.read(diagnosis)
	return base.Observed{Drift: diagnosis.Drift()}
}

// Converge brings the cluster to the declared state. Members that are declared
// no more leave.
func (k *clusterKind) Converge(ctx context.Context, run *base.Run, before, model *clusterModel) {
	k.Accounts.End()
	cluster, targets := model.declared()
	cluster.Options.Routing = routingOptions(model.RoutingOptions, before.RoutingOptions)
	if before.Members.IsNull() {
		cluster.Options.ImportFrom = sourceOf(base.Written[clusterModel](ctx, run).ImportFrom)
	}
	hosts := k.Reachable(targets)
	lost := slices.DeleteFunc(slices.Sorted(maps.Keys(cluster.Members)), func(key string) bool { return hosts[key] != nil })
	if len(lost) > 0 {
		run.Fail(model.Subject(), errors.Join(remote.ErrLost, fmt.Errorf("members %s", strings.Join(lost, ", "))))
		return
	}
	former, formerTargets := membersOf(before.Members)
	for key, member := range former {
		if endpoint := member.Endpoint(); !declares(cluster, endpoint) && !k.Lost[formerTargets[key].Host] {
			cluster.Leavers[endpoint] = member
			hosts[endpoint] = k.Hosts.Host(formerTargets[key])
		}
	}
	diagnosis, err := innodbcluster.Converge(ctx, cluster, hosts)
	if err == nil && !before.Members.IsNull() && !before.RotateRecoveryAccounts.Equal(model.RotateRecoveryAccounts) && !model.RotateRecoveryAccounts.IsNull() {
		err = innodbcluster.Rotate(ctx, cluster, hosts)
	}
	if err != nil {
		run.Fail(model.Subject(), err)
		return
	}
	if atWork := diagnosis.AtWork(); len(atWork) > 0 {
		run.Diagnostics.AddAttributeWarning(path.Root("routers"), "Routers Left as They Are",
			strings.Join(atWork, ".\n")+".\n\nOne that this apply destroys goes with its own resource. Of any other the next plan tells again.")
	}
	if was := before.ClusterID.ValueString(); was != "" && diagnosis.ClusterID != "" && was != diagnosis.ClusterID {
		run.Diagnostics.AddAttributeWarning(path.Root("cluster_id"), "The Cluster Was Made Anew", fmt.Sprintf("It was %s and is %s: no member had it any more. What the former one held is not in it: restore a backup before the applications write.", was, diagnosis.ClusterID))
	}
	if unreached := diagnosis.Unreached(); len(unreached) > 0 {
		run.Diagnostics.AddAttributeWarning(path.Root("members"), "Members Do Not Let Each Other In", strings.Join(unreached, ".\n")+".\n\nNo apply mends that. The next plan tells of it again.")
	}
	model.read(diagnosis)
}

func declares(cluster innodbcluster.Cluster, endpoint string) bool {
	return slices.ContainsFunc(slices.Collect(maps.Values(cluster.Members)), func(member innodbcluster.Member) bool { return member.Endpoint() == endpoint })
}

// Remove dissolves the group.
func (k *clusterKind) Remove(ctx context.Context, run *base.Run, model *clusterModel) {
	cluster, targets := model.declared()
	run.Fail(model.Subject(), innodbcluster.Dissolve(ctx, cluster, k.Reachable(targets)))
}
