// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package unison

import (
	"cmp"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// How the lines begin, after a run, that name what it left.
const (
	skips  = "  skipped: "
	failed = "  failed: "
	// partly names a new directory that holds what cannot be carried. It is not said
	// what, and no later run speaks of it until the trees are read anew.
	partly = "  partially transferred: "
)

// longestReason is how much of a reason is waited for, in bytes.
const longestReason = 8 << 10

// skip notes a skipped path with its reason in brackets, which may be of some lines.
func (j *journal) skip(text string) {
	if strings.Contains(text, " (") && !strings.HasSuffix(text, ")") && len(text) < longestReason {
		j.skipping = text
		return
	}
	j.skipping = ""
	j.leaves(skipped(text))
}

// goesOn says whether a line is more of the reason of a skipped path.
func (j *journal) goesOn(line string) bool {
	ends := func(begin string) bool { _, is := names(line, begin); return is }
	if slices.ContainsFunc([]string{skips, failed, partly, "Looking for changes", reconciling}, ends) {
		j.leaves(skipped(j.skipping))
		j.skipping = ""
		return false
	}
	j.skip(j.skipping + " " + strings.TrimSpace(line))
	return true
}

// leaves notes a path that is left as it is. A day that is a link on one side is on
// its way to the archive, and no conflict.
func (j *journal) leaves(left tier.Left) {
	if j.moves != nil && j.moves(left.Path) {
		j.status.Moving = note(j.status.Moving, left)
	} else {
		j.status.Skipped = note(j.status.Skipped, left)
	}
	j.changed(j.status)
}

// leavesPart notes a new directory of which a part was left, where a line names one.
func (j *journal) leavesPart(line string) bool {
	path, is := names(line, partly)
	if is {
		j.leaves(tier.Left{Path: path, Reason: "part of it was left: what, the next reading tells"})
	}
	return is
}

// failed notes a path that could not be carried, where a line names one.
func (j *journal) failed(line string) bool {
	path, is := names(line, failed)
	if is {
		j.status.Failed = note(j.status.Failed, tier.Left{Path: path, Reason: j.reasons[path]})
		j.changed(j.status)
	}
	return is
}

// skipped parts a path from the reason behind it, in brackets. Where that repeats the
// path, which may have brackets itself, it is known by its first word.
func skipped(text string) tier.Left {
	at := strings.LastIndex(text, " (")
	for _, known := range []string{" (Error in ", " (path "} {
		if first := strings.Index(text, known); first >= 0 {
			at = first
			break
		}
	}
	if at < 0 {
		return tier.Left{Path: top(text)}
	}
	return tier.Left{Path: top(text[:at]), Reason: strings.TrimSuffix(text[at+2:], ")")}
}

// top gives the tree itself a name: unison writes nothing where its path would be.
func top(path string) string { return cmp.Or(path, tier.Top) }

// names gives the path behind the beginning of a line, from which the spaces at its end
// are gone.
func names(line, begin string) (path string, is bool) {
	if line == strings.TrimRight(begin, " ") {
		return tier.Top, true
	}
	return strings.CutPrefix(line, begin)
}
