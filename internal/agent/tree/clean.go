// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tree

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Clean removes from a tree what is as its manifest says and open for writing
// nowhere, and directories that are then empty; everything else stays. The
// tree's own top goes last, by its name in the directory that holds it. It
// tells whether all of it is gone.
func Clean(ctx context.Context, holder *Dir, name string, manifest *ManifestReader) (bool, error) {
	top, err := holder.Sub(name)
	if err != nil {
		return false, err
	}
	defer top.Close()
	c := cleaning{unlinked: map[uint64]bool{}}
	if err := Join(ctx, top, manifest, c.pair, c.leave); err != nil {
		return false, err
	}
	if err := holder.RemoveEmpty(name); err != nil {
		return false, err
	}
	_, err = holder.Stat(name)
	if errors.Is(err, unix.ENOENT) {
		return true, nil
	}
	return false, err
}

type cleaning struct {
	// unlinked are files with more names than the one that was removed, which
	// moved their change time.
	unlinked map[uint64]bool
}

func (c *cleaning) pair(v *Visit, was *Entry) error {
	if v == nil || was == nil || v.Dir != nil {
		return nil
	}
	stat := v.Stat
	if v.Is(unix.S_IFREG) {
		file, _, err := v.Parent.openFile(v.Name)
		if err != nil {
			return err
		}
		defer file.close()
		if err := file.hold(); errors.Is(err, ErrOpenForWriting) {
			return nil
		}
		if stat, err = file.stat(); err != nil {
			return err
		}
	}
	as := *was
	if c.unlinked[stat.Ino] {
		as.Changed = stat.Ctim.Nano()
	}
	if !as.untouched(stat) {
		return nil
	}
	if err := unix.Unlinkat(v.Parent.fd, v.Name, 0); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("unable to remove %q: %w", v.Parent.at(v.Name), err)
	}
	if stat.Nlink > 1 {
		c.unlinked[stat.Ino] = true
	}
	return nil
}

func (c *cleaning) leave(v *Visit) error {
	if v.Parent == nil {
		return nil
	}
	return v.Parent.RemoveEmpty(v.Name)
}

// RemoveEmpty removes a directory that holds nothing; any other stays.
func (d *Dir) RemoveEmpty(name string) error {
	err := unix.Unlinkat(d.fd, name, unix.AT_REMOVEDIR)
	if err == nil || errors.Is(err, unix.ENOTEMPTY) || errors.Is(err, unix.EEXIST) || errors.Is(err, unix.ENOENT) {
		return nil
	}
	return fmt.Errorf("unable to remove %q: %w", d.at(name), err)
}
