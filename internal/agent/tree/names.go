// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tree

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Private opens a directory of ours in a tree of somebody else's, and makes it
// where it is missing. Nobody else may look into it: a name within it cannot
// be swapped by others. One that is not so is refused, since somebody else put
// it there.
func (d *Dir) Private(name string) (*Dir, error) {
	err := unix.Mkdirat(d.fd, name, 0o700)
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return nil, fmt.Errorf("unable to make %q: %w", d.at(name), err)
	}
	made := err == nil
	private, err := d.Sub(name)
	if err != nil {
		return nil, err
	}
	stat, err := private.Self()
	if err == nil && (int(stat.Uid) != unix.Geteuid() || stat.Mode&0o077 != 0) {
		err = fmt.Errorf("unable to use %q: user %d owns it, with the permissions %#o; it must belong to user %d and be closed to all others: look at what is in it; where only its owner was changed, as by a chown -R, give it back", private, stat.Uid, stat.Mode&0o7777, unix.Geteuid())
	}
	if err == nil && made {
		// What is made in here must not take over what the tree hands down.
		err = withoutDefault(private.fd)
	}
	if err != nil {
		private.Close()
		return nil, err
	}
	return private, nil
}

func withoutDefault(fd int) error {
	err := unix.Fremovexattr(fd, "system.posix_acl_default")
	if err == nil || errors.Is(err, unix.ENODATA) || errors.Is(err, unix.ENOTSUP) {
		return nil
	}
	return fmt.Errorf("unable to remove a default ACL: %w", err)
}

// Mkdir makes a directory that only its maker can enter.
func (d *Dir) Mkdir(name string) error {
	if err := unix.Mkdirat(d.fd, name, 0o700); err != nil {
		return fmt.Errorf("unable to make %q: %w", d.at(name), err)
	}
	return nil
}

// MakeLike makes a directory with the owner, permissions and attributes of
// another one. Nobody sees it before it has them: it is made in scratch, a
// private directory on the same file system.
func (d *Dir) MakeLike(name string, like, scratch *Dir) error {
	stat, err := like.Self()
	if err != nil {
		return err
	}
	entry, list, err := (&Visit{Stat: stat, Dir: like}).directory()
	if err != nil {
		return err
	}
	made, err := d.makeDressed(name, entry, list, scratch)
	made.Close()
	return err
}

// MakeClosed makes a directory that the owner of another one can enter, and nobody else.
func (d *Dir) MakeClosed(name string, like, scratch *Dir) error {
	stat, err := like.Self()
	if err != nil {
		return err
	}
	stat.Mode = stat.Mode&unix.S_IFMT | 0o700
	entry, err := entryOf(name, stat)
	if err != nil {
		return err
	}
	made, err := d.makeDressed(name, entry, nil, scratch)
	made.Close()
	return err
}

func (d *Dir) makeDressed(name string, entry Entry, list []attribute, scratch *Dir) (*Dir, error) {
	if err := errors.Join(scratch.RemoveAll(incoming), scratch.Mkdir(incoming)); err != nil {
		return nil, err
	}
	made, err := scratch.Sub(incoming)
	if err != nil {
		return nil, err
	}
	defer made.Close()
	if err := dress(made.fd, made, entry, list); err != nil {
		return nil, err
	}
	if err := scratch.Rename(incoming, d, name); err != nil {
		return nil, err
	}
	return d.Sub(name)
}

// Create makes or empties a file in a private directory.
func (d *Dir) Create(name string) (*os.File, error) {
	return d.openPrivate(name, unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC)
}

// Append opens a file in a private directory to write at its end.
func (d *Dir) Append(name string) (*os.File, error) {
	return d.openPrivate(name, unix.O_WRONLY|unix.O_CREAT|unix.O_APPEND)
}

// Open opens a file in a private directory to read it.
func (d *Dir) Open(name string) (*os.File, error) { return d.openPrivate(name, unix.O_RDONLY) }

func (d *Dir) openPrivate(name string, flags int) (*os.File, error) {
	fd, err := retry(func() (int, error) { return unix.Openat(d.fd, name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600) })
	if err != nil {
		return nil, fmt.Errorf("unable to open %q: %w", d.at(name), err)
	}
	return os.NewFile(uintptr(fd), d.at(name)), nil
}

// Follow looks at what a relative path leads to from here, through links, too.
func (d *Dir) Follow(path string) (unix.Stat_t, error) {
	var stat unix.Stat_t
	if err := unix.Fstatat(d.fd, path, &stat, 0); err != nil {
		return stat, fmt.Errorf("unable to look at %q from %q: %w", path, d.name, err)
	}
	return stat, nil
}

// Give hands a link to an owner.
func (d *Dir) Give(name string, uid, gid uint32) error {
	if err := unix.Fchownat(d.fd, name, int(uid), int(gid), unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return fmt.Errorf("unable to give %q to %d:%d: %w", d.at(name), uid, gid, err)
	}
	return nil
}

// Symlink makes a link.
func (d *Dir) Symlink(text, name string) error {
	if err := unix.Symlinkat(text, d.fd, name); err != nil {
		return fmt.Errorf("unable to make the link %q: %w", d.at(name), err)
	}
	return nil
}

// Rename moves a name to where there is none.
func (d *Dir) Rename(name string, to *Dir, newName string) error {
	if err := unix.Renameat2(d.fd, name, to.fd, newName, unix.RENAME_NOREPLACE); err != nil {
		return fmt.Errorf("unable to move %q to %q: %w", d.at(name), to.at(newName), err)
	}
	return nil
}

// Replace moves a name to another one, over what is there.
func (d *Dir) Replace(name string, to *Dir, newName string) error {
	if err := unix.Renameat(d.fd, name, to.fd, newName); err != nil {
		return fmt.Errorf("unable to move %q over %q: %w", d.at(name), to.at(newName), err)
	}
	return nil
}

// renameat2 stands here so that a file system without the exchange can be tried.
var renameat2 = unix.Renameat2

// Exchange swaps two names in one step: nobody ever sees one of them missing.
func (d *Dir) Exchange(name string, with *Dir, otherName string) error {
	if err := renameat2(d.fd, name, with.fd, otherName, unix.RENAME_EXCHANGE); err != nil {
		return fmt.Errorf("unable to exchange %q and %q: %w", d.at(name), with.at(otherName), err)
	}
	return nil
}

// NoExchangeError is a file system that cannot swap two names in one step.
type NoExchangeError struct{ Where string }

func (e *NoExchangeError) Error() string {
	return fmt.Sprintf("the file system of %s cannot exchange two names in one step (renameat2 with RENAME_EXCHANGE), so a path would be missing for a moment: use ext4, xfs, btrfs or tmpfs, and no network file system", e.Where)
}

// CanExchange tries, in a private directory, to swap a directory and a link.
func (d *Dir) CanExchange() error {
	const directory, link = "exchange.directory", "exchange.link"
	clean := func() error { return errors.Join(d.RemoveAll(directory), d.RemoveAll(link)) }
	if err := errors.Join(clean(), d.Mkdir(directory), d.Symlink(directory, link)); err != nil {
		return err
	}
	err := d.Exchange(link, d, directory)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EXDEV) {
		err = &NoExchangeError{Where: d.name}
	}
	return errors.Join(err, clean())
}

// RemoveAll removes a name with all that is below it, without looking through
// links. It is for private directories: elsewhere, remove by a manifest.
func (d *Dir) RemoveAll(name string) error {
	err := unix.Unlinkat(d.fd, name, 0)
	if err == nil || errors.Is(err, unix.ENOENT) {
		return nil
	}
	if !errors.Is(err, unix.EISDIR) && !errors.Is(err, unix.EPERM) {
		return fmt.Errorf("unable to remove %q: %w", d.at(name), err)
	}
	sub, err := d.Sub(name)
	if err != nil {
		return err
	}
	defer sub.Close()
	names, err := sub.Names()
	if err != nil {
		return err
	}
	for _, below := range names {
		if err := sub.RemoveAll(below); err != nil {
			return err
		}
	}
	if err := unix.Unlinkat(d.fd, name, unix.AT_REMOVEDIR); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("unable to remove %q: %w", d.at(name), err)
	}
	return nil
}

// Room is what a file system has left for its users.
type Room struct{ Bytes, Inodes uint64 }

// Room tells how much fits into the directory's file system. Those that make
// inodes as they are wanted report none at all: they have no end.
func (d *Dir) Room() (Room, error) {
	var stat unix.Statfs_t
	if err := unix.Fstatfs(d.fd, &stat); err != nil {
		return Room{}, fmt.Errorf("unable to ask for the room left in %q: %w", d.name, err)
	}
	room := Room{Bytes: stat.Bavail * uint64(stat.Bsize), Inodes: stat.Ffree}
	if stat.Files == 0 {
		room.Inodes = ^uint64(0)
	}
	return room, nil
}

// SetTime sets when a file in a private directory was modified.
func (d *Dir) SetTime(name string, modified time.Time) error {
	return setTime(d.fd, name, d.at(name), modified.UnixNano())
}

// RemoveLink removes a name that is no directory.
func (d *Dir) RemoveLink(name string) error {
	if err := unix.Unlinkat(d.fd, name, 0); err != nil {
		return fmt.Errorf("unable to remove %q: %w", d.at(name), err)
	}
	return nil
}
