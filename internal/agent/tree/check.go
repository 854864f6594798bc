// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tree

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Compare tells every difference of a copy from its manifest, but for the content of its
// files, which Copy has read again and ReadBack reads from the disk. What it found goes to
// out, with the times of the copy itself.
func Compare(ctx context.Context, top *Dir, manifest *ManifestReader, out *ManifestWriter, tell func(Difference)) error {
	var batch batch
	pair := func(v *Visit, want *Entry) error {
		switch {
		case v == nil:
			tell(Difference{want.Path, "is missing"})
			return nil
		case want == nil:
			tell(Difference{v.Path, "is not in the manifest"})
			return nil
		case v.Dir != nil:
			// The files before it lie in directories that are still open only now.
			if err := batch.flush(); err != nil {
				return err
			}
		}
		var got Entry
		do := func() (err error) { got, err = look(v, want.Content); return err }
		then := func() error {
			if how := want.differs(got); how != "" {
				tell(Difference{want.Path, how})
			}
			return out.Add(got)
		}
		return batch.add(do, then)
	}
	leave := func(*Visit) error { return batch.flush() }
	return Join(ctx, top, manifest, pair, leave)
}

// read makes an entry of what a walk came to, with all of its content. fresh has a file
// read from the disk, not from memory.
func read(v *Visit, fresh bool) (Entry, error) {
	return entryWith(v, func(f *file, stat unix.Stat_t) (string, error) { return f.hash(stat, fresh) })
}

// look makes one without reading a file, whose content is known.
func look(v *Visit, content string) (Entry, error) {
	return entryWith(v, func(*file, unix.Stat_t) (string, error) { return content, nil })
}

func entryWith(v *Visit, content func(*file, unix.Stat_t) (string, error)) (Entry, error) {
	switch {
	case v.Dir != nil:
		entry, _, err := v.directory()
		return entry, err
	case v.Is(unix.S_IFLNK):
		entry, err := entryOf(v.Path, v.Stat)
		if err == nil {
			entry.Content, err = v.Parent.Readlink(v.Name)
		}
		return entry, err
	case !v.Is(unix.S_IFREG):
		return Entry{}, &UnknownKindError{Path: v.Path, Mode: v.Stat.Mode}
	}
	file, stat, err := v.Parent.openFile(v.Name)
	if err != nil {
		return Entry{}, err
	}
	defer file.close()
	entry, err := entryOf(v.Path, stat)
	if err != nil {
		return entry, err
	}
	list, err := attributes(file.fd, file)
	if err != nil {
		return entry, err
	}
	entry.Attributes = digestOf(list)
	entry.Content, err = content(file, stat)
	return entry, err
}

// Look is what a first look at a tree tells, without reading any file.
type Look struct {
	Entries int
	Bytes   int64
	// Newest is the last change of anything, in nanoseconds since 1970. It is a
	// change time where that is later: a file that came with an old
	// modification time counts from when it came.
	Newest int64
	// Unfit is why it cannot be archived as it is, or nil.
	Unfit error
}

// LookAt takes a first look.
func LookAt(ctx context.Context, top *Dir) (Look, error) {
	var look Look
	err := Walk(ctx, top, func(v *Visit) error {
		look.Entries++
		look.Newest = max(look.Newest, v.Stat.Mtim.Nano(), v.Stat.Ctim.Nano())
		if v.Is(unix.S_IFREG) {
			look.Bytes += v.Stat.Blocks * 512
		}
		if look.Unfit == nil {
			look.Unfit = v.unfit()
		}
		return nil
	}, nil)
	return look, err
}

// unfit tells why it cannot be archived, or nothing.
func (v *Visit) unfit() error {
	if v.Is(unix.S_IFLNK) {
		_, err := v.link()
		return err
	}
	if _, known := kindOf(v.Stat); !known {
		return &UnknownKindError{Path: v.Path, Mode: v.Stat.Mode}
	}
	return nil
}

// errEnough ends a walk early.
var errEnough = errors.New("enough seen")

// Touched tells the first thing in which a tree is not as it was when its
// manifest was made of it, or "".
func Touched(ctx context.Context, top *Dir, manifest *ManifestReader) (string, error) {
	found := ""
	pair := func(v *Visit, was *Entry) error {
		switch {
		case v == nil:
			found = fmt.Sprintf("%q went away", was.Path)
		case was == nil:
			found = fmt.Sprintf("%q is new", v.Path)
		case !was.untouched(v.Stat):
			found = fmt.Sprintf("%q changed", v.Path)
		default:
			return nil
		}
		return errEnough
	}
	err := Join(ctx, top, manifest, pair, nil)
	if errors.Is(err, errEnough) {
		err = nil
	}
	return found, err
}

// ErrNotArchived means that the archive lacks something that it was given.
var ErrNotArchived = errors.New("the archive does not have it any longer")

// Held tells the first file in a tree that somebody has open for writing, as an
// error, and whether the archive has a file of the same size for each.
func Held(ctx context.Context, top, archive *Dir) error {
	open := []*Dir{}
	defer func() {
		for _, dir := range open {
			dir.Close()
		}
	}()
	enter := func(v *Visit) error {
		if v.Dir != nil {
			dir, err := archive.Sub(dot(v.Path))
			if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
				err = fmt.Errorf("%q: %w", v.Path, ErrNotArchived)
			}
			open = append(open, dir)
			return err
		}
		there, err := open[len(open)-1].Stat(v.Name)
		if errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("%q: %w", v.Path, ErrNotArchived)
		}
		if err != nil {
			return err
		}
		if there.Mode&unix.S_IFMT != v.Stat.Mode&unix.S_IFMT || there.Size != v.Stat.Size {
			return fmt.Errorf("%q is another one: %w", v.Path, ErrNotArchived)
		}
		if !v.Is(unix.S_IFREG) {
			return nil
		}
		file, _, err := v.Parent.openFile(v.Name)
		if err != nil {
			return err
		}
		defer file.close()
		return file.idle()
	}
	return Walk(ctx, top, enter, func(*Visit) error {
		open[len(open)-1].Close()
		open = open[:len(open)-1]
		return nil
	})
}

func dot(path string) string {
	if path == "" {
		return "."
	}
	return path
}
