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

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
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
	spec := plan.spec(ctx, config, &resp.Diagnostics)
	spec.SubnetIPv4 = state.SubnetIPv4.ValueString()
	known := recall(ctx, req.Private, &resp.Diagnostics)
	if err := r.update(ctx, client, spec, known, config, state, &plan, &resp.Diagnostics); err != nil {
		addError(&resp.Diagnostics, "Update", plan.subject(), err)
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
	remember(ctx, resp.Private, declaredKey, config.declared(), &resp.Diagnostics)
	setIdentity(ctx, plan.ID, resp.Identity, &resp.Diagnostics)
}

// update takes the steps that are left, and the way over SSH for the keys.
func (r *linodeResource) update(ctx context.Context, client *linode.Client, spec linode.Spec, known memory, config, state linodeModel, plan *linodeModel, diags *diag.Diagnostics) error {
	plan.ID, plan.IPv4 = state.ID, state.IPv4
	seen, err := r.glance(ctx, client, *plan)
	away := err == nil && seen.Instance.Status != linode.Running
	if away {
		seen, err = r.look(ctx, client, *plan)
	}
	if err != nil {
		return err
	}
	host := r.Hosts.Host(state.target(state.HostKey.ValueString()))
	steps := linode.Plan(spec, seen)
	rebuilt := rebuilds(state.Generation, plan.Generation)
	if rebuilt && (known.empty() || r.Lost[state.IPv4.ValueString()]) {
		// The rebuild boots by itself, and nobody on the machine is to be asked.
		steps = slices.DeleteFunc(steps, func(step linode.Step) bool { return step.Kind == linode.Boot })
	}
	if err := client.Carry(ctx, seen.Instance, spec, steps, r.pause(state, state.HostKey.ValueString())); err != nil {
		return err
	}
	if rebuilt {
		return r.rebuild(ctx, client, spec, known, config, state, plan, diags)
	}
	if away || slices.ContainsFunc(steps, spec.Boots) {
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
	return r.readBack(ctx, client, hostKey, config, plan)
}

// bootPatience is how long a machine that was booted may take until its sshd
// answers.
const bootPatience = 5 * time.Minute

// rebuild gives the machine a fresh disk, if the site can spare what is on it.
func (r *linodeResource) rebuild(ctx context.Context, client *linode.Client, spec linode.Spec, known memory, config, state linodeModel, plan *linodeModel, diags *diag.Diagnostics) error {
	resume, err := r.spare(ctx, client, state, known)
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
	return r.finish(ctx, client, made, rebuiltMachine, config, spec, plan, diags)
}
