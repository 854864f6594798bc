// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tree

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// LinkLeadsOutError is a symbolic link that would mean something else from
// another place.
type LinkLeadsOutError struct{ Path, Text string }

func (e *LinkLeadsOutError) Error() string {
	return fmt.Sprintf("%q is a symbolic link to %q, which leads out of the directory and would lead elsewhere from the archive", e.Path, e.Text)
}

// leadsOut tells whether a relative link may leave the tree's top. What goes up
// again after going down is not judged: what it goes down into may be a link.
func leadsOut(place, text string) bool {
	if path.IsAbs(text) {
		return false
	}
	depth, down := strings.Count(place, "/"), false
	for name := range strings.SplitSeq(text, "/") {
		switch name {
		case "", ".":
		case "..":
			if depth--; down || depth < 0 {
				return true
			}
		default:
			down = true
		}
	}
	return false
}

// link reads a link into an entry.
func (v *Visit) link() (Entry, error) {
	entry, err := entryOf(v.Path, v.Stat)
	if err != nil {
		return entry, err
	}
	if entry.Content, err = v.Parent.Readlink(v.Name); err != nil {
		return entry, err
	}
	if leadsOut(v.Path, entry.Content) {
		return entry, &LinkLeadsOutError{Path: v.Path, Text: entry.Content}
	}
	return entry, nil
}

func makeLink(into *Dir, name string, entry Entry) error {
	err := into.Symlink(entry.Content, name)
	if errors.Is(err, unix.EEXIST) {
		err = errors.Join(into.RemoveAll(name), into.Symlink(entry.Content, name))
	}
	if err != nil {
		return err
	}
	if err := unix.Fchownat(into.fd, name, int(entry.UID), int(entry.GID), unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return fmt.Errorf("unable to give %q to %d:%d: %w", into.at(name), entry.UID, entry.GID, err)
	}
	return setTime(into.fd, name, into.at(name), entry.Modified)
}
