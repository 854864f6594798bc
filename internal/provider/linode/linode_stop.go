// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/linode"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqld"
)

// stops says for which changes a machine that runs is shut down and booted again by an
// update that leaves its disk as it is.
func stops(state, plan *linodeModel) (because []string) {
	if state.Status.ValueString() != string(linode.Running) {
		return nil // it is off already, or on its way there
	}
	if !plan.Type.Equal(state.Type) {
		because = append(because, "type, which moves its disk while it is off, and takes the longer the larger that is")
	}
	if plan.PrivateIP.ValueBool() && !state.PrivateIP.ValueBool() {
		because = append(because, "private_ip, of which it does not know before it boots")
	}
	// Each interface has a firewall of its own: one goes before the next can come.
	if plan.Interfaces.ValueString() == linode.GenerationLinode && state.Firewall.ValueInt64() != 0 && !plan.Firewall.Equal(state.Firewall) && (plan.Firewall.IsUnknown() || plan.Firewall.ValueInt64() != 0) {
		because = append(because, "firewall_id, so that there is no moment in which it runs behind none")
	}
	return because
}

// warnOfStop says in the plan that the machine will be off, which Terraform shows as any
// change in place.
func warnOfStop(state, plan *linodeModel, diags *diag.Diagnostics) {
	if because := stops(state, plan); len(because) > 0 {
		diags.AddWarning(state.Subject()+" Will Be Off for a While", fmt.Sprintf("The apply shuts the machine %s down and boots it again, for %s. "+
			"Before that happens, the site is asked whether it can spare the machine, and what is on it makes room in its group.", state.IPv4.ValueString(), strings.Join(because, "; and for ")))
	}
}

// warnOfLoss says in the plan what an update that can be made discards or shuts down, and
// what it will wait for.
func (k *linodeKind) warnOfLoss(ctx context.Context, change *base.Change[linodeModel], known memory, rebuilt bool) {
	switch {
	case change.Replacing:
		known.warn("Replacing", change.State, change.Diagnostics)
	case rebuilt:
		known.warn("Rebuilding", change.State, change.Diagnostics)
	case len(stops(change.State, change.Plan)) > 0:
		warnOfStop(change.State, change.Plan, change.Diagnostics)
	default:
		return
	}
	k.warnOfAway(ctx, change.State, known, change.Diagnostics)
}

// warnOfAway says in the plan for whom the apply will wait before the machine goes, as far
// as the server on it can say so now.
func (k *linodeKind) warnOfAway(ctx context.Context, state *linodeModel, known memory, diags *diag.Diagnostics) {
	if k.Data == nil || k.Pending != "" || state.HostKey.ValueString() == "" || k.Lost[state.IPv4.ValueString()] || !slices.Contains(known.Carries, mysqld.Owner) {
		return
	}
	away := mysqld.Away(ctx, k.Hosts.Host(state.target(state.HostKey.ValueString())), k.Lost)
	if len(away) > 0 {
		diags.AddWarning(state.Subject()+" Waits for Other Machines", fmt.Sprintf("MySQL on the machine %s says that these members of its cluster are not ONLINE: %s. The apply waits for them until nothing has changed "+
			"about them for five minutes, and then refuses: the machine stays as it is. Bring them back first; or, if one is gone for good, add its public address to lost in the provider block.", state.IPv4.ValueString(), strings.Join(away, ", ")))
	}
}
