// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package scrub reads a tier's archive from the disk, day by day, to find
// files that nobody changed and that are others now, and puts good copies in their
// place, which other nodes have lent.
//
// What a file was is known from the manifest that the mover wrote when it read
// its copy back, or the last scrub. A file that was changed since, as its time or
// size tells, is read and remembered anew: late writes are no rot.
//
// The scrub runs as root and speaks to nobody. What it cannot mend it tells in its
// status, and the runs that keep the archive in step with other nodes fetch what is
// told there (see package archive), into a directory where the next scrub finds it.
package scrub

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/atollhq/terraform-provider-atoll/internal/agent/mover"
	"github.com/atollhq/terraform-provider-atoll/internal/agent/tree"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// Scrubber scrubs the archive of one tier on this node.
type Scrubber struct {
	Config mover.Config
	// Interval is how long a day is not read again.
	Interval time.Duration
	// Rotten are the files that earlier runs could not mend: their days are due.
	Rotten []tier.Rotten
	// Lent has only days read that hold a file of Rotten which a node has lent.
	Lent bool
	// Gone are the files that earlier runs missed. Back is told of each, by its quoted path,
	// that is there again or that is to be gone; nil for nobody.
	Gone []tier.Gone
	Back func(path string) error
	// Deleted are paths in the archive whose deletion was declared.
	Deleted []string
	// Tell is told of each day before it counts as read; nil for nobody. Of a day that
	// the archive has no longer, it is told that nothing was found.
	Tell func(Day) error
	// Now is the clock; time.Now where it is nil.
	Now func() time.Time
}

// Finding is a file that is not what it was.
type Finding struct {
	Path    string `json:"path"`
	Problem string `json:"problem"`
	// From is the node whose copy took its place, or "", and Kept where the rotten
	// one lies, below the archive.
	From string `json:"mended_from,omitempty"`
	Kept string `json:"kept,omitempty"`
	// Why is why it could not be mended.
	Why string `json:"not_mended,omitempty"`
	// Size and Content are what it was; "" where that is not known.
	Size    int64  `json:"size,omitempty"`
	Content string `json:"content,omitempty"`
}

// Day is what the scrub of a day found.
type Day struct {
	Day    string    `json:"day"`
	Files  int       `json:"files"`
	Bytes  int64     `json:"bytes"`
	Rotten []Finding `json:"rotten,omitempty"`
	// Missing went away since the last scrub; tier.Top where the whole day did.
	Missing []string `json:"missing,omitempty"`
	// Err is why the day could not be read to its end.
	Err error `json:"-"`
}

// BusyError means that another scrub of the tier is at work.
type BusyError struct{ Tier string }

func (e *BusyError) Error() string {
	return fmt.Sprintf("the tier %q is being scrubbed already", e.Tier)
}

// run is one run of a scrubber.
type run struct {
	*Scrubber
	archive *mover.Archive
	scratch *tree.Dir
	lent    *lent
	now     time.Time
	// requested are deletions that were carried out.
	requested []mover.Deletion
}

// Run scrubs the days that are due, the longest unread first.
func (s *Scrubber) Run(ctx context.Context) (found []Day, err error) {
	archive, err := mover.OpenArchive(s.Config)
	if err != nil {
		return nil, err
	}
	defer archive.Close()
	scratch, err := archive.Private.Private("scrub")
	if err != nil {
		return nil, err
	}
	defer scratch.Close()
	unlock, err := s.lock(scratch)
	if err != nil {
		return nil, err
	}
	defer unlock()
	r := run{Scrubber: s, archive: archive, scratch: scratch, now: time.Now()}
	if s.Now != nil {
		r.now = s.Now()
	}
	if r.lent, err = openLent(archive.Cold); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.lent.clear()) }()
	if err := errors.Join(r.recall(), r.back()); err != nil {
		return nil, err
	}
	days, err := r.archive.Days(ctx)
	if err != nil {
		return nil, err
	}
	due, err := r.due(days)
	if err != nil {
		return nil, err
	}
	// What is gone is found by the names alone, while another archive may still have it.
	if !r.Lent {
		found, err = r.missed(ctx, days, due)
	}
	for _, day := range due {
		if err := errors.Join(err, ctx.Err()); err != nil {
			return found, err
		}
		found = append(found, r.day(ctx, day))
	}
	return found, errors.Join(err, ctx.Err())
}

func (s *Scrubber) tell(day Day) error {
	if s.Tell == nil {
		return nil
	}
	return s.Tell(day)
}

func (s *Scrubber) lock(scratch *tree.Dir) (func(), error) {
	file, err := scratch.Append("lock")
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return func() { _ = file.Close() }, nil
	}
	_ = file.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, &BusyError{Tier: s.Config.Tier}
	}
	return nil, fmt.Errorf("unable to lock the archive of %q: %w", s.Config.Tier, err)
}

// due lists the days whose manifest was not written within the interval, and those
// that hold a file which rotted.
func (r *run) due(days []string) (due []string, err error) {
	rotten := map[string]bool{}
	for _, file := range r.Rotten {
		if !slices.Contains(days, file.Day) {
			if err := r.tell(Day{Day: file.Day}); err != nil {
				return nil, err
			}
		}
		rotten[file.Day] = rotten[file.Day] || !r.Lent || r.lent.has(file.Content)
	}
	last := map[string]time.Time{}
	for _, day := range days {
		if last[day], err = r.readAt(day); err != nil {
			return nil, err
		}
	}
	due = slices.DeleteFunc(slices.Clone(days), func(day string) bool {
		age := r.now.Sub(last[day])
		// A manifest of the future is from a clock that was wrong.
		return !rotten[day] && (r.Lent || age < r.Interval && age >= 0)
	})
	slices.SortStableFunc(due, func(a, b string) int { return last[a].Compare(last[b]) })
	return due, nil
}

// readAt is when a day was read the last time; zero for never.
func (r *run) readAt(day string) (time.Time, error) {
	stat, err := r.archive.Private.Stat(mover.ID(day) + mover.ScrubSuffix)
	if errors.Is(err, unix.ENOENT) {
		return time.Time{}, nil
	}
	return time.Unix(stat.Mtim.Unix()), err
}

func (r *run) day(ctx context.Context, day string) Day {
	found := Day{Day: day}
	found.Err = r.read(ctx, &found)
	if found.Err != nil {
		found.Err = errors.Join(found.Err, r.tell(found))
	}
	return found
}

func (r *run) read(ctx context.Context, found *Day) error {
	top, err := r.archive.Cold.Sub(found.Day)
	if err != nil {
		return err
	}
	defer top.Close()
	name := mover.ID(found.Day) + mover.ScrubSuffix
	was, done, err := mover.OpenManifest(r.archive.Private, name)
	if errors.Is(err, tree.ErrBrokenManifest) {
		// It is written whole or not at all, so this is rot itself. What the files
		// were is lost; begin anew, and say so.
		found.Rotten = append(found.Rotten, Finding{Path: name, Problem: err.Error(), Why: "the day is remembered anew"})
		was, done, err = nil, func() {}, nil
	}
	if err != nil {
		return err
	}
	defer done()
	since, err := r.readAt(found.Day)
	if err != nil {
		return err
	}
	err = mover.WriteManifest(r.archive.Private, name, func(out *tree.ManifestWriter) error {
		scrub := tree.Scrub{
			Top: top, Was: was, Out: out,
			Missing: func(name string) {
				if !r.requestedSince(path.Join(found.Day, name), since) {
					found.Missing = append(found.Missing, name)
				}
			},
			Rotten: func(v *tree.Visit, entry tree.Entry, problem error) (*tree.Entry, error) {
				mended, finding := r.mend(found.Day, v, entry)
				finding.Problem = problem.Error()
				found.Rotten = append(found.Rotten, finding)
				return mended, nil
			},
		}
		read, err := scrub.Run(ctx)
		found.Files, found.Bytes = read.Files, read.Bytes
		return err
	})
	if err == nil {
		found.Missing, err = r.stillMissing(found.Day, found.Missing)
	}
	// What was found is told first: a day that was read is not read again soon.
	if err == nil {
		err = r.tell(*found)
	}
	if err != nil {
		return err
	}
	return mover.KeepManifest(r.archive.Private, name)
}
