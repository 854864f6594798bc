// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tinc

import (
	"fmt"
	"maps"
	"slices"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
)

// The operations on one peer's machine; Peer is a key of the declaration.
type (
	// Adjust brings the mesh there: no link that carries something goes down.
	Adjust struct {
		Peer string
		// Starts: tincd is started by it.
		Starts bool
	}
	// Roll restarts a tincd that carries links with its new settings, while all
	// others are up.
	Roll struct{ Peer string }
	// Revive starts a tincd once more whose links do not come up.
	Revive struct{ Peer string }
)

func (o Adjust) String() string { return "bring the mesh to " + o.Peer }
func (o Roll) String() string   { return "restart the mesh on " + o.Peer }
func (o Revive) String() string { return "start the mesh once more on " + o.Peer }

// The order of the stages: all peers at once, and then one after another.

// Stage is its place in the order.
func (Adjust) Stage() int { return 0 }

// Stage is its place in the order.
func (Roll) Stage() int { return 1 }

// Stage is its place in the order.
func (Revive) Stage() int { return 2 }

// Heard is what a peer's machine said of the mesh.
type Heard struct {
	Observation converge.Observation
	// Reach is whom it reaches over the mesh.
	Reach Reach
	// Dials is whose port it reaches outside of the mesh, and Speaks to whom it speaks
	// by UDP; nil where that was not asked.
	Dials, Speaks Reach
}

// Diagnose compares what the peers' machines said with the declaration. gone are
// peers that are declared no more: a machine that knows one still says so. Links
// that do not work come last: what is before them may be the reason, and nothing
// else mends them.
func (m Mesh) Diagnose(heard map[string]Heard, gone map[string]Peer) []provision.Finding {
	var findings, silent []provision.Finding
	for _, key := range slices.Sorted(maps.Keys(heard)) {
		observation := heard[key].Observation
		plan := converge.Diff(m.Manifest(key), observation)
		mend := m.mend(key, observation, plan)
		if m.Peers[key].Leaving {
			// It goes on knowing the others as long as it can, and nothing of it
			// is in anybody's way.
			if mend != nil {
				findings = append(findings, provision.Finding{Mend: mend})
			}
			continue
		}
		own, between := provision.OfMachine(key, plan.Drift, mend, CodeNotReached)
		findings, silent = append(findings, own...), append(silent, between...)
		for _, left := range slices.Sorted(maps.Keys(gone)) {
			if m.Knows(gone[left], observation) {
				findings = append(findings, provision.Finding{
					Line: converge.Line{Subject: key, Code: converge.CodeStale, Text: fmt.Sprintf("still knows %s, which is declared no more", left)}, Mend: mend,
				})
			}
		}
		refusal := plan.Refusal
		if seen, err := m.routesQuestion().Answer(observation); refusal == nil && err == nil {
			refusal = m.overlaps(seen)
		}
		switch {
		case refusal != nil:
			findings = append(findings, provision.Finding{Refusal: fmt.Errorf("peer %s: %w", key, refusal)})
		case mend != nil:
			findings = append(findings, provision.Finding{Mend: mend}) // a step may have no line
		}
	}
	for _, line := range m.undialled(heard) {
		silent = append(silent, provision.Finding{Line: line})
	}
	return append(findings, silent...)
}

// mend is what brings one machine to the declaration; nil where it is there.
func (m Mesh) mend(key string, o converge.Observation, plan converge.Plan) provision.Operation {
	restarts := plan.Restarts(Unit(m.Name))
	switch {
	case len(plan.Steps) == 0:
		return nil
	case restarts && o.Recorded():
		return Roll{key}
	}
	return Adjust{key, restarts}
}

// weakest is the peer to revive of those that this run started anyway: the one
// that misses most of the others; false when none misses any.
func weakest(started map[string]bool, reached map[string]Reach, contacted func(key string) bool) (Revive, bool) {
	worst, most := "", 0
	for _, key := range slices.Sorted(maps.Keys(started)) {
		missing := 0
		for to, ok := range reached[key] {
			if !ok && contacted(to) {
				missing++
			}
		}
		if missing > most {
			worst, most = key, missing
		}
	}
	return Revive{worst}, most > 0
}

// differing is what is not as declared beside links that do not work.
func (m Mesh) differing(heard map[string]Heard) []converge.Line {
	return slices.DeleteFunc(provision.Drift(m.Diagnose(heard, nil)), func(line converge.Line) bool {
		return line.Code == CodeNotReached || line.Code == CodeNotDialled
	})
}

func (m Mesh) reached(heard map[string]Heard) map[string]Reach {
	reached := map[string]Reach{}
	for key, one := range heard {
		reached[key] = one.Reach
	}
	return reached
}
