// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tree

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"
)

// Join walks a tree beside a manifest of it. pair is called for everything
// that is in either, in order: with the visit and the entry where both have
// it, else with one of them nil. A nil manifest has nothing. leave may be nil.
func Join(ctx context.Context, top *Dir, manifest *ManifestReader, pair func(*Visit, *Entry) error, leave func(*Visit) error) error {
	enter := func(v *Visit) error {
		for manifest.Peek() != nil && comparePaths(manifest.Peek().Path, v.Path) < 0 {
			if err := missing(manifest, pair); err != nil {
				return err
			}
		}
		if entry := manifest.Peek(); entry != nil && entry.Path == v.Path {
			if err := manifest.advance(); err != nil {
				return err
			}
			return pair(v, entry)
		}
		return pair(v, nil)
	}
	if err := Walk(ctx, top, enter, leave); err != nil {
		return err
	}
	for manifest.Peek() != nil {
		if err := missing(manifest, pair); err != nil {
			return err
		}
	}
	return nil
}

func missing(manifest *ManifestReader, pair func(*Visit, *Entry) error) error {
	entry := manifest.Peek()
	if err := manifest.advance(); err != nil {
		return err
	}
	return pair(nil, entry)
}

// batch does work beside one another, and what follows from it in order.
type batch struct{ jobs []job }

type job struct{ do, then func() error }

// A batch is this long before it is worked on: long enough to keep the disk
// busy, short enough to cost no memory.
const batchLength = 128

func (b *batch) add(do, then func() error) error {
	b.jobs = append(b.jobs, job{do, then})
	if len(b.jobs) < batchLength {
		return nil
	}
	return b.flush()
}

func (b *batch) flush() error {
	var group errgroup.Group
	// Most of it waits for the disk, however many processors there are.
	group.SetLimit(4)
	for _, job := range b.jobs {
		group.Go(job.do)
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, job := range b.jobs {
		if err := job.then(); err != nil {
			return err
		}
	}
	b.jobs = b.jobs[:0]
	return nil
}

// Difference is one thing in which a tree is not what a manifest says.
type Difference struct{ Path, How string }

func (d Difference) String() string { return fmt.Sprintf("%q %s", d.Path, d.How) }
