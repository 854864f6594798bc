// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"context"
	"errors"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/linode"
)

// judged is what of a plan is compared with what Linode offers. What the
// configuration leaves out stays as it is or is left to Linode: neither can be wrong.
func (m *linodeModel) judged(config *linodeModel) linode.Spec {
	spec := m.spec(config)
	if config.Maintenance.IsNull() {
		spec.MaintenancePolicy = ""
	}
	if config.PlacementGroup.IsNull() {
		spec.PlacementGroup = nil
	}
	if config.Subnet.IsNull() {
		spec.Subnet = nil
	}
	if config.SwapMiB.IsNull() {
		spec.SwapMiB = nil
	}
	if config.Backups.IsNull() {
		spec.Backups = nil
	}
	return spec
}

// check compares with Linode's catalogue and the account, where the API can be
// asked.
func (k *linodeKind) check(ctx context.Context, run *base.Run, plan, config, state *linodeModel, creating, rebuilt bool) {
	diags := run.Diagnostics
	spec := plan.judged(config)
	if !config.UserData.IsUnknown() {
		if err := linode.CheckUserData(spec.UserData, spec.Trust); err != nil {
			diags.AddAttributeError(path.Root("user_data"), "Invalid User Data", "user_data: "+base.Sentence(err))
		}
	}
	changed := creating || rebuilt || !plan.Type.Equal(state.Type) || !plan.PlacementGroup.Equal(state.PlacementGroup) || !plan.Firewall.Equal(state.Firewall) ||
		!plan.Maintenance.Equal(state.Maintenance) || !plan.Backups.Equal(state.Backups) || !plan.Label.Equal(state.Label)
	if k.Data == nil || !changed {
		return
	}
	client, err := k.Linode()
	var offer *linode.Catalogue
	if err == nil {
		offer, err = client.Catalogue(ctx)
	}
	if errors.Is(err, base.ErrPending) {
		return // the plan that an apply makes once more can ask
	}
	if err != nil {
		run.Fail(plan.Subject(), advise(err))
		return
	}
	switch {
	case creating:
		if config.Interfaces.IsNull() {
			plan.Interfaces = types.StringValue(linode.GenerationConfig)
			if offer.Forbidden(linode.GenerationConfig) {
				plan.Interfaces = types.StringValue(linode.GenerationLinode)
			}
		}
		spec.Generation = plan.Interfaces.ValueString()
	case rebuilt:
		spec.Generation = "" // the machine has it, whatever new ones get
	default:
		// An old image may be gone from the catalogue, and so may what the machine
		// has already.
		spec.Image, spec.Generation, spec.Subnet, spec.SwapMiB = "", "", nil, nil
	}
	if !plan.Label.IsUnknown() && !plan.Label.Equal(state.Label) {
		refuseTaken(run, plan.Subject(), client.Taken(ctx, spec.Label, k.ours("linode")))
	}
	wrong := offer.Check(spec)
	missing, err := client.Missing(ctx, spec)
	run.Fail(plan.Subject(), advise(err))
	for _, problem := range append(wrong, missing...) {
		diags.AddAttributeError(path.Root(problem.Attribute), problem.Title, problem.Detail)
	}
}

// refuseTaken reports that a label is taken, or that nobody could say.
func refuseTaken(run *base.Run, subject string, err error) {
	if errors.Is(err, linode.ErrTaken) {
		run.Diagnostics.AddAttributeError(path.Root("label"), "Label Is Taken", base.Sentence(err))
		return
	}
	run.Fail(subject, advise(err))
}
