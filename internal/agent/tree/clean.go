// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tree

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Clean removes from a tree what is as its manifest says, open for writing nowhere
// and under its name in the archive, and directories that are then empty; everything
// else stays. The tree's own top goes last, by its name in the directory that holds
// it. It tells whether all of it is gone.
func Clean(ctx context.Context, holder *Dir, name string, manifest *ManifestReader, archive *Dir) (bool, error) {
	top, err := holder.Sub(name)
	if err != nil {
		return false, err
	}
	defer top.Close()
	c := cleaning{archive: archive, unlinked: map[uint64]bool{}}
	defer c.close()
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
	// archive has the tree, and beside the directories of it that the walk is in; nil
	// where it has no such one.
	archive *Dir
	beside  []*Dir
}

func (c *cleaning) close() {
	for len(c.beside) > 0 {
		c.left()
	}
}

// left ends the directory that the walk was in.
func (c *cleaning) left() {
	last := c.beside[len(c.beside)-1]
	c.beside = c.beside[:len(c.beside)-1]
	if last != c.archive {
		last.Close()
	}
}

// entered opens beside a directory the archive's.
func (c *cleaning) entered(v *Visit) error {
	if v.Parent == nil {
		c.beside = append(c.beside, c.archive)
		return nil
	}
	var dir *Dir
	if above := c.beside[len(c.beside)-1]; above != nil {
		var err error
		if dir, err = above.Sub(v.Name); err != nil && !NoDirectory(err) {
			return err
		}
	}
	c.beside = append(c.beside, dir)
	return nil
}

// archived says that the archive has something under the name.
func (c *cleaning) archived(v *Visit) bool {
	in := c.beside[len(c.beside)-1]
	if in == nil {
		return false
	}
	_, err := in.Stat(v.Name)
	return err == nil
}

func (c *cleaning) pair(v *Visit, was *Entry) error {
	switch {
	case v == nil:
		return nil
	case v.Dir != nil:
		return c.entered(v)
	case was == nil || !c.archived(v):
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
	c.left()
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
