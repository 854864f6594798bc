// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package unison

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// A path that one side deleted and the other one changed stays, where the newer version is to:
// so unison decides, too. But where it keeps copies of what it overrides, it writes what was
// changed beside the path on the side that deleted it, as NAME (conflict_on_DATE_was_deleted),
// and remembers it under the path itself (renameLocal in its files.ml). The trees differ then,
// nothing says so, and the next reading finds the path deleted, which takes it from the side
// that changed it. So such a path is brought back before the trees are read again, by a unison
// that looks at it alone and may do nothing but create it.

// brought reads from a line that lists what is to be carried whether it is such a path: the
// arrow that was overridden leads to the side that deleted it.
func brought(line string) (one tier.Return, is bool) {
	// Two states of eight columns, the arrow between them, and the path: displayri in uitext.ml.
	const right, path = 15, 26
	if len(line) <= path || line[path] == ' ' {
		return one, false // with a space before it, a profile cannot name it
	}
	states := [2]string{strings.TrimSpace(line[:8]), strings.TrimSpace(line[right : right+8])}
	if !filepath.IsLocal(line[path:]) {
		return one, false // a line break in a name can make a line of its own, which leads anywhere
	}
	one = tier.Return{Path: line[path:], Here: states[0] == "deleted" && line[9:14] == "<===="}
	return one, one.Here || states[1] == "deleted" && line[9:14] == "====>"
}

// returns notes a path that is to be brought back.
func (j *journal) returns(line string) {
	one, is := brought(line)
	if is && len(j.status.Returns) < most && !slices.Contains(j.status.Returns, one) {
		j.status.Returns = append(slices.Clone(j.status.Returns), one)
	}
}

// bringing are the lines of a profile by which paths are created on the side that deleted
// them, as they are on the other one; "" where there are none on that side. What is there
// again by now, and what the other side deleted meanwhile, is left to the reading that follows.
func bringing(profile string, returns []tier.Return, here bool) string {
	var text strings.Builder
	for _, one := range returns {
		if one.Here == here {
			fmt.Fprintf(&text, "path = %s\n", one.Path)
		}
	}
	var roots []string
	for line := range strings.Lines(profile) {
		if root, is := strings.CutPrefix(strings.TrimSpace(line), "root = "); is {
			roots = append(roots, root)
		}
	}
	if text.Len() == 0 || len(roots) != 2 {
		return ""
	}
	if here {
		slices.Reverse(roots)
	}
	// Each of these paths is all that is looked at, and gone on one side, which unison would
	// not go on with. Nothing can be deleted: all goes one way, and there it may only create.
	return fmt.Sprintf("force = %s\nnoupdate = %s\nconfirmbigdel = false\n", roots[0], roots[1]) + text.String()
}

// bringBack brings back what is noted. Where the other node was not reached it is tried again.
// Whatever else is in the way must not hold up the pair: both sides have what was changed, if
// under the name that unison gave it.
func (s *syncer) bringBack(ctx context.Context) (*journal, error) {
	status := s.status()
	for _, here := range []bool{true, false} {
		lines := bringing(s.pair.Profile, status.Returns, here)
		if lines == "" {
			continue
		}
		journal, err := s.once(ctx, turn{lines: lines, ends: true, silent: true})
		switch {
		case ctx.Err() != nil, err != nil && (journal.status.Stage == tier.Connecting || journal.lostArchives()):
			return journal, err
		case err != nil:
			s.say("paths that were changed here or there and deleted on the other side were not brought back: " + err.Error())
		}
	}
	status = s.status()
	status.Returns = nil
	s.tell(status)
	return &journal{}, nil
}
