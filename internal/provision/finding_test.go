// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package provision

import (
	"errors"
	"slices"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
)

type deed struct {
	name  string
	stage int
}

func (d deed) String() string { return d.name }
func (d deed) Stage() int     { return d.stage }

func TestFindingsAreDriftAndOperations(t *testing.T) {
	line := converge.Line{Subject: "b", Text: "differs"}
	findings := []Finding{
		{Line: line, Mend: deed{"late", 2}},
		{Mend: deed{"early", 1}},
		{Line: converge.Line{Subject: "c", Text: "waits"}},
		{Line: line, Mend: deed{"late", 2}},
	}
	if drift := Drift(findings); len(drift) != 3 || drift[1].Subject != "c" {
		t.Errorf("drift: %v", drift)
	}
	operations, err := Operations(findings)
	if err != nil || !slices.Equal(operations, []Operation{deed{"early", 1}, deed{"late", 2}}) {
		t.Errorf("operations: %v, %v", operations, err)
	}
	refusal := errors.New("nobody may")
	if operations, err := Operations(append(findings, Finding{Line: line, Refusal: refusal})); operations != nil || !errors.Is(err, refusal) {
		t.Errorf("with a refusal: %v, %v", operations, err)
	}
}
