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

// sweep carries into the archive what was written into an old directory, and what the
// archive has lost of it: nothing goes from an archive but by request, and who requests it
// takes it out of the old directory, too (see package archive). What was lost fails the
// run, so that somebody looks after the disk.
func (m *Mover) sweep(ctx context.Context, day string, number int) error {
	name := oldName(day, number)
	old, err := m.hotPrivate.Sub(name)
	if err != nil {
		return err
	}
	defer old.Close()
	if err := m.makeDay(day, old); err != nil {
		return err
	}
	count, first := 0, ""
	lacks := func(path string) error {
		if count++; count > 1 {
			return nil
		}
		first = path
		// What is written now has to be read from the disk, too, before the directory goes.
		return errors.Join(m.hotPrivate.RemoveAll(name+readSuffix), m.hotPrivate.Sync())
	}
	if err := m.carry(ctx, day, old, m.hotPrivate, name+manifestSuffix, tree.NewerWins, lacks); err != nil {
		return err
	}
	if err := m.point("swept"); err != nil {
		return err
	}
	if err := KeepManifest(m.hotPrivate, name+manifestSuffix); err != nil || count == 0 {
		return err
	}
	m.putBack[name] = true
	return fmt.Errorf("the archive had lost %s of the day, the first is %q, and has it again from the directory that the day moved from: look after its disk, or name in cold_deletions what no node is to have", names(count), first)
}

// names counts files and links.
func names(count int) string {
	if count == 1 {
		return "1 file"
	}
	return fmt.Sprintf("%d files", count)
}

// makeDay makes the directory of a day that the archive has lost as a whole.
func (m *Mover) makeDay(day string, old *tree.Dir) error {
	there, err := m.cold.Sub(day)
	there.Close()
	if !errors.Is(err, unix.ENOENT) {
		return err
	}
	parent, err := m.archiveParent(path.Dir(day))
	if err != nil {
		return err
	}
	defer parent.Close()
	if err := parent.MakeLike(path.Base(day), old, m.coldPrivate); err != nil && !errors.Is(err, unix.EEXIST) {
		return err
	}
	return parent.Sync()
}

// clean removes what the archive has of an old directory. It tells whether
// nothing is left.
func (m *Mover) clean(ctx context.Context, day string, number int) (bool, error) {
	name := oldName(day, number)
	manifest, done, err := OpenManifest(m.hotPrivate, name+manifestSuffix)
	if err != nil {
		return false, err
	}
	defer done()
	archived, err := m.cold.Sub(day)
	if err != nil {
		return false, err
	}
	defer archived.Close()
	if err := m.point("cleaning"); err != nil {
		return false, err
	}
	gone, err := tree.Clean(ctx, m.hotPrivate, name, manifest, archived)
	if err != nil || !gone {
		return gone, err
	}
	if err := m.point("cleaned"); err != nil {
		return true, err
	}
	return true, errors.Join(m.hotPrivate.RemoveAll(name+manifestSuffix), m.hotPrivate.RemoveAll(name+readSuffix), m.hotPrivate.Sync())
}
