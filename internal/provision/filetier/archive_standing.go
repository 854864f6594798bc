// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filetier

import (
	"fmt"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	model "github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// ArchiveStanding is how the archives of a pair of nodes are to one another.
type ArchiveStanding struct {
	Pair
	// Told says that both nodes were asked, and that a run has told how it went.
	Told bool
	// Problem says why not all is on both sides; "" where the last run carried all, and
	// where none has been yet.
	Problem string
	// Status is what the node that dials tells of its last run.
	Status model.PairStatus
}

// ArchiveStandings says how the archives of each pair are, in their order; none
// where the tier has none.
func (t Tier) ArchiveStandings(nodes map[string]NodeStatus) []ArchiveStanding {
	var all []ArchiveStanding
	for _, pair := range t.Pairs {
		if t.cold() {
			all = append(all, archiveStanding(pair, nodes))
		}
	}
	return all
}

func archiveStanding(pair Pair, nodes map[string]NodeStatus) ArchiveStanding {
	if unasked := pair.unasked(nodes); unasked != "" {
		return ArchiveStanding{Pair: pair, Problem: unasked}
	}
	s := ArchiveStanding{Pair: pair, Status: nodes[pair.Dials].Archives[pair.Serves]}
	s.Told = s.Status.Stage != ""
	full := nodes[pair.Serves].Archives[pair.Dials].Error
	switch left := len(s.Status.Failed); {
	case s.Status.Error != "":
		s.Problem = oneLine(s.Status.Error)
	case full != "":
		s.Problem = pair.Serves + " takes nothing: " + oneLine(full)
	case left > 0:
		s.Problem = fmt.Sprintf("%s left, the first is %s", paths(left), named(first(s.Status)))
	}
	return s
}

// archiveProblems are those of pairs both of whose nodes were asked: who was not is
// said anyway.
func (t Tier) archiveProblems(nodes map[string]NodeStatus) []converge.Line {
	var lines []converge.Line
	for _, s := range t.ArchiveStandings(nodes) {
		if s.Problem != "" && s.unasked(nodes) == "" {
			lines = append(lines, converge.Line{Subject: "archive " + s.String(), Code: CodeNotInStep, Text: s.Problem})
		}
	}
	return lines
}
