// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package scrub reads a tier's archive from the disk, day by day, to find
// files that nobody changed and that are others now, and takes good copies of
// them from other nodes.
//
// What a file was is known from the manifest that the mover wrote when it read
// its copy back, or the last scrub. A file that was changed since, as its times
// tell, is read and remembered anew: late writes are no rot.
package scrub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/atollhq/terraform-provider-atoll/internal/agent/mover"
	"github.com/atollhq/terraform-provider-atoll/internal/agent/tree"
)

// Source is another node of the tier.
type Source interface {
	Name() string
	// Fetch opens a file of a day in that node's archive.
	Fetch(ctx context.Context, day, path string) (io.ReadCloser, error)
}

// Scrubber scrubs the archive of one tier on this node.
type Scrubber struct {
	Config  mover.Config
	Sources []Source
	// Interval is how long a day is not read again.
	Interval time.Duration
	// Now is the clock; time.Now where it is nil.
	Now func() time.Time
}

// Finding is a file that is not what it was.
type Finding struct {
	Path    string `json:"path"`
	Problem string `json:"problem"`
	// From is the node whose copy took its place, or "".
	From string `json:"mended_from,omitempty"`
	// Why is why it could not be mended.
	Why string `json:"not_mended,omitempty"`
}

// Day is what the scrub of a day found.
type Day struct {
	Day    string    `json:"day"`
	Files  int       `json:"files"`
	Bytes  int64     `json:"bytes"`
	Rotten []Finding `json:"rotten,omitempty"`
	// Missing went away since the last scrub.
	Missing []string `json:"missing,omitempty"`
	// Err is why the day could not be read to its end.
	Err error `json:"-"`
}

// BusyError means that another scrub of the tier is at work.
type BusyError struct{ Tier string }

func (e *BusyError) Error() string {
	return fmt.Sprintf("the tier %q is being scrubbed already", e.Tier)
}

// Run scrubs the days that are due, the longest unread first.
func (s *Scrubber) Run(ctx context.Context) ([]Day, error) {
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
	due, err := s.due(ctx, archive)
	if err != nil {
		return nil, err
	}
	var found []Day
	for _, day := range due {
		if err := ctx.Err(); err != nil {
			return found, err
		}
		found = append(found, s.day(ctx, archive, scratch, day))
	}
	return found, ctx.Err()
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

// due lists the days whose manifest was not written within the interval.
func (s *Scrubber) due(ctx context.Context, archive *mover.Archive) ([]string, error) {
	now := time.Now
	if s.Now != nil {
		now = s.Now
	}
	days, err := archive.Days(ctx)
	if err != nil {
		return nil, err
	}
	last := map[string]time.Time{}
	for _, day := range days {
		stat, err := archive.Private.Stat(mover.ID(day) + mover.ScrubSuffix)
		if err != nil && !errors.Is(err, unix.ENOENT) {
			return nil, err
		}
		if err == nil {
			last[day] = time.Unix(stat.Mtim.Unix())
		}
	}
	days = slices.DeleteFunc(days, func(day string) bool {
		age := now().Sub(last[day])
		// A manifest of the future is from a clock that was wrong.
		return age < s.Interval && age >= 0
	})
	slices.SortStableFunc(days, func(a, b string) int { return last[a].Compare(last[b]) })
	return days, nil
}

func (s *Scrubber) day(ctx context.Context, archive *mover.Archive, scratch *tree.Dir, day string) Day {
	found := Day{Day: day}
	found.Err = s.read(ctx, archive, scratch, &found)
	return found
}

func (s *Scrubber) read(ctx context.Context, archive *mover.Archive, scratch *tree.Dir, found *Day) error {
	top, err := archive.Cold.Sub(found.Day)
	if err != nil {
		return err
	}
	defer top.Close()
	name := mover.ID(found.Day) + mover.ScrubSuffix
	was, done, err := mover.OpenManifest(archive.Private, name)
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
	err = mover.WriteManifest(archive.Private, name, func(out *tree.ManifestWriter) error {
		scrub := tree.Scrub{
			Top: top, Was: was, Out: out,
			Missing: func(path string) { found.Missing = append(found.Missing, path) },
			Rotten: func(v *tree.Visit, entry tree.Entry, problem error) (*tree.Entry, error) {
				mended, finding := s.mend(ctx, scratch, found.Day, v, entry)
				finding.Problem = problem.Error()
				found.Rotten = append(found.Rotten, finding)
				return mended, nil
			},
		}
		read, err := scrub.Run(ctx)
		found.Files, found.Bytes = read.Files, read.Bytes
		return err
	})
	if err != nil {
		return err
	}
	return mover.KeepManifest(archive.Private, name)
}

// mend takes a good copy from the first node that has one.
func (s *Scrubber) mend(ctx context.Context, scratch *tree.Dir, day string, v *tree.Visit, was tree.Entry) (*tree.Entry, Finding) {
	finding := Finding{Path: v.Path}
	if was.Content == "" {
		finding.Why = "nobody knows what it was: it was never read before"
		return nil, finding
	}
	var problems []error
	for _, source := range s.Sources {
		mended, err := mendFrom(ctx, source, scratch, day, v, was)
		if err == nil {
			finding.From = source.Name()
			return mended, finding
		}
		problems = append(problems, fmt.Errorf("%s: %w", source.Name(), err))
	}
	finding.Why = "no other node has a copy of this archive"
	if err := errors.Join(problems...); err != nil {
		finding.Why = err.Error()
	}
	return nil, finding
}

func mendFrom(ctx context.Context, source Source, scratch *tree.Dir, day string, v *tree.Visit, was tree.Entry) (*tree.Entry, error) {
	content, err := source.Fetch(ctx, day, v.Path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = content.Close() }()
	return v.Mend(was, content, scratch)
}

// Fetch opens a file of a day in this node's archive, for another node.
func Fetch(config mover.Config, day, path string) (io.ReadCloser, error) {
	archive, err := mover.OpenArchive(config)
	if err != nil {
		return nil, err
	}
	defer archive.Close()
	if err := archive.Has(day); err != nil {
		return nil, err
	}
	top, err := archive.Cold.Sub(day)
	if err != nil {
		return nil, err
	}
	defer top.Close()
	return top.Read(path)
}
