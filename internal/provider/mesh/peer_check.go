// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mesh

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/tinc"
)

// check finds what is wrong with a peer without asking its machine.
func (m *peerModel) check(change *base.Change[peerModel]) {
	complain := func(name, format string, arguments ...any) {
		change.Diagnostics.AddAttributeError(path.Root(name), "Invalid Attribute Value", fmt.Sprintf(format, arguments...))
	}
	endpoint, port := m.Endpoint.ValueString(), m.Port.ValueInt64()
	if !m.Endpoint.IsUnknown() {
		if err := tinc.CheckEndpoint(endpoint); err != nil {
			complain("endpoint", "endpoint = %q %v.", endpoint, err)
		} else if endpoint == m.Address.ValueString() {
			complain("endpoint", "endpoint = %q is the peer's address inside the mesh, which is reached over the mesh alone: set endpoint to its address outside.", endpoint)
		}
	}
	if change.Reachable && endpoint == change.Target.Host && port == int64(cmp.Or(change.Target.Port, 22)) {
		complain("port", "port = %d is the one at which sshd answers on this machine: give tinc another.", port)
	}
}

// foresee refuses what stands on the machine against a new peer, or against
// another port. What cannot be asked is asked by the apply.
func (k *peerKind) foresee(ctx context.Context, change *base.Change[peerModel]) {
	plan, state := change.Plan, change.State
	moves := change.Same && plan.Mesh.Equal(state.Mesh) && !plan.Port.Equal(state.Port)
	known := change.Reachable && !plan.Mesh.IsUnknown() && !plan.Port.IsUnknown()
	if k.Data == nil || !known || k.Lost[change.Target.Host] || state != nil && !moves || change.Failed() {
		return
	}
	switch err := plan.declared().Foresee(ctx, k.Hosts.Host(change.Target), moves); {
	case errors.Is(err, tinc.ErrClaimed):
		change.Diagnostics.AddError("Peer Cannot Work", base.Sentence(fmt.Errorf("%s: %w", change.Target.Host, err)))
	case err != nil:
		base.NotChecked(change.Diagnostics, plan.Subject(), change.Target.Host, err)
	}
}
