// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package converge

import (
	"errors"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// A line says in one line why nobody was asked, and leaves the advice to others.
func TestNotAsked(t *testing.T) {
	for kind, want := range map[error]string{
		remote.ErrUnreachable: "unreachable: connect h:22: host is unreachable: why", remote.ErrHostKeyMismatch: "not asked: connect h:22: host key has changed: why",
		remote.ErrAuthentication: "not asked: connect h:22: authentication refused: why",
	} {
		if line, notAsked := NotAsked(&remote.Error{Kind: kind, Address: "h:22", Detail: "why\nThe shown key:\n  x"}); !notAsked || line.String() != want {
			t.Errorf("%v: %t %q", kind, notAsked, line)
		}
	}
	question := Question[string]{Name: "its status", Read: func(output string) (string, error) { return output, nil }}
	_, err := question.read(reply{exitCode: remote.MuteCode, stderr: "it says nothing\nLook there"})
	if line, notAsked := NotAsked(err); !notAsked || line.Code != CodeSilent || line.String() != "not asked: asking for its status: it runs and does not answer: it says nothing" {
		t.Errorf("%v is read as %q", err, line)
	}
	_, err = question.read(reply{exitCode: remote.RefusedCode, stderr: "ERROR 1040 (HY000): Too many connections\n"})
	if line, notAsked := NotAsked(err); !notAsked || line.Code != CodeSilent || line.String() != "not asked: asking for its status: it runs and refuses to answer: ERROR 1040 (HY000): Too many connections" {
		t.Errorf("%v is read as %q", err, line)
	}
	_, err = question.read(reply{exitCode: remote.DeniedCode, stderr: "ERROR 1045 (28000): Access denied. Do this\n"})
	if line, notAsked := NotAsked(err); !notAsked || !errors.Is(err, remote.ErrDenied) || line.String() != "not asked: asking for its status: it runs and refuses to answer: ERROR 1045 (28000): Access denied. Do this" {
		t.Errorf("%v is read as %q", err, line)
	}
	for _, err := range []error{errors.New("x"), &remote.Error{Kind: remote.ErrLost}, &remote.CommandError{ExitCode: 1}} {
		if line, notAsked := NotAsked(err); notAsked {
			t.Errorf("%v is read as %q", err, line)
		}
	}
}
