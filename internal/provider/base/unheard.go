// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package base

import (
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Unheard tells a Read what a failed observation means for the state. Nothing
// reads "gone" into an error of the connection: only a declaration (lost) makes
// a resource leave the state.
func (d *Data) Unheard(run *Run, subject string, target remote.Target, err error) Observed {
	line, notAsked := converge.NotAsked(err)
	switch {
	case errors.Is(err, remote.ErrLost):
		run.Diagnostics.AddWarning(subject+" Leaves the State",
			fmt.Sprintf("The provider block declares %s lost, so the machine was not contacted. Remove what is declared on it from the configuration.", target.Host))
		return Observed{Absent: true}
	case notAsked && d.Pending != "" && errors.Is(err, remote.ErrConfiguration):
		run.Diagnostics.AddWarning("Machine "+target.Host+" Was Not Asked",
			fmt.Sprintf("%s is not known before the apply, so nothing was read of %s. Its last known state is kept.", d.Pending, subject))
		return Observed{}
	case notAsked:
		// One summary a machine: Terraform folds equal ones into one.
		run.Diagnostics.AddWarning("Machine "+target.Host+" Was Not Read",
			fmt.Sprintf("%s: %v\n\nThe last known state of what stands on this machine is kept, and the rest of the plan stands. %s", subject, err, nextStep(run.Action, err)))
		return Observed{Drift: []converge.Line{line}}
	default:
		run.Fail(subject, err)
		return Observed{}
	}
}

// LookPatience is how long a plan waits for machines of which Terraform knows nothing yet.
const LookPatience = 30 * time.Second

// NotChecked warns that a plan could not ask a machine which is there and lets nobody in:
// what an apply would refuse is not known before it, and the apply will not be let in, too.
// One that does not answer may not be made yet: then nothing is said.
func NotChecked(diags *diag.Diagnostics, subject, host string, err error) {
	for _, kind := range []error{remote.ErrHostKeyMismatch, remote.ErrAuthentication, remote.ErrPrivilege} {
		if errors.Is(err, kind) {
			diags.AddWarning("Machine "+host+" Was Not Asked", fmt.Sprintf("%s: %v\n\nSo this plan does not know whether anything on the machine stands against it, and an apply will not get farther. %s", subject, err, nextStep("Plan", err)))
			return
		}
	}
}
