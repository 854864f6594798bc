// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysql

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/innodbcluster"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlrouter"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// NewRouterResource makes an atoll_mysql_router.
func NewRouterResource() resource.Resource { return base.NewNode(&routerKind{}) }

type routerKind struct{ base.Configured }

func (k *routerKind) Traits() base.Traits {
	return base.Traits{
		Type: "mysql_router", ID: "Address of the machine, under which the router is known to the cluster, and behind a slash the router's name where it has one.",
		Renaming: "the router would stop and be bootstrapped anew, and its application would be without a database meanwhile",
		Drift:    "unit mysqlrouter.service: inactive, want active", Budgets: budgets, Elsewhere: true,
	}
}

// Plan keeps known what follows from the configuration.
func (k *routerKind) Plan(ctx context.Context, change *base.Change[routerModel]) {
	plan, state := change.Plan, change.State
	plan.follow(change.Config)
	taken := map[int64]bool{}
	for _, port := range plan.ports() {
		if taken[port] {
			change.Diagnostics.AddAttributeError(path.Root("ports"), "Ports Collide", "read_write, read_only and read_write_split need three different ports.")
			return
		}
		taken[port] = true
	}
	if members := base.Member[types.Map](plan.Cluster, "members"); !plan.Cluster.IsUnknown() && !members.IsUnknown() && len(members.Elements()) == 0 {
		change.Diagnostics.AddAttributeError(path.Root("cluster").AtName("members"), "Missing Members", "cluster.members is empty: hand over the whole routing of an atoll_mysql_cluster.")
	}
	checkMembers(base.Member[types.Map](plan.Cluster, "members"), path.Root("cluster").AtName("members"), change.Diagnostics)
	k.refuseCollisions(change)
	k.refuseUndeclared(change)
	k.refuseVersion(ctx, change)
	k.refuseHeld(ctx, change)
	keep := change.Same && !state.Version.IsNull() && state.Package.Equal(plan.Package) && !change.Drifted(installing...)
	if state == nil {
		state = &routerModel{}
	}
	plan.Version = base.Keep(keep, state.Version, types.StringUnknown())
	plan.Endpoints = plan.endpoints()
}

// refuseCollisions refuses a router that wants the name or a port of another on the
// same machine.
func (k *routerKind) refuseCollisions(change *base.Change[routerModel]) {
	plan := change.Plan
	cluster := base.Member[types.String](plan.Cluster, "cluster")
	// What is no name may be a secret, and is not remembered for others' errors.
	if k.Data == nil || !change.Reachable || plan.Name.IsUnknown() || !clusterPattern.MatchString(cluster.ValueString()) {
		return
	}
	machine, config := change.Target.Machine(), mysqlrouter.Config{Instance: plan.Name.ValueString()}
	equal := func(a, b string) bool { return a == b }
	owner := fmt.Sprintf("the router %s of the cluster %s", config.Name(), cluster.ValueString())
	if other, _, clash := k.Routers.Declare(machine, config.Name(), owner, equal); clash {
		change.Diagnostics.AddAttributeError(path.Root("name"), "Routers Collide",
			fmt.Sprintf("%s is another one on the same machine, %s: give this one a name of its own, and ports.", other, change.Target.Address()))
		return
	}
	for name, port := range plan.ports() {
		if other, _, clash := k.Routers.Declare(machine, strconv.FormatInt(port, 10), owner, equal); clash {
			change.Diagnostics.AddAttributeError(path.Root("ports").AtName(name), "Routers Collide",
				fmt.Sprintf("ports.%s = %d is a port of %s on the same machine, %s: give each its own.", name, port, other, change.Target.Address()))
		}
	}
}

// refuseUndeclared refuses a router that its cluster is not to know: whenever it stood
// still, an apply of the cluster would take its account away.
func (k *routerKind) refuseUndeclared(change *base.Change[routerModel]) {
	plan := change.Plan
	cluster, address := base.Member[types.String](plan.Cluster, "cluster"), plan.Address()
	if k.Data == nil || address.IsUnknown() || plan.Name.IsUnknown() || !clusterPattern.MatchString(cluster.ValueString()) {
		return
	}
	config := mysqlrouter.Config{Address: address.ValueString(), Instance: plan.Name.ValueString()}
	if k.Listed.Lacks(cluster.ValueString(), innodbcluster.DeclaredRouter{Address: config.Address, Name: config.Name()}.Label()) {
		change.Diagnostics.AddAttributeError(path.Root("cluster"), "Router Is Not Declared",
			fmt.Sprintf("The cluster %s declares its routers, and %q is not among them. Add it to routers of the atoll_mysql_cluster, or take that out.", cluster.ValueString(), plan.Key().ValueString()))
	}
}

// refuseVersion asks, where a bootstrap is ahead, whether the Router of the machine
// leads to the servers of the cluster.
func (k *routerKind) refuseVersion(ctx context.Context, change *base.Change[routerModel]) {
	plan, state := change.Plan, change.State
	ahead := state == nil || !state.Package.Equal(plan.Package) || change.Drifted(mysqlrouter.CodeBootstrap)
	if !ahead || change.Diagnostics.HasError() || k.Data == nil || k.Pending != "" || !change.Reachable || k.Lost[change.Target.Host] ||
		plan.Package.IsUnknown() || base.Member[types.String](plan.Cluster, "cluster_id").ValueString() == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, base.LookPatience)
	defer cancel()
	config, cluster := plan.config(k.Data)
	if err := config.Compatible(ctx, k.Hosts.Host(change.Target), cluster); err != nil {
		change.Diagnostics.AddAttributeError(path.Root("cluster"), "Router Is Too Old", base.Sentence(err))
	}
}

// refuseHeld refuses ports that another program of the machine has, before the apply
// meets it.
func (k *routerKind) refuseHeld(ctx context.Context, change *base.Change[routerModel]) {
	plan, state := change.Plan, change.State
	stays := change.Same && plan.Ports.Equal(state.Ports) && plan.BindAddress.Equal(state.BindAddress)
	if stays || change.Diagnostics.HasError() || k.Data == nil || !change.Reachable || k.Lost[change.Target.Host] ||
		plan.Ports.IsUnknown() || plan.BindAddress.IsUnknown() || plan.Name.IsUnknown() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, base.LookPatience)
	defer cancel()
	config, _ := plan.config(k.Data)
	switch err := config.Foresee(ctx, k.Hosts.Host(change.Target)); {
	case errors.Is(err, mysqlrouter.ErrHeld):
		change.Diagnostics.AddAttributeError(path.Root("ports"), "Port Is Held", base.Sentence(fmt.Errorf("%s: %w", change.Target.Host, err)))
	case err != nil:
		base.NotChecked(change.Diagnostics, plan.Subject(), change.Target.Host, err)
	}
}

// Observe knows nothing of a router that was just imported: its cluster stands
// in the configuration.
func (k *routerKind) Observe(ctx context.Context, host remote.Host, model *routerModel) (base.Observed, error) {
	if model.Cluster.IsNull() {
		return base.Observed{}, nil
	}
	config, cluster := model.config(k.Data)
	accounts := make(chan []innodbcluster.RouterSums, 1)
	go func() { // while the router's machine is asked
		accounts <- k.Accounts.Ask(cluster.Cluster.Name+" "+cluster.Cluster.ID, model.Key().ValueString(), func() []innodbcluster.RouterSums { return innodbcluster.AskRouterSums(ctx, cluster.Hosts) })
	}()
	find := sync.OnceValue(func() innodbcluster.Found { return innodbcluster.Find(ctx, cluster.Cluster, cluster.Hosts) })
	if config.Verifies() {
		config = config.Knowing(find())
	}
	observation, observed, err := base.Observe(ctx, host, config.Manifest(true))
	if err != nil {
		return observed, err
	}
	status, err := config.ReadStatus(observation)
	if err != nil {
		return observed, err
	}
	if status.Version != "" {
		model.Version = types.StringValue(status.Version)
	}
	if slices.ContainsFunc(observed.Drift, mysqlrouter.Silent) || config.Routing != nil {
		observed.Drift = config.Blame(observed.Drift, find())
	}
	if !observed.Absent {
		observed.Drift = config.Suspect(observed.Drift, status, <-accounts)
		unreached, err := config.Unreached(ctx, host, cluster, find)
		if err != nil {
			return observed, err
		}
		observed.Drift = append(observed.Drift, unreached...)
	}
	return observed, nil
}

func (k *routerKind) Converge(ctx context.Context, host remote.Host, before, model *routerModel) error {
	k.Accounts.End()
	config, cluster := model.config(k.Data)
	if before != nil {
		config.Routing = routingOptions(model.Options, before.Options)
	}
	status, err := config.Converge(ctx, host, cluster)
	if err != nil {
		return err
	}
	model.Version = types.StringValue(status.Version)
	model.Endpoints = model.endpoints() // which the version decides
	return nil
}

// Warn tells of the members that the router's machine does not reach: no apply opens a port.
func (k *routerKind) Warn(ctx context.Context, host remote.Host, model *routerModel) (string, []converge.Line, error) {
	config, cluster := model.config(k.Data)
	unreached, err := config.Unreached(ctx, host, cluster, func() innodbcluster.Found { return innodbcluster.Find(ctx, cluster.Cluster, cluster.Hosts) })
	return "Router Does Not Reach Members", unreached, err
}

func (k *routerKind) Remove(ctx context.Context, host remote.Host, model *routerModel) error {
	k.Accounts.End()
	config, cluster := model.config(k.Data)
	return config.Remove(ctx, host, cluster)
}

// Find has nothing to add: cluster and ports stand in the configuration.
func (k *routerKind) Find(context.Context, remote.Host, string, *routerModel) error { return nil }
