// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mover

import (
	"context"
	"errors"
	"fmt"

	"github.com/atollhq/terraform-provider-atoll/internal/agent/tree"
)

// readBack reads the copy of an old directory from the disk. A file that is another than
// was written is written again, and fails the run, so that somebody looks after the disk;
// the next run reads all of it again.
func (m *Mover) readBack(ctx context.Context, day string, number int) error {
	name := oldName(day, number)
	old, err := m.hotPrivate.Sub(name)
	if err != nil {
		return err
	}
	defer old.Close()
	archived, err := m.cold.Sub(day)
	if err != nil {
		return err
	}
	defer archived.Close()
	manifest, done, err := OpenManifest(m.hotPrivate, name+manifestSuffix)
	if err != nil {
		return err
	}
	defer done()
	var rotten []error
	err = tree.ReadBack(ctx, archived, manifest, func(v *tree.Visit, was tree.Entry, problem error) error {
		kept, err := m.writeAgain(day, v, was, old)
		if err == nil {
			err = fmt.Errorf("it was written again, and lies as it was in %s: look after the disk", kept)
		}
		rotten = append(rotten, fmt.Errorf("in the archive, %q does not read as it was written (%w): %w", v.Path, problem, err))
		return nil
	})
	switch {
	case err != nil:
		return err
	case len(rotten) > 1:
		return fmt.Errorf("%w (and %d more)", rotten[0], len(rotten)-1)
	case len(rotten) == 1:
		return rotten[0]
	}
	return m.noteReadBack(name)
}

// noteReadBack notes that the copy of an old directory reads as it was written.
func (m *Mover) noteReadBack(name string) error {
	if err := m.point("read back"); err != nil {
		return err
	}
	note, err := m.hotPrivate.Create(name + readSuffix)
	if err != nil {
		return err
	}
	return errors.Join(note.Close(), m.hotPrivate.Sync())
}

// writeAgain puts a file of an old directory in the place of what the archive has of it,
// and gives where that lies.
func (m *Mover) writeAgain(day string, v *tree.Visit, was tree.Entry, old *tree.Dir) (kept string, err error) {
	content, err := old.Read(v.Path)
	if err != nil {
		return "", err
	}
	defer func() { _ = content.Close() }()
	_, kept, err = Mend(m.cold, m.coldPrivate, m.Now(), day, v, was, content)
	return kept, err
}
