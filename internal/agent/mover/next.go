// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package mover carries days that are old enough from the hot tree into the
// archive, and leaves a link for each, so that every path opens at every
// instant, on every node.
//
// What to do next with a day follows from what lies on the disk (observe), from
// what the other nodes report, and from the policy, by a function that does
// nothing itself (Next). So a run may be killed at any instant: the next one
// looks again and goes on. The order keeps these promises:
//
//   - No node flips before all have a verified copy, safe on disk.
//   - What is on the disk is read again before the old directory goes. A later run does
//     so than the one that wrote it: right after it, not even a disk tells what it will
//     have kept, and a copy takes as long as it takes to read and write once.
//   - Each node flips its own tree, by exchanging the directory and the link in
//     one step; the text of the link is the same on all of them.
//   - Nothing is removed before all have flipped and the grace time is over, and
//     then only what is known to be in the archive, by its manifest, and has a name
//     there now. What the archive has lost it gets again first.
package mover

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/agent/tree"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// Step is what is done with a day.
type Step string

// The steps, in the order in which a day mostly takes them.
const (
	Nothing Step = "nothing"
	Wait    Step = "wait"
	// Leave: the mover will not touch it; somebody has to look.
	Leave   Step = tier.NextLeave
	Discard Step = "discard" // what an earlier run left
	Copy    Step = "copy"
	Merge   Step = "merge"
	Flip    Step = "flip"
	Settle  Step = "settle" // note a flip
	Sweep   Step = "sweep"
	// ReadBack: read the copy from the disk.
	ReadBack Step = "read back"
	Clean    Step = "clean"
	Link     Step = "link"
)

// Decision is a step, what it is about, and why.
type Decision struct {
	Step Step   `json:"step"`
	Old  int    `json:"-"`
	Why  string `json:"why,omitempty"`
	// Full says that it waits for room in the archive.
	Full bool `json:"full,omitempty"`
	// Asks says that nothing but a reading of this node's trees is waited for here.
	Asks bool `json:"asks,omitempty"`
}

func decide(step Step, why string, arguments ...any) Decision {
	return Decision{Step: step, Why: fmt.Sprintf(why, arguments...)}
}

// Policy is what the tier was declared with.
type Policy struct {
	// HotDays is how long a day stays, counted from its end.
	HotDays int
	// Quiet is how long nothing in it may have changed.
	Quiet time.Duration
	// Grace is how long the old directory is kept after the flip.
	Grace time.Duration
	// Reserve is what must stay free in the archive.
	Reserve tree.Room
}

// Peer is what another node told of a day, or that it told nothing.
type Peer struct {
	Name string
	Day  tier.DayReport
	Err  error
}

// Surroundings is all that a decision needs beside the day itself.
type Surroundings struct {
	Policy Policy
	Now    time.Time
	// Began is when the run began.
	Began time.Time
	Peers []Peer
	// Room is what the archive has left.
	Room tree.Room
	// Unsettled is why the hot trees cannot be taken to be in step after all
	// flipped, or "".
	Unsettled string
}

// Next decides what comes next for a day.
func Next(day Day, around Surroundings) Decision {
	if day.Exchanged {
		return decide(Settle, "the flip was done")
	}
	if len(day.Remains) > 0 {
		return decide(Discard, "an earlier run left %s", day.Remains[0].Name)
	}
	for _, old := range day.Old {
		if !old.Swept {
			return Decision{Step: Sweep, Old: old.Number, Why: "something may have been written late"}
		}
	}
	var waiting Decision
	for _, old := range day.Old {
		waiting = nextOld(old, around)
		if waiting.Step != Wait {
			return waiting
		}
	}
	if next := nextHot(day, around); next.Step != Nothing || len(day.Old) == 0 {
		return next
	}
	return waiting
}

func nextOld(old Old, around Surroundings) Decision {
	if old.PutBack {
		return decide(Wait, "the old directory is kept: the archive had lost something of it and has it again, and the next run reads that from the disk")
	}
	readBack := Decision{Step: ReadBack, Old: old.Number, Why: "its copy was not read from the disk yet"}
	if !old.ReadBack && old.Since.Before(around.Began) {
		return readBack
	}
	if behind := around.notFlipped(); behind != "" {
		return decide(Wait, "the old directory is kept: %s", behind)
	}
	if left := old.Since.Add(around.Policy.Grace).Sub(around.Now); left > 0 {
		return decide(Wait, "the old directory is kept for another %s", left.Round(time.Second))
	}
	if behind := cmp.Or(around.notRead(), around.Unsettled); behind != "" {
		// The others ask for their own.
		next := decide(Wait, "the old directory is kept: %s: that is asked for, and comes within two hours", behind)
		next.Asks = around.Unsettled != ""
		return next
	}
	if old.Kept {
		return decide(Wait, "the old directory is kept: something in it is still in use")
	}
	if !old.ReadBack {
		return readBack
	}
	return Decision{Step: Clean, Old: old.Number, Why: "all nodes have flipped, and the grace time is over"}
}

func nextHot(day Day, around Surroundings) Decision {
	switch {
	case day.Hot == Foreign && day.Leads != "" && day.Cold == Tree:
		return decide(Leave, "in the hot tree it is a link to %q, and the archive has the day as %q: an apply has the link lead there", day.Leads, day.Wants)
	case day.Hot == Foreign && day.Leads != "":
		return decide(Leave, "in the hot tree it is a link to %q, and the archive's is %q: where the archive lay there before, declare cold so again, or move the day to where the archive's is, and an apply has the link lead there; otherwise remove the link", day.Leads, day.Wants)
	case day.Hot == Foreign:
		return decide(Leave, "in the hot tree it is neither a directory nor the link of this tier")
	case day.Hot == Linked && day.Cold != Tree:
		return decide(Leave, "the link leads to a directory that the archive does not have: the archive's next run brings it where another node has it; where nobody is to have it any more, remove the link on every node")
	case day.Hot == Linked:
		return decide(Nothing, "it is in the archive")
	case day.Hot == Absent && day.Cold == Tree:
		return nextLink(around)
	case day.Hot == Absent:
		return decide(Nothing, "it is not here")
	}
	return nextTree(day, around)
}

// nextLink is for a day that only the archive has: the node was made anew. As
// long as another node has the day in its hot tree, unison may still bring it.
func nextLink(around Surroundings) Decision {
	for _, peer := range around.Peers {
		if peer.Err != nil {
			return decide(Wait, "only the archive has it, and %s does not answer: %s", peer.Name, peer.Err)
		}
		if peer.Day.Phase == tier.Hot || peer.Day.Phase == tier.Copied {
			return decide(Wait, "only the archive has it, and %s still has it in the hot tree", peer.Name)
		}
	}
	return decide(Link, "only the archive has it")
}

func nextTree(day Day, around Surroundings) Decision {
	if !around.Policy.old(day.Ends, around.Now) {
		return decide(Nothing, "it is not old enough")
	}
	if day.Look.Unfit != nil {
		return decide(Leave, "it stays hot: %s", day.Look.Unfit)
	}
	if day.Cold != Absent && day.Cold != Tree {
		return decide(Leave, "it stays hot: in the archive it is not a directory")
	}
	rest := around.Now.Sub(time.Unix(0, day.Look.Newest))
	if rest < around.Policy.Quiet {
		return decide(Wait, "it changed %s ago, and has to rest for %s", rest.Round(time.Second), around.Policy.Quiet)
	}
	if day.Copy != nil && day.Cold == Tree && day.Touched == "" {
		if behind := around.notCopied(day.Copy.Digest); behind != "" {
			return decide(Wait, "it is copied: %s", behind)
		}
		return decide(Flip, "all nodes have a copy")
	}
	return nextCopy(day, around)
}

func nextCopy(day Day, around Surroundings) Decision {
	step, why := Copy, "it is old enough"
	if day.Cold == Tree {
		step, why = Merge, "the archive has a part of it"
		if day.Touched != "" {
			why = "since it was copied, " + day.Touched
		}
	}
	look := day.Look
	if step == Merge {
		// What a merge needs is known only when it is done; the reserve has to do.
		look = tree.Look{}
	}
	if problem := lacks(around, look); problem != "" {
		return noRoom(problem)
	}
	return decide(step, "%s", why)
}

func noRoom(problem string) Decision {
	next := decide(Wait, "the archive is full: %s", problem)
	next.Full = true
	return next
}

func lacks(around Surroundings, look tree.Look) string {
	needs := tree.Room{Bytes: uint64(look.Bytes) + around.Policy.Reserve.Bytes, Inodes: uint64(look.Entries) + around.Policy.Reserve.Inodes}
	switch {
	case around.Room.Bytes < needs.Bytes:
		return fmt.Sprintf("it has %d bytes left, and %d with the reserve are needed", around.Room.Bytes, needs.Bytes)
	case around.Room.Inodes < needs.Inodes:
		return fmt.Sprintf("it has %d inodes left, and %d with the reserve are needed", around.Room.Inodes, needs.Inodes)
	}
	return ""
}

func (p Policy) old(ends, now time.Time) bool {
	return !now.Before(ends.AddDate(0, 0, p.HotDays))
}

// notCopied names the nodes that hold up a flip, or "".
func (s Surroundings) notCopied(digest string) string {
	return s.behind(func(day tier.DayReport) string {
		switch {
		case day.Phase == tier.Flipped, day.Phase == tier.Copied && day.Digest == digest:
			return ""
		case day.Phase == tier.Copied:
			return "has another copy"
		}
		return "has no copy yet"
	})
}

// notFlipped names the nodes that hold up the cleaning, or "".
func (s Surroundings) notFlipped() string {
	return s.behind(func(day tier.DayReport) string {
		if day.Phase == tier.Flipped {
			return ""
		}
		return "has not flipped"
	})
}

// notRead names the nodes of which the trees were not read since all flipped, or "".
func (s Surroundings) notRead() string {
	return s.behind(func(day tier.DayReport) string {
		if day.Read {
			return ""
		}
		return "has not read its trees since all nodes have flipped"
	})
}

func (s Surroundings) behind(lacks func(tier.DayReport) string) string {
	var found []string
	for _, peer := range s.Peers {
		if peer.Err != nil {
			found = append(found, fmt.Sprintf("%s does not answer: %s", peer.Name, peer.Err))
		} else if what := lacks(peer.Day); what != "" {
			found = append(found, peer.Name+" "+what)
		}
	}
	return strings.Join(found, ", ")
}
