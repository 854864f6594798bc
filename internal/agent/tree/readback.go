// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tree

import (
	"context"
	"errors"

	"golang.org/x/sys/unix"
)

// ReadBack reads from the disk the files of an archived tree that a manifest knows, and
// tells of each that is another one, or cannot be read, though nobody changed it. The
// manifest is of the tree that was archived. What is gone, was changed or came since is
// somebody's own.
func ReadBack(ctx context.Context, top *Dir, manifest *ManifestReader, rotten func(v *Visit, was Entry, problem error) error) error {
	var batch batch
	pair := func(v *Visit, was *Entry) error {
		if v != nil && v.Dir != nil {
			return batch.flush()
		}
		if v == nil || was == nil || was.Kind != File || !v.Is(unix.S_IFREG) {
			return nil
		}
		var problem error
		do := func() error {
			problem = v.readsAs(*was)
			return nil
		}
		return batch.add(do, func() error {
			switch {
			case problem == nil, errors.Is(problem, unix.ENOENT), errors.Is(problem, ErrMoving):
				return nil
			case errors.Is(problem, errOtherContent), errors.Is(problem, unix.EIO):
				return rotten(v, *was, problem)
			}
			return problem
		})
	}
	return Join(ctx, top, manifest, pair, func(*Visit) error { return batch.flush() })
}

// readsAs reads a file that nobody changed, and says how it is not what it was.
func (v *Visit) readsAs(was Entry) error {
	entry, err := entryOf(v.Path, v.Stat)
	if err != nil || !entry.like(was) {
		return err
	}
	if entry, err = read(v, true); err != nil {
		return err
	}
	return entry.rotted(was)
}
