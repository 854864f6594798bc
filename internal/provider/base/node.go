// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package base

import (
	"context"
	"errors"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Sight is what a Read saw of one node-local resource.
type Sight struct {
	// Observation is empty unless Seen.
	Observation converge.Observation
	// Seen: the host answered, and Drift comes from it.
	Seen bool
	// Forget: the resource leaves the state.
	Forget bool
	// Drift is what differs; for a host that does not answer, that it does not.
	Drift []converge.Line
}

// Look observes one manifest for a Read and turns failures into what rule 1
// asks for: unreachable keeps the state and becomes one drift line, lost
// leaves it, everything else is an error.
func (d *Data) Look(ctx context.Context, subject string, connection types.Object, manifest converge.Manifest, diags *diag.Diagnostics) Sight {
	host, ok := d.Machine(ctx, connection, diags)
	if !ok {
		return Sight{}
	}
	observation, err := converge.Observe(ctx, host, manifest)
	if err != nil {
		return d.blind(subject, host, err, diags)
	}
	plan := converge.Diff(manifest, observation)
	return Sight{Observation: observation, Seen: true, Drift: plan.Drift}
}

func (d *Data) blind(subject string, host remote.Host, err error, diags *diag.Diagnostics) Sight {
	switch Judge(err) {
	case Forget:
		WarnLost(diags, subject, host.Target().Host)
		return Sight{Forget: true}
	case KeepAsDrift:
		WarnUnreachable(diags, subject, err)
		return Sight{Drift: []converge.Line{Unreachable(err)}}
	default:
		AddError(diags, "Read", subject, err)
		return Sight{}
	}
}

// Clear takes back what owner has on the machine behind connection. A machine
// that is declared lost needs nothing taken back.
func (d *Data) Clear(ctx context.Context, subject string, connection types.Object, owner string, diags *diag.Diagnostics) {
	host, ok := d.Machine(ctx, connection, diags)
	if !ok {
		return
	}
	if err := converge.Remove(ctx, host, owner); err != nil && !errors.Is(err, remote.ErrLost) {
		AddError(diags, "Delete", subject, err)
	}
}
