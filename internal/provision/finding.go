// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package provision

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
)

// Finding is one thing that is not as declared: what a person reads of it, and
// what ends it. What a plan shows and what an apply does are two views of one
// list of findings, which is worked out without I/O.
type Finding struct {
	// Line says it; the zero Line is for what other findings already say.
	Line converge.Line
	// Mend ends it; nil where nothing is to be done yet, since other findings
	// come first.
	Mend Operation
	// Refusal is the reason why nobody may mend it as things are.
	Refusal error
}

// Operation is one thing to do, as a comparable value that names its subject:
// no session, no host. The same value from two findings is one operation. It can
// be done again after it was killed half-way.
type Operation interface {
	// String says what it does, in a few words.
	String() string
	// Stage orders the operations of one list: lower ones go first.
	Stage() int
}

// Doer does operations: it has the hosts and sessions that they need. An apply
// and a Terraform action do the very same values by it.
type Doer interface {
	Do(ctx context.Context, operation Operation) error
}

// OfMachine makes findings of what differs on one machine of several; mend ends
// all of it. Lines of the code between tell of what lies between two machines:
// they come apart, since what is found on one may be the reason.
func OfMachine(name string, lines []converge.Line, mend Operation, between converge.Code) (findings, apart []Finding) {
	for _, line := range lines {
		if line.Code == between {
			apart = append(apart, Finding{Line: line})
		} else {
			findings = append(findings, Finding{Line: line.At(name), Mend: mend})
		}
	}
	return findings, apart
}

// Drift is what a plan shows of findings.
func Drift(findings []Finding) []converge.Line {
	var lines []converge.Line
	for _, finding := range findings {
		if finding.Line != (converge.Line{}) {
			lines = append(lines, finding.Line)
		}
	}
	return lines
}

// Operations is what an apply does about findings: each operation once, by stage
// and otherwise in their order. With a refusal among them it does nothing.
func Operations(findings []Finding) ([]Operation, error) {
	var operations []Operation
	var refusals []error
	for _, finding := range findings {
		refusals = append(refusals, finding.Refusal)
		if finding.Mend != nil && !slices.Contains(operations, finding.Mend) {
			operations = append(operations, finding.Mend)
		}
	}
	if err := errors.Join(refusals...); err != nil {
		return nil, err
	}
	slices.SortStableFunc(operations, func(a, b Operation) int { return cmp.Compare(a.Stage(), b.Stage()) })
	return operations, nil
}
