// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/linode"
)

func (r *linodeResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, state, config linodeModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	client, err := r.Linode()
	if err != nil {
		addError(&resp.Diagnostics, "Update", plan.subject(), err)
	}
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := base.Deadline(ctx, plan.Timeouts.Update, updateTimeout, &resp.Diagnostics)
	defer cancel()
	spec := plan.spec(ctx, config.UserData, &resp.Diagnostics)
	if config.Firewall.IsNull() {
		spec.Firewall = number(state.Firewall)
	}
	if err := r.update(ctx, client, spec, config.HostKey, state, &plan, &resp.Diagnostics); err != nil {
		addError(&resp.Diagnostics, "Update", plan.subject(), err)
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
	setIdentity(ctx, plan.ID, resp.Identity, &resp.Diagnostics)
}

// update takes the steps that are left, and the way over SSH for the keys.
func (r *linodeResource) update(ctx context.Context, client *linode.Client, spec linode.Spec, given types.String, state linodeModel, plan *linodeModel, diags *diag.Diagnostics) error {
	seen, err := r.look(ctx, client, state.id())
	if err != nil {
		return err
	}
	plan.IPv4 = state.IPv4
	host := r.Hosts.Host(state.target(state.HostKey.ValueString()))
	steps := linode.Plan(spec, seen, number(state.Firewall))
	rebuilt := rebuilds(state.Generation, plan.Generation)
	if rebuilt {
		// The rebuild boots by itself.
		steps = slices.DeleteFunc(steps, func(step linode.Step) bool { return step.Kind == linode.Boot })
	}
	err = client.Carry(ctx, state.id(), spec, steps, func(ctx context.Context) (func(context.Context) error, error) {
		return r.Guard.Spare(ctx, host, provision.Pause)
	})
	if err != nil {
		return err
	}
	if rebuilt {
		return r.rebuild(ctx, client, spec, given, state, plan)
	}
	if slices.ContainsFunc(steps, func(step linode.Step) bool { return step.Kind == linode.Boot || step.Kind == linode.Resize }) {
		if err := host.Await(ctx, bootPatience); err != nil {
			return err
		}
	}
	hostKey := plan.HostKey.ValueString()
	if hostKey != "" {
		err := linode.WriteKeys(ctx, r.Hosts.Host(plan.target(hostKey)), spec.AuthorizedKeys)
		if err != nil && (base.Judge(err) != base.KeepAsDrift || !plan.AuthorizedKeys.Equal(state.AuthorizedKeys)) {
			return err
		}
		if err != nil {
			// Nothing was to be written. What keeps us out may be a firewall that
			// waits for this resource, so the run goes on; the next plan looks again.
			base.WarnUnreachable(diags, plan.subject(), err)
		}
	}
	return r.readBack(ctx, client, hostKey, plan)
}

// bootPatience is how long a machine that was booted may take until its sshd
// answers.
const bootPatience = 5 * time.Minute

// rebuild gives the machine a fresh disk, if the site can spare what is on it.
func (r *linodeResource) rebuild(ctx context.Context, client *linode.Client, spec linode.Spec, given types.String, state linodeModel, plan *linodeModel) error {
	resume, err := r.spare(ctx, client, state)
	if err != nil {
		return err
	}
	instance, err := client.Instance(ctx, state.id())
	if err != nil {
		return errors.Join(err, resume(ctx))
	}
	made, err := client.Rebuild(ctx, instance, spec)
	// From here on nothing of the machine is in the group's way.
	if err := errors.Join(err, resume(ctx)); err != nil {
		return err
	}
	return r.finish(ctx, client, made, given, plan)
}

// spare asks whether the site can do without what the machine carries. One that
// is off, unfinished, or declared lost carries nothing that anybody has now.
func (r *linodeResource) spare(ctx context.Context, client *linode.Client, state linodeModel) (provision.Resume, error) {
	nothing := func(context.Context) error { return nil }
	if state.HostKey.IsNull() || r.Lost[state.IPv4.ValueString()] {
		return nothing, nil
	}
	instance, err := client.Instance(ctx, state.id())
	if err != nil {
		return nil, err
	}
	if instance.Status == linode.Offline {
		return nothing, nil
	}
	return r.Guard.Spare(ctx, r.Hosts.Host(state.target(state.HostKey.ValueString())), provision.Discard)
}
