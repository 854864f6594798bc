// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package status

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/agent"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// mostPaths is how many paths of a pair, or days, a person is shown.
const mostPaths = 10

func (h Home) print(to io.Writer) error {
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	row := func(name, format string, values ...any) {
		_, _ = fmt.Fprintf(table, name+"\t"+format+"\n", values...)
	}
	row("tier", "%s", h.Tier)
	for _, peer := range slices.Sorted(maps.Keys(h.Pairs)) {
		printPair(row, "pair with "+peer, h.Pairs[peer])
	}
	for _, peer := range slices.Sorted(maps.Keys(h.Archives)) {
		printArchive(row, peer, h.Archives[peer])
	}
	h.Tree.print(row, "tree")
	h.Archive.print(row, "archive")
	h.printDays(row)
	if scrub := h.Scrub; scrub != nil {
		row("scrub", "files: %d rotted and not mended, %d mended, %d gone, as of %s", len(scrub.Rotten)+scrub.More, len(scrub.Mended), len(scrub.Gone)+scrub.MoreGone, clock(scrub.At))
		printProblem(row, scrub.Error)
	}
	return table.Flush()
}

// printDays says where the last run left the days. What is not there, or cannot be read, was
// not told: no run has ended yet, or the disk had no room for it.
func (h Home) printDays(row func(string, string, ...any)) {
	mover := h.Mover
	if mover == nil {
		if h.moves {
			row("days", "nothing was told of them: no run has ended, or there was no room to tell of it")
		}
		return
	}
	row("days", "%d hot, %d archived, %d on their way, as of %s", mover.Hot, mover.Archived, len(mover.Waiting)+mover.More, clock(mover.At))
	printProblem(row, mover.Error)
	for _, day := range mover.Waiting[:min(len(mover.Waiting), mostPaths)] {
		row("", "%s %s: %s", day.Day, day.Next, agent.OneLine(day.Why))
	}
}

// print says what a tree holds, and the room where it lies.
func (h *Held) print(row func(string, string, ...any), name string) {
	if h == nil {
		return
	}
	row(name, "%s", h.Path)
	switch count := h.Count; {
	case count == nil:
		row("", "not counted yet")
	case count.Days > 0:
		row("", "%s, %d days from %s to %s, as of %s", amount(*count), count.Days, count.First, count.Last, clock(count.At))
	default:
		row("", "%s, as of %s", amount(*count), clock(count.At))
	}
	if h.Problem != "" {
		printProblem(row, h.Problem)
		return
	}
	full := ""
	if h.Full != "" {
		full = ", full on " + h.Full + " if it goes on filling"
	}
	row("", "%s of %.1f GiB free%s", h.Free, float64(h.Size)/(1<<30), full)
}

func amount(count tier.Count) string {
	least, unread := "", ""
	if !count.Whole {
		least = "at least "
	}
	if count.Unread > 0 {
		unread = fmt.Sprintf(", %d names that could not be read", count.Unread)
	}
	return fmt.Sprintf("%s%d files, %d bytes%s", least, count.Files, count.Bytes, unread)
}

func printPair(row func(string, string, ...any), name string, status tier.PairStatus) {
	more := ""
	if status.Backlog != nil && *status.Backlog > 0 {
		more = fmt.Sprintf(", %d paths to be carried", *status.Backlog)
	}
	if probe := status.Probe; probe != nil {
		more += fmt.Sprintf(", a file took %.1f s at %s", float64(probe.Milliseconds)/1000, clock(probe.At))
	}
	row(name, "%s since %s, in step %s%s", status.Stage, clock(status.Since), clock(status.InStep), more)
	printProblem(row, status.Error)
	for _, all := range []struct {
		what string
		left []tier.Left
	}{{"skipped", status.Skipped}, {"failed", status.Failed}, {"moving", status.Moving}} {
		for i, left := range all.left {
			if i == mostPaths {
				row("", "%s %d more", all.what, len(all.left)-i)
				break
			}
			row("", "%s %s: %s", all.what, tier.Named(left.Path), left.Reason)
		}
	}
}

// printArchive leaves the word to the node that dials where that one knows more.
func printArchive(row func(string, string, ...any), peer string, status tier.PairStatus) {
	if !status.Dialled {
		printPair(row, "archive with "+peer, status)
		return
	}
	row("archive with "+peer, "%s since %s, %s dials and says there how its runs went", status.Stage, clock(status.Since), peer)
	printProblem(row, status.Error)
}

func printProblem(row func(string, string, ...any), problem string) {
	if problem != "" {
		row("", "%q", agent.OneLine(problem))
	}
}

func clock(at time.Time) string {
	if at.IsZero() {
		return "never"
	}
	return at.UTC().Format(time.RFC3339)
}
