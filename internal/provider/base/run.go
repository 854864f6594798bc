// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package base

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Run is one operation of Terraform on one resource.
type Run struct {
	// Action is the verb of its diagnostics ("Create").
	Action string
	// Diagnostics are what the user is told.
	Diagnostics *diag.Diagnostics

	reader     privateReader
	writer     privateWriter
	checkpoint func(ctx context.Context)
	written    func(ctx context.Context, target any) diag.Diagnostics
}

// Failed says whether an error was reported.
func (r *Run) Failed() bool { return r.Diagnostics.HasError() }

// Fail reports an error about a subject; nil is none.
func (r *Run) Fail(subject string, err error) {
	if err != nil {
		AddError(r.Diagnostics, r.Action, subject, err)
	}
}

// Checkpoint saves the model as it is now, in the middle of a Converge: what it
// holds is known to Terraform whatever happens next. No value may be unknown.
func (r *Run) Checkpoint(ctx context.Context) { r.checkpoint(ctx) }

// Written is the configuration that a Converge is about: it alone holds what no
// plan and no state does, the write-only attributes.
func Written[M any](ctx context.Context, run *Run) *M { return load[M](ctx, run.written, run) }

// limit is a method of timeouts.Value.
type limit func(context.Context, time.Duration) (time.Duration, diag.Diagnostics)

// deadline bounds an operation by the timeouts attribute.
func deadline(ctx context.Context, run *Run, given limit, budget time.Duration) (context.Context, context.CancelFunc) {
	timeout, problems := given(ctx, budget)
	run.Diagnostics.Append(problems...)
	return context.WithTimeout(ctx, timeout)
}

// Change is one planned change of a resource. Its private state can be read, and
// not be written.
type Change[M any] struct {
	*Run
	// Config is what was written, Plan what Terraform makes of it; the hook
	// completes it. Both are nil where the resource is destroyed.
	Config, Plan *M
	// State is what was, nil for something new.
	State *M
	// Replacing: a new one is made in the place of State.
	Replacing bool
	// Target is the machine, if Reachable: all of the connection is known.
	Target    remote.Target
	Reachable bool
	// Same: there is a State, and it is of the same machine.
	Same bool

	drift    codes
	replaces path.Paths
}

// Replace plans a new resource in the place of State, because of an attribute.
func (c *Change[M]) Replace(because path.Path) {
	c.Replacing = true
	c.replaces = append(c.replaces, because)
}

// Drifted says whether the last refresh found a line of one of the codes, or may
// have.
func (c *Change[M]) Drifted(asked ...converge.Code) bool { return c.drift.has(asked...) }

// Keep plans that a computed value stays as it was, where it does, and is not
// known before the apply otherwise.
func Keep[V attr.Value](stays bool, was, unknown V) V {
	if stays {
		return was
	}
	return unknown
}
