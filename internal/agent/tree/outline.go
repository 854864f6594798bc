// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tree

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"os/user"
	"strconv"

	"golang.org/x/sys/unix"
)

// Outline makes a hash of all that rsync looks at to tell whether there is anything to
// carry: of each name the kind, permissions, extended attributes and ACLs, of files the
// size, the second of the last change and which are one file, of links the text. No file
// is read. Two trees with one hash have nothing for each other; with two, they may.
type Outline struct {
	// Without says which paths are left out, with all that is below them; nil for none.
	Without func(path string) bool
	// Owners says that owners and groups count, by their names as rsync's do.
	Owners bool
}

// Of makes the hash of a tree.
func (o Outline) Of(ctx context.Context, top *Dir) (string, error) {
	w := outlining{owners: o.Owners, sum: sha256.New(), first: map[[2]uint64]string{}, names: map[string]string{}}
	if err := (walker{without: o.Without, enter: w.enter}).from(ctx, top); err != nil {
		return "", err
	}
	return text(w.sum.Sum(nil)), nil
}

type outlining struct {
	owners bool
	sum    hash.Hash
	// line is what is hashed of a name.
	line []byte
	// first is where the first name of a file with several names is.
	first map[[2]uint64]string
	// names are those of owners and groups.
	names map[string]string
}

func (w *outlining) enter(v *Visit) error {
	kind, known := kindOf(v.Stat)
	if !known {
		return nil
	}
	w.line = w.line[:0]
	w.text(v.Path)
	w.line = append(w.line, byte(kind))
	if kind == Link {
		text, err := v.Parent.Readlink(v.Name)
		w.text(text)
		return w.end(v, nil, err)
	}
	w.number(uint64(v.Stat.Mode & 0o7777))
	if kind == Directory {
		list, err := attributes(v.Dir.fd, v.Dir)
		return w.end(v, list, err)
	}
	w.number(uint64(v.Stat.Size))
	w.number(uint64(v.Stat.Mtim.Sec))
	w.text(w.firstOf(v))
	list, err := v.attributesByName()
	return w.end(v, list, err)
}

// firstOf is where another name of a file is that was come to before, or "".
func (w *outlining) firstOf(v *Visit) string {
	if v.Stat.Nlink < 2 {
		return ""
	}
	key := [2]uint64{v.Stat.Dev, v.Stat.Ino}
	first, known := w.first[key]
	if !known {
		w.first[key] = v.Path
	}
	return first
}

// end hashes what was gathered of a name.
func (w *outlining) end(v *Visit, list []attribute, err error) error {
	if err != nil {
		return err
	}
	w.text(digestOf(list))
	if w.owners {
		w.text(w.name("user", v.Stat.Uid))
		w.text(w.name("group", v.Stat.Gid))
	}
	_, _ = w.sum.Write(w.line)
	return nil
}

func (w *outlining) text(text string) {
	w.number(uint64(len(text)))
	w.line = append(w.line, text...)
}

func (w *outlining) number(n uint64) { w.line = binary.BigEndian.AppendUint64(w.line, n) }

// name is that of a user or a group, or the number where it has none.
func (w *outlining) name(kind string, number uint32) string {
	digits := strconv.FormatUint(uint64(number), 10)
	key := kind + digits
	if known, is := w.names[key]; is {
		return known
	}
	w.names[key] = digits
	if kind == "user" {
		if found, err := user.LookupId(digits); err == nil {
			w.names[key] = found.Username
		}
	} else if found, err := user.LookupGroupId(digits); err == nil {
		w.names[key] = found.Name
	}
	return w.names[key]
}

// attributesByName reads the extended attributes of a file without opening it, which
// takes a permission that listing them does not.
func (v *Visit) attributesByName() ([]attribute, error) {
	at := fmt.Sprintf("/proc/self/fd/%d/%s", v.Parent.fd, v.Name)
	return attributesBy(
		func(buffer []byte) (int, error) { return unix.Llistxattr(at, buffer) },
		func(key string, buffer []byte) (int, error) { return unix.Lgetxattr(at, key, buffer) },
		&file{dir: v.Parent, name: v.Name})
}
