// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/linode"
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
