// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tree

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Kind is what an entry is.
type Kind byte

// The kinds that a tier carries. Anything else stays where it is.
const (
	Directory Kind = 'd'
	File      Kind = 'f'
	Link      Kind = 'l'
)

// Entry is one thing in a tree, and all that a copy of it must have.
type Entry struct {
	Path     string
	Kind     Kind
	Mode     uint32
	UID, GID uint32
	// Size is in bytes, of files only.
	Size int64
	// Modified is in nanoseconds since 1970; none for directories in a digest.
	Modified int64
	// Attributes is a hash of the extended attributes, ACLs among them, or "".
	Attributes string
	// Content is the SHA-256 of a file, or where a link leads.
	Content string
	// Inode and Changed are the source's, by which a later look tells that
	// nobody touched it: a change time cannot be set back.
	Inode   uint64
	Changed int64
}

// kindOf gives the kind, or false for what a tier does not carry.
func kindOf(stat unix.Stat_t) (Kind, bool) {
	switch stat.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return Directory, true
	case unix.S_IFREG:
		return File, true
	case unix.S_IFLNK:
		return Link, true
	}
	return 0, false
}

// UnknownKindError is a socket, a pipe or a device.
type UnknownKindError struct {
	Path string
	Mode uint32
}

func (e *UnknownKindError) Error() string {
	kind := map[uint32]string{unix.S_IFSOCK: "a socket", unix.S_IFIFO: "a pipe", unix.S_IFBLK: "a block device", unix.S_IFCHR: "a character device"}[e.Mode&unix.S_IFMT]
	return fmt.Sprintf("%q is %s, which cannot be archived", e.Path, kind)
}

// entryOf makes an entry of a look, without content and attributes.
func entryOf(path string, stat unix.Stat_t) (Entry, error) {
	kind, known := kindOf(stat)
	if !known {
		return Entry{}, &UnknownKindError{Path: path, Mode: stat.Mode}
	}
	entry := Entry{
		Path: path, Kind: kind, Mode: stat.Mode & 0o7777, UID: stat.Uid, GID: stat.Gid,
		Modified: stat.Mtim.Nano(), Inode: stat.Ino, Changed: stat.Ctim.Nano(),
	}
	if kind == File {
		entry.Size = stat.Size
	}
	return entry, nil
}

// untouched tells that the source of the entry is as it was.
func (e *Entry) untouched(stat unix.Stat_t) bool {
	kind, known := kindOf(stat)
	return known && kind == e.Kind && stat.Ino == e.Inode && stat.Ctim.Nano() == e.Changed &&
		stat.Mtim.Nano() == e.Modified && (kind != File || stat.Size == e.Size)
}

// differs says in which way a copy is not what the entry says, or "".
func (e *Entry) differs(other Entry) string {
	switch {
	case e.Kind != other.Kind:
		return fmt.Sprintf("is of the kind %c, want %c", other.Kind, e.Kind)
	case e.Kind == File && e.Size != other.Size:
		return fmt.Sprintf("has %d bytes, want %d", other.Size, e.Size)
	case e.Content != other.Content:
		return "has other content"
	case e.UID != other.UID || e.GID != other.GID:
		return fmt.Sprintf("belongs to %d:%d, want %d:%d", other.UID, other.GID, e.UID, e.GID)
	case e.Kind != Link && e.Mode != other.Mode:
		return fmt.Sprintf("has the permissions %#o, want %#o", other.Mode, e.Mode)
	case e.Modified != other.Modified:
		return "has another modification time"
	case e.Attributes != other.Attributes:
		return "has other extended attributes"
	}
	return ""
}

// attribute is an extended attribute.
type attribute struct{ name, value string }

// attributes reads the extended attributes of an open file, sorted. A label of
// SELinux belongs to the place, not to the file.
func attributes(fd int, name fmt.Stringer) ([]attribute, error) {
	return attributesBy(
		func(buffer []byte) (int, error) { return unix.Flistxattr(fd, buffer) },
		func(key string, buffer []byte) (int, error) { return unix.Fgetxattr(fd, key, buffer) },
		name)
}

func attributesBy(list func([]byte) (int, error), get func(string, []byte) (int, error), name fmt.Stringer) ([]attribute, error) {
	keys, err := sized(list)
	if errors.Is(err, unix.ENOTSUP) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("unable to list the extended attributes of %q: %w", name, err)
	}
	var found []attribute
	for key := range strings.SplitSeq(string(keys), "\x00") {
		if key == "" || key == "security.selinux" {
			continue
		}
		value, err := sized(func(buffer []byte) (int, error) { return get(key, buffer) })
		if errors.Is(err, unix.ENODATA) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("unable to read the extended attribute %s of %q: %w", key, name, err)
		}
		found = append(found, attribute{key, string(value)})
	}
	slices.SortFunc(found, func(a, b attribute) int { return strings.Compare(a.name, b.name) })
	return found, nil
}

// sized calls with a buffer that is large enough.
func sized(call func([]byte) (int, error)) ([]byte, error) {
	buffer := make([]byte, 256)
	for {
		n, err := call(buffer)
		if err == nil {
			return buffer[:n], nil
		}
		if !errors.Is(err, unix.ERANGE) || len(buffer) > 1<<20 {
			return nil, err
		}
		buffer = make([]byte, 4*len(buffer))
	}
}

func digestOf(list []attribute) string {
	if len(list) == 0 {
		return ""
	}
	hash := sha256.New()
	for _, a := range list {
		for _, part := range []string{a.name, a.value} {
			_ = binary.Write(hash, binary.BigEndian, uint64(len(part)))
			_, _ = hash.Write([]byte(part))
		}
	}
	return text(hash.Sum(nil))
}

// text is how hashes are written.
func text(sum []byte) string { return base64.RawURLEncoding.EncodeToString(sum) }

// dress gives an open file or directory its owner, permissions, attributes and time.
func dress(fd int, name fmt.Stringer, entry Entry, list []attribute) error {
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return fmt.Errorf("unable to look at %q: %w", name, err)
	}
	if stat.Uid != entry.UID || stat.Gid != entry.GID {
		if err := unix.Fchown(fd, int(entry.UID), int(entry.GID)); err != nil {
			return fmt.Errorf("unable to give %q to %d:%d: %w", name, entry.UID, entry.GID, err)
		}
	}
	if err := unix.Fchmod(fd, entry.Mode); err != nil {
		return fmt.Errorf("unable to set the permissions of %q: %w", name, err)
	}
	for _, a := range list {
		if err := unix.Fsetxattr(fd, a.name, []byte(a.value), 0); err != nil {
			return fmt.Errorf("unable to set the extended attribute %s of %q: %w", a.name, name, err)
		}
	}
	return setTime(fd, "", name.String(), entry.Modified)
}

// setTime sets the modification time of an open file, or of a name in a directory.
func setTime(fd int, below, name string, modified int64) error {
	times := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, unix.NsecToTimespec(modified)}
	flags := unix.AT_SYMLINK_NOFOLLOW
	if below == "" {
		flags = unix.AT_EMPTY_PATH
	}
	if err := unix.UtimesNanoAt(fd, below, times, flags); err != nil {
		return fmt.Errorf("unable to set the time of %q: %w", name, err)
	}
	return nil
}
