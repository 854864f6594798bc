// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package base

import (
	"errors"
	"fmt"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// CodeNotAsked says that the machine is there, and that what is declared of the
// way to it does not let us in.
const CodeNotAsked converge.Code = "not-asked"

// connecting are the failures of a connection, with the drift that they are. Of these a refresh knows nothing about the machine: it may be
// down, or what was declared for it at the last apply (its key, its user) holds
// no more. The state is kept and the plan goes on; an apply with a declaration
// that holds gets through, one without is refused.
var connecting = map[error]converge.Line{
	remote.ErrUnreachable:     {Subject: "unreachable", Code: converge.CodeUnreachable},
	remote.ErrHostKeyMismatch: {Subject: "not asked", Code: CodeNotAsked},
	remote.ErrHostKeyUnknown:  {Subject: "not asked", Code: CodeNotAsked},
	remote.ErrAuthentication:  {Subject: "not asked", Code: CodeNotAsked},
	remote.ErrPrivilege:       {Subject: "not asked", Code: CodeNotAsked},
	remote.ErrConfiguration:   {Subject: "not asked", Code: CodeNotAsked},
}

// NotAsked says whether an error means that the machine was not asked, and the
// drift line that tells so.
func NotAsked(err error) (line converge.Line, notAsked bool) {
	for kind, line := range connecting {
		if errors.Is(err, kind) {
			line.Text, _, _ = strings.Cut(err.Error(), "\n")
			return line, true
		}
	}
	return line, false
}

// Unheard tells a Read what a failed observation means for the state. Nothing
// reads "gone" into an error of the connection: only a declaration (lost) makes
// a resource leave the state.
func (d *Data) Unheard(run *Run, subject string, target remote.Target, err error) Observed {
	line, notAsked := NotAsked(err)
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
			fmt.Sprintf("%s: %v\n\nThe last known state of what stands on this machine is kept, and the rest of the plan stands. %s", subject, err, nextStep(err)))
		return Observed{Drift: []converge.Line{line}}
	default:
		run.Fail(subject, err)
		return Observed{}
	}
}
