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

	"github.com/hashicorp/terraform-plugin-framework/diag"
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
	plan.follow(change.Config)
	cluster, _ := plan.declared()
	checkMembers(plan.Members, path.Root("members"), change.Diagnostics)
	for _, problem := range cluster.Validate() {
		change.Diagnostics.AddAttributeError(path.Root("members"), "Cluster Cannot Work", problem.Error()+".")
	}
	if count := len(plan.Members.Elements()); !plan.Members.IsUnknown() && count > 0 && count%2 == 0 {
		change.Diagnostics.AddAttributeWarning(path.Root("members"), "Even Number of Members",
			fmt.Sprintf("members has %d entries: that survives no more failures than %d would. Declare an odd number, 3 or more.", count, count-1))
	}
	if change.Replacing {
		change.Diagnostics.AddAttributeWarning(path.Root("name"), "The Whole Group Stops",
			fmt.Sprintf("name was %q and is to be %q: the group is dissolved and formed again by that name, with the data that it has. Until that is done, and the routers are at work again, no application has a database.", change.State.Name.ValueString(), plan.Name.ValueString()))
	}
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

// planConsents asks for the word of a person where an apply would need it, and
// says what it is taken for.
func planConsents(change *base.Change[clusterModel]) {
	plan := change.Plan
	members := plan.Members.Elements()
	named := func(at path.Path, name string) {
		if _, found := members[name]; !found && !plan.Members.IsUnknown() {
			change.Diagnostics.AddAttributeError(at, "Not a Member", fmt.Sprintf("%s%s is not a key of members.", at, base.Shown(name)))
		}
	}
	if !plan.Primary.IsNull() && !plan.Primary.IsUnknown() && !change.Config.Primary.IsNull() {
		named(path.Root("primary"), plan.Primary.ValueString())
	}
	if plan.multiPrimary() && !change.Config.Primary.IsNull() {
		change.Diagnostics.AddAttributeError(path.Root("primary"), "Every Member Takes Writes", "primary names the member that takes writes, and with mode = \"multi-primary\" all do: leave one of the two out.")
	}
	for name := range plan.Weights.Elements() {
		named(path.Root("weights").AtMapKey(name), name)
	}
	for _, name := range names(plan.HiddenMembers) {
		named(path.Root("hidden_members"), name)
	}
	for _, name := range names(plan.DrainingMembers) {
		named(path.Root("draining_members"), name)
		if slices.Contains(names(plan.HiddenMembers), name) {
			change.Diagnostics.AddAttributeError(path.Root("draining_members"), "Hidden in Two Ways",
				fmt.Sprintf("%q is in hidden_members, too, which ends its sessions: name it in one of the two.", name))
		}
	}
	survivors := names(plan.QuorumSurvivors)
	for _, name := range survivors {
		named(path.Root("quorum_survivors"), name)
	}
	if change.State != nil && len(survivors) > 0 && !change.Drifted(innodbcluster.StateNoQuorum.Code(), innodbcluster.StateOffline.Code()) {
		change.Diagnostics.AddAttributeWarning(path.Root("quorum_survivors"), "The Group Has Its Quorum",
			"quorum_survivors is set, and the group has not lost its majority. Take it out, or the next loss of a majority is decided by it without you.")
	}
	if change.State == nil || len(change.State.Drift.Elements()) == 0 {
		return
	}
	switch at := path.Root("allow_full_stop"); {
	case !change.Drifted(innodbcluster.CodeFullStop):
	case !plan.AllowFullStop.ValueBool():
		change.Diagnostics.AddAttributeError(at, "The Whole Group Has to Be Stopped", "The members run with what only a stop of the whole group changes (see drift). "+
			"Set allow_full_stop = true and apply at a time at which nobody needs the database for about half a minute. All data stay.")
	default:
		announceFullStop(change)
	}
}

// planCourse says when members change in such a way that the site stands on few
// of them, or on none, while the apply runs.
func planCourse(change *base.Change[clusterModel]) {
	if change.State == nil || change.Plan.Members.IsUnknown() {
		return
	}
	former, _ := endpointsOf(change.State.Members)
	declared, whole := endpointsOf(change.Plan.Members)
	online := change.State.online()
	course := innodbcluster.Course(innodbcluster.Way(former, declared, online), declared, online)
	count := len(change.Plan.Members.Elements())
	thin, found := innodbcluster.Thin(course, len(online), count)
	switch at := path.Root("members"); {
	case !found:
	case len(thin.Online) == 0 && whole:
		change.Diagnostics.AddAttributeError(at, "No Member Would Stay",
			fmt.Sprintf("members names none of the servers that are ONLINE now (%s), and those that it names would begin with nothing. "+
				"Add the new members in one apply, and take the old ones out in the next.", strings.Join(online, ", ")))
	default:
		change.Diagnostics.AddAttributeWarning(at, "Fewer Members While This Is Applied",
			fmt.Sprintf("After the step \"%s\" %d of %d members are ONLINE until the next one has joined, so the loss of one more can stop the databases. "+
				"To keep more, add new members in one apply and take old ones out in the next.", thin.Operation, len(thin.Online), count))
	}
}

// checkMembers finds what is wrong with single members. Those that were exported
// have passed it; a map that is written by hand has not.
func checkMembers(members types.Map, at path.Path, diags *diag.Diagnostics) {
	elements, machines := members.Elements(), map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(elements)) {
		object, _ := elements[key].(types.Object)
		complain := func(name, value string, err error) {
			if err != nil {
				here := at.AtMapKey(key).AtName(name)
				diags.AddAttributeError(here, "Invalid Attribute Value", fmt.Sprintf("%s%s %v.", here, value, err))
			}
		}
		if address := base.Member[types.String](object, "address"); !address.IsNull() && !address.IsUnknown() {
			complain("address", base.Shown(address.ValueString()), base.CheckIPv4(address.ValueString()))
		}
		if mesh := base.Member[types.String](object, "mesh"); !mesh.IsNull() && !mesh.IsUnknown() {
			complain("mesh", base.Shown(mesh.ValueString()), base.CheckMesh(mesh.ValueString()))
		}
		if number := base.Member[types.Int64](object, "server_id"); !number.IsNull() && !number.IsUnknown() && number.ValueInt64() < 1 {
			complain("server_id", fmt.Sprintf(" = %d", number.ValueInt64()), errors.New("must be 1 or more"))
		}
		base.CheckMember(object, at.AtMapKey(key), machines, diags)
	}
}

// Observe asks all members. The cluster is gone when each that is not lost
// answered and none knows of it.
func (k *clusterKind) Observe(ctx context.Context, run *base.Run, model *clusterModel) base.Observed {
	cluster, targets := model.declared()
	cluster.Options.Primary = "" // the state has the one that was, the plan the declared one
	seen := innodbcluster.Observe(ctx, k.Reachable(targets))
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
