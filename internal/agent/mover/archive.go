// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mover

import (
	"context"
	"errors"
	"fmt"
	"path"

	"golang.org/x/sys/unix"

	"github.com/atollhq/terraform-provider-atoll/internal/agent/tree"
)

// point is where a run can be stopped in a test, as by a power cut.
func (m *Mover) point(name string) error {
	if m.Point == nil {
		return nil
	}
	return m.Point(name)
}

// archive makes the first copy of a day and gives it its name in the archive.
func (m *Mover) archive(ctx context.Context, day string) error {
	hot, err := m.hot.Sub(day)
	if err != nil {
		return err
	}
	defer hot.Close()
	partial, err := m.coldPrivate.MakeOrOpen(id(day) + PartialSuffix)
	if err != nil {
		return err
	}
	defer partial.Close()
	if err := m.point("copying"); err != nil {
		return err
	}
	manifest := id(day) + copySuffix
	err = WriteManifest(m.coldPrivate, manifest, func(out *tree.ManifestWriter) error { return tree.Copy(ctx, hot, partial, out) })
	if err == nil {
		err = m.point("copied")
	}
	if err == nil {
		err = partial.SyncAll()
	}
	if err == nil {
		err = m.compare(ctx, day, partial, manifest+newSuffix)
	}
	if err == nil {
		err = m.point("verified")
	}
	if err == nil {
		err = m.publish(day)
	}
	if full(err) || errors.Is(err, tree.ErrUnlike) {
		// A copy that cannot be finished must not hold the room that others need,
		// and one that does not read as it was written is no start.
		err = errors.Join(err, m.giveUp(day))
	}
	if err != nil {
		return err
	}
	return KeepManifest(m.coldPrivate, manifest)
}

func full(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT)
}

// compare holds the copy against its source's manifest. What it writes is where scrubbing
// begins.
func (m *Mover) compare(ctx context.Context, day string, partial *tree.Dir, manifest string) error {
	reader, done, err := OpenManifest(m.coldPrivate, manifest)
	if err != nil {
		return err
	}
	defer done()
	var first *tree.Difference
	err = WriteManifest(m.coldPrivate, id(day)+ScrubSuffix, func(out *tree.ManifestWriter) error {
		return tree.Compare(ctx, partial, reader, out, func(found tree.Difference) {
			if first == nil {
				first = &found
			}
		})
	})
	if err == nil && first != nil {
		err = fmt.Errorf("%w: %s", tree.ErrUnlike, first)
	}
	if err != nil {
		return err
	}
	return KeepManifest(m.coldPrivate, id(day)+ScrubSuffix)
}

// publish gives a verified copy its name in the archive.
func (m *Mover) publish(day string) error {
	parent, err := m.archiveParent(path.Dir(day))
	if err != nil {
		return err
	}
	defer parent.Close()
	if err := m.point("publishing"); err != nil {
		return err
	}
	if err := m.coldPrivate.Rename(id(day)+PartialSuffix, parent, path.Base(day)); err != nil {
		return err
	}
	if err := errors.Join(parent.Sync(), m.coldPrivate.Sync()); err != nil {
		return err
	}
	return m.point("published")
}

// archiveParent opens the directory in the archive that holds a day, and makes
// what is missing of it, like that in the hot tree.
func (m *Mover) archiveParent(at string) (*tree.Dir, error) {
	if at == "." {
		return m.cold.Sub(".")
	}
	dir, err := m.cold.Sub(at)
	if !errors.Is(err, unix.ENOENT) {
		return dir, err
	}
	above, err := m.archiveParent(path.Dir(at))
	if err != nil {
		return nil, err
	}
	defer above.Close()
	like, err := m.hot.Sub(at)
	if err != nil {
		return nil, err
	}
	defer like.Close()
	if err := above.MakeLike(path.Base(at), like, m.coldPrivate); err != nil && !errors.Is(err, unix.EEXIST) {
		return nil, err
	}
	if err := above.Sync(); err != nil {
		return nil, err
	}
	return m.cold.Sub(at)
}

// giveUp removes a copy that cannot be finished.
func (m *Mover) giveUp(day string) error {
	return errors.Join(
		m.coldPrivate.RemoveAll(id(day)+PartialSuffix),
		m.coldPrivate.RemoveAll(id(day)+copySuffix+newSuffix),
		m.coldPrivate.RemoveAll(id(day)+ScrubSuffix),
		m.coldPrivate.RemoveAll(id(day)+ScrubSuffix+newSuffix),
	)
}

// discard removes what an earlier run left. In the hot tree's private directory
// those are files and links: a directory there was a day, and stays.
func (m *Mover) discard(remains []Remain) error {
	for _, remain := range remains {
		remove := m.coldPrivate.RemoveAll
		if remain.Hot {
			remove = m.hotPrivate.RemoveLink
		}
		if err := remove(remain.Name); err != nil {
			return err
		}
	}
	return nil
}

// discardLink removes a link that waits for a flip. The old directory, which
// stands in its place after one, stays.
func (m *Mover) discardLink(day string) error {
	err := m.hotPrivate.RemoveLink(id(day) + linkSuffix)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	return err
}

// merge carries a day into the archive that has some of it already.
func (m *Mover) merge(ctx context.Context, day string) error {
	hot, err := m.hot.Sub(day)
	if err != nil {
		return err
	}
	defer hot.Close()
	manifest := id(day) + copySuffix
	if err := m.carry(ctx, day, hot, m.coldPrivate, manifest, tree.SourceWins, nil); err != nil {
		return err
	}
	if err := m.point("merged"); err != nil {
		return err
	}
	return errors.Join(KeepManifest(m.coldPrivate, manifest), m.coldPrivate.RemoveAll(id(day)+PartialSuffix))
}

// carry merges a directory into a day of the archive. The directory's manifest
// is read from where it was kept, and written anew beside it. lacks may be nil, see
// tree.Merge.
func (m *Mover) carry(ctx context.Context, day string, from, kept *tree.Dir, manifest string, precedence tree.Precedence, lacks func(path string) error) error {
	into, err := m.cold.Sub(day)
	if err != nil {
		return err
	}
	defer into.Close()
	was, done, err := OpenManifest(kept, manifest)
	if errors.Is(err, tree.ErrBrokenManifest) {
		// Without one, all is compared.
		was, done, err = nil, func() {}, nil
	}
	if err != nil {
		return err
	}
	defer done()
	return WriteManifest(kept, manifest, func(out *tree.ManifestWriter) error {
		merge := tree.Merge{
			From: from, Into: into, Scratch: m.coldPrivate, Was: was, Out: out, Precedence: precedence,
			Conflict: func(kept, aside string) { m.conflict(day, kept, aside) }, Lacks: lacks,
			// What goes by the hot tree's word is not missed: the next scrub begins anew.
			Removes: func() error {
				return errors.Join(m.coldPrivate.RemoveAll(id(day)+ScrubSuffix), m.coldPrivate.Sync())
			},
		}
		return merge.Run(ctx)
	})
}
