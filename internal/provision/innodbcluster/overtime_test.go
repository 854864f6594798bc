// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
)

// An apply whose time is over says on whom it waited.
func TestOvertimeNamesTheMember(t *testing.T) {
	waited := Diagnosis{Findings: []provision.Finding{{Line: converge.Line{Subject: "hk1", Code: converge.CodeSilent, Text: "the server does not answer"}}}}
	for said, last := range map[string]Diagnosis{"hk1: the server does not answer": waited, "asking the members": {}} {
		if err := overtime(context.DeadlineExceeded, last); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), said) {
			t.Errorf("want %q, got %v", said, err)
		}
	}
}
