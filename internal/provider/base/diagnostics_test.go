// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package base

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// After a destroy an apply would make everything again.
func TestNextStepOfADestroy(t *testing.T) {
	for _, err := range []error{context.Canceled, context.DeadlineExceeded, remote.ErrUnreachable, remote.ErrMute, remote.ErrRefused, remote.ErrDenied, &remote.CommandError{ExitCode: 1}} {
		if next := nextStep("Delete", err); !strings.Contains(next, "run the destroy again") || strings.Contains(next, "apply again") || strings.Contains(next, "next apply") {
			t.Errorf("%v: %s", err, next)
		}
		if next := nextStep("Update", err); strings.Contains(next, "destroy") || !strings.Contains(next, "apply") {
			t.Errorf("%v: %s", err, next)
		}
	}
	if next := nextStep("Create", &remote.CommandError{ExitCode: 1}); strings.Contains(next, "plan") || !strings.Contains(next, "apply again") {
		t.Errorf("a creation is in no plan: %s", next)
	}
	if next := nextStep("Update", remote.ErrDenied); strings.Contains(next, "restart it") {
		t.Errorf("a restart lets nobody in: %s", next)
	}
	if next := nextStep("Delete", errors.New("anything")); next != "" {
		t.Errorf("%q", next)
	}
}
