// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package tree reads, copies, compares and removes directory trees in which
// others work at the same time, some of whom may mean harm.
//
// Whoever owns a directory can put a link in its place while it is being read.
// So no path is ever resolved twice: a tree is reached through open
// directories, one name at a time, never through a link and never across a
// mount, and what was opened is what is worked on. Names are bytes.
package tree

import (
	"errors"
	"fmt"
	"os"
	"path"
	"slices"

	"golang.org/x/sys/unix"
)

// Dir is an open directory.
type Dir struct {
	fd int
	// name is where it was opened, for what is said to people.
	name string
}

// ErrMoving means that a tree changed under the hand that read it.
var ErrMoving = errors.New("it changes while it is read")

// OpenRoot opens the root of a tree by its path, which must not lead through a link.
func OpenRoot(root string) (*Dir, error) {
	d, err := open(unix.AT_FDCWD, root, unix.RESOLVE_NO_SYMLINKS|unix.RESOLVE_NO_MAGICLINKS)
	if errors.Is(err, unix.ELOOP) {
		return nil, fmt.Errorf("unable to open %s: it leads through a symbolic link: give the path that it leads to", root)
	}
	if err != nil {
		return nil, fmt.Errorf("unable to open %s: %w", root, err)
	}
	d.name = root
	return d, nil
}

// Sub opens a directory below this one, without a link or a mount on the way.
func (d *Dir) Sub(below string) (*Dir, error) {
	sub, err := open(d.fd, below, unix.RESOLVE_BENEATH|unix.RESOLVE_NO_SYMLINKS|unix.RESOLVE_NO_MAGICLINKS|unix.RESOLVE_NO_XDEV)
	if errors.Is(err, unix.EXDEV) {
		return nil, fmt.Errorf("unable to open %q: another file system is mounted there: %w", path.Join(d.name, below), err)
	}
	if err != nil {
		return nil, fmt.Errorf("unable to open %q: %w", path.Join(d.name, below), err)
	}
	sub.name = path.Join(d.name, below)
	return sub, nil
}

// NoDirectory tells whether an error of Sub says that no directory of this tree has the
// name: there is nothing, something else, a link, or what somebody mounted.
func NoDirectory(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) || errors.Is(err, unix.EXDEV)
}

func open(at int, name string, resolve uint64) (*Dir, error) {
	how := unix.OpenHow{Flags: unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: resolve}
	fd, err := retry(func() (int, error) { return unix.Openat2(at, name, &how) })
	if errors.Is(err, unix.ENOSYS) {
		return nil, fmt.Errorf("the kernel is too old: Linux 5.6 or later is needed: %w", err)
	}
	if err != nil {
		return nil, err
	}
	return &Dir{fd: fd}, nil
}

func retry(call func() (int, error)) (int, error) {
	for {
		value, err := call()
		if !errors.Is(err, unix.EINTR) {
			return value, err
		}
	}
}

// Close closes the directory.
func (d *Dir) Close() {
	if d != nil {
		_ = unix.Close(d.fd)
	}
}

// String says where the directory was opened.
func (d *Dir) String() string { return d.name }

func (d *Dir) at(name string) string { return path.Join(d.name, name) }

// Names lists the directory, sorted.
func (d *Dir) Names() ([]string, error) {
	fd, err := unix.Openat(d.fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("unable to list %q: %w", d.name, err)
	}
	file := os.NewFile(uintptr(fd), d.name)
	defer func() { _ = file.Close() }()
	names, err := file.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("unable to list %q: %w", d.name, err)
	}
	slices.Sort(names)
	return names, nil
}

// Stat looks at a name, not through it.
func (d *Dir) Stat(name string) (unix.Stat_t, error) {
	var stat unix.Stat_t
	if err := unix.Fstatat(d.fd, name, &stat, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return stat, fmt.Errorf("unable to look at %q: %w", d.at(name), err)
	}
	return stat, nil
}

// Self looks at the directory itself.
func (d *Dir) Self() (unix.Stat_t, error) {
	var stat unix.Stat_t
	if err := unix.Fstat(d.fd, &stat); err != nil {
		return stat, fmt.Errorf("unable to look at %q: %w", d.name, err)
	}
	return stat, nil
}

// Same tells whether two looks saw the same thing.
func Same(a, b unix.Stat_t) bool {
	return a.Dev == b.Dev && a.Ino == b.Ino && a.Mode&unix.S_IFMT == b.Mode&unix.S_IFMT
}

// Readlink gives the text of a link.
func (d *Dir) Readlink(name string) (string, error) {
	buffer := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(d.fd, name, buffer)
	if err != nil {
		return "", fmt.Errorf("unable to read the link %q: %w", d.at(name), err)
	}
	return string(buffer[:n]), nil
}

// Sync makes the directory's names last over a power cut.
func (d *Dir) Sync() error {
	if err := unix.Fsync(d.fd); err != nil {
		return fmt.Errorf("unable to write %q to disk: %w", d.name, err)
	}
	return nil
}

// SyncAll makes all of the directory's file system last over a power cut.
func (d *Dir) SyncAll() error {
	if err := unix.Syncfs(d.fd); err != nil {
		return fmt.Errorf("unable to write the file system of %q to disk: %w", d.name, err)
	}
	return nil
}
