// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tree

import (
	"errors"
	"fmt"
	"path"
	"slices"

	"golang.org/x/sys/unix"
)

// removeGone removes from the archive what went away from the source, where it
// is still what the source had.
func (m *merging) removeGone() error {
	if len(m.gone) > 0 && m.Removes != nil {
		if err := m.Removes(); err != nil {
			return err
		}
	}
	for _, entry := range slices.Backward(m.gone) {
		dir, err := m.Into.Sub(dot(path.Dir(entry.Path)))
		if errors.Is(err, unix.ENOENT) {
			continue
		}
		if err != nil {
			return err
		}
		err = removeIf(dir, entry)
		dir.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func removeIf(dir *Dir, entry Entry) error {
	name := path.Base(entry.Path)
	if entry.Kind == Directory {
		return dir.RemoveEmpty(name)
	}
	stat, err := dir.Stat(name)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return err
	}
	if kind, known := kindOf(stat); !known || kind != entry.Kind {
		return nil
	}
	there, err := read(&Visit{Path: entry.Path, Parent: dir, Name: name, Stat: stat}, false)
	if err != nil || there.Content != entry.Content || there.Modified != entry.Modified {
		return err
	}
	if err := unix.Unlinkat(dir.fd, name, 0); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("unable to remove %q: %w", dir.at(name), err)
	}
	return nil
}
