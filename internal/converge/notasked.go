// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package converge

import (
	"errors"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// CodeNotAsked says that the machine is there, and that what is declared of the
// way to it does not let us in.
const CodeNotAsked Code = "not-asked"

// connecting are the failures of a connection, with the drift that they are. Of
// these a refresh knows nothing about the machine: it may be down, or what was
// declared for it at the last apply (its key, its user) holds no more. The state
// is kept and the plan goes on; an apply with a declaration that holds gets
// through, one without is refused.
var connecting = map[error]Line{
	remote.ErrUnreachable:     {Subject: "unreachable", Code: CodeUnreachable},
	remote.ErrHostKeyMismatch: {Subject: "not asked", Code: CodeNotAsked},
	remote.ErrHostKeyUnknown:  {Subject: "not asked", Code: CodeNotAsked},
	remote.ErrAuthentication:  {Subject: "not asked", Code: CodeNotAsked},
	remote.ErrPrivilege:       {Subject: "not asked", Code: CodeNotAsked},
	remote.ErrConfiguration:   {Subject: "not asked", Code: CodeNotAsked},
	// What hangs may be well in a moment, and is nothing that an apply mends.
	remote.ErrMute: {Subject: "not asked", Code: CodeSilent},
	// What refuses to say how it is may be mended by an apply; nothing is known of it now.
	remote.ErrRefused: {Subject: "not asked", Code: CodeSilent},
}

// FirstLine is what a line of drift says of an error: what follows in it is advice.
func FirstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// NotAsked says whether an error means that the machine was not asked, and the
// drift line that tells so.
func NotAsked(err error) (line Line, notAsked bool) {
	for kind, line := range connecting {
		if errors.Is(err, kind) {
			line.Text = FirstLine(err)
			return line, true
		}
	}
	return line, false
}
