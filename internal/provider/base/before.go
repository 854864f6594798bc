// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package base

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// What follows is for resources that are not on a frame yet; it goes with them.

// Resource is embedded by a resource that is not on a frame.
type Resource struct{ Configured }

// Configure takes over the provider's data.
func (r *Resource) Configure(_ context.Context, req resource.ConfigureRequest, _ *resource.ConfigureResponse) {
	if data, ok := req.ProviderData.(*Data); ok {
		r.configure(data)
	}
}

// Deadline bounds one operation by the timeouts attribute.
func Deadline(ctx context.Context, configured limit, fallback time.Duration, diags *diag.Diagnostics) (context.Context, context.CancelFunc) {
	return deadline(ctx, &Run{Diagnostics: diags}, configured, fallback)
}

// Gone tells a Read what a failed observation means for the state.
type Gone int

const (
	// KeepState means: report the error, keep the state.
	KeepState Gone = iota
	// KeepAsDrift means: the machine does not answer; keep the state, say so as drift.
	KeepAsDrift
	// Forget means: the machine is declared lost; the resource leaves the state.
	Forget
)

// Judge classifies a failed observation.
func Judge(err error) Gone {
	if errors.Is(err, remote.ErrLost) {
		return Forget
	}
	if _, notAsked := NotAsked(err); notAsked {
		return KeepAsDrift
	}
	return KeepState
}

// WarnUnreachable goes with KeepAsDrift.
func WarnUnreachable(diags *diag.Diagnostics, subject string, err error) {
	diags.AddWarning(fmt.Sprintf("Unable to Read %s", subject),
		err.Error()+"\n\nIts last known state is kept and the rest of the plan stands. "+nextStep(err))
}

// Unreachable is the one drift line of a machine that does not answer.
func Unreachable(err error) converge.Line {
	line, _ := NotAsked(err)
	return line
}
