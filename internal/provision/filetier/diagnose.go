// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filetier

import (
	"fmt"
	"maps"
	"slices"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/reach"
)

// Adjust brings the tier to one node's machine.
type Adjust struct{ Node string }

func (o Adjust) String() string { return "bring the file tier to " + o.Node }

// Stage is its place in the order: all nodes at once.
func (Adjust) Stage() int { return 0 }

// Heard is what a node's machine said of the tier.
type Heard struct {
	Facts       Facts
	Observation converge.Observation
	// Dials says which nodes it reaches anew; nil where that was not tried.
	Dials reach.Reach
}

// Diagnose compares what the nodes' machines said with the declaration. Pairs
// that are not in step come last: what is before them may be the reason.
func (t Tier) Diagnose(heard map[string]Heard, keys map[string]string) []provision.Finding {
	var findings, apart []provision.Finding
	for _, node := range slices.Sorted(maps.Keys(heard)) {
		plan := converge.Diff(t.Manifest(node, heard[node].Facts, keys), heard[node].Observation)
		var mend provision.Operation
		if len(plan.Steps) > 0 {
			mend = Adjust{node}
		}
		own, between := provision.OfMachine(node, plan.Drift, mend, CodeNotInStep)
		findings, apart = append(findings, own...), append(apart, between...)
		for _, peer := range t.hot().dialled(node) {
			if line, is := t.unreached(Pair{Dials: node, Serves: peer}, heard, plan.Drift); is {
				apart = append(apart, provision.Finding{Line: line})
			}
		}
		switch {
		case plan.Refusal != nil:
			findings = append(findings, provision.Finding{Refusal: fmt.Errorf("node %s: %w", node, plan.Refusal)})
		case mend != nil:
			findings = append(findings, provision.Finding{Mend: mend}) // a step may have no line
		}
	}
	return append(findings, apart...)
}
