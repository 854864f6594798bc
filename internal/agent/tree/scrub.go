// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tree

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// Scrub reads all of an archived tree from the disk and compares it with what
// it was, to find what nobody changed and yet is another: a disk that forgets.
type Scrub struct {
	Top *Dir
	// Was is the manifest that the last scrub wrote, or nil.
	Was *ManifestReader
	// Out takes the manifest for the next one.
	Out *ManifestWriter
	// Rotten is told of a file whose content is another, or cannot be read,
	// though its times say that nobody touched it. It gives the entry of the file
	// that it put in its place, or nil where it could not.
	Rotten func(v *Visit, was Entry, problem error) (*Entry, error)
	// Missing is told of what went away since.
	Missing func(path string)
}

// Read is what a scrub read.
type Read struct {
	Files int
	Bytes int64
}

var errOtherContent = errors.New("the content is another, and nobody changed it")

// Run reads all of the tree.
func (s *Scrub) Run(ctx context.Context) (Read, error) {
	var read Read
	var batch batch
	pair := func(v *Visit, was *Entry) error {
		if v == nil {
			s.Missing(was.Path)
			return nil
		}
		if _, known := kindOf(v.Stat); !known {
			return nil
		}
		if v.Dir != nil {
			if err := batch.flush(); err != nil {
				return err
			}
		}
		var entry Entry
		var problem error
		do := func() error {
			entry, problem = s.read(v, was)
			return nil
		}
		return batch.add(do, func() error {
			read.Files++
			read.Bytes += entry.Size
			return s.note(v, entry, was, problem)
		})
	}
	return read, Join(ctx, s.Top, s.Was, pair, func(*Visit) error { return batch.flush() })
}

func (s *Scrub) read(v *Visit, was *Entry) (Entry, error) {
	entry, err := read(v, true)
	if err == nil && was != nil && entry.like(*was) && entry.Content != was.Content {
		err = errOtherContent
	}
	return entry, err
}

// like tells that nobody touched a file since the other entry was made.
func (e Entry) like(was Entry) bool {
	return e.Kind == File && was.Kind == File && e.Inode == was.Inode && e.Changed == was.Changed && e.Modified == was.Modified && e.Size == was.Size
}

func (s *Scrub) note(v *Visit, entry Entry, was *Entry, problem error) error {
	if problem == nil {
		return s.Out.Add(entry)
	}
	if was == nil || !entry.like(*was) {
		// It went away or is being written; or it was never read before, and then
		// nobody knows what it should be.
		if errors.Is(problem, unix.EIO) {
			_, err := s.Rotten(v, Entry{Path: v.Path, Kind: File}, problem)
			return err
		}
		if errors.Is(problem, unix.ENOENT) || errors.Is(problem, ErrMoving) {
			return nil
		}
		return problem
	}
	mended, err := s.Rotten(v, *was, problem)
	if err != nil {
		return err
	}
	if mended == nil {
		mended = was
	}
	return s.Out.Add(*mended)
}

// ErrNotTheSame means that a replica's file is not the one that is wanted.
var ErrNotTheSame = errors.New("what it has is not the same either")

// Mend puts a file with the content that was in the place of a rotten one. The
// content comes from elsewhere and is proven by its hash. Where somebody
// touches the file in the last moment, theirs stays.
func (v *Visit) Mend(was Entry, content io.Reader, scratch *Dir) (*Entry, error) {
	if err := scratch.RemoveAll(incoming); err != nil {
		return nil, err
	}
	to, err := scratch.createFile(incoming)
	if err != nil {
		return nil, err
	}
	defer to.close()
	sum := sha256.New()
	if _, err := io.Copy(&at{to: to}, io.TeeReader(io.LimitReader(content, was.Size+1), sum)); err != nil {
		return nil, err
	}
	if text(sum.Sum(nil)) != was.Content {
		return nil, errors.Join(ErrNotTheSame, scratch.RemoveAll(incoming))
	}
	if err := dress(to.fd, to, was, v.attributes()); err != nil {
		return nil, err
	}
	if err := to.sync(); err != nil {
		return nil, err
	}
	if err := scratch.Exchange(incoming, v.Parent, v.Name); err != nil {
		return nil, err
	}
	if old, err := scratch.Stat(incoming); err != nil || !was.untouchedButForMoving(old) {
		return nil, errors.Join(err, fmt.Errorf("%q: %w", v.Path, ErrMoving), scratch.Exchange(incoming, v.Parent, v.Name))
	}
	if err := errors.Join(v.Parent.Sync(), scratch.RemoveAll(incoming)); err != nil {
		return nil, err
	}
	stat, err := v.Parent.Stat(v.Name)
	if err != nil {
		return nil, err
	}
	mended := was
	mended.Inode, mended.Changed = stat.Ino, stat.Ctim.Nano()
	return &mended, nil
}

// untouchedButForMoving is untouched, after a move that set the change time.
func (e *Entry) untouchedButForMoving(stat unix.Stat_t) bool {
	as := *e
	as.Changed = stat.Ctim.Nano()
	return as.untouched(stat)
}

// attributes are those of the rotten file, as far as they can still be read.
func (v *Visit) attributes() []attribute {
	file, _, err := v.Parent.openFile(v.Name)
	if err != nil {
		return nil
	}
	defer file.close()
	list, err := attributes(file.fd, file)
	if err != nil {
		return nil
	}
	return list
}

// at writes a file from its begin on.
type at struct {
	to     *file
	offset int64
}

func (a *at) Write(part []byte) (int, error) {
	if err := a.to.writeAt(part, a.offset); err != nil {
		return 0, err
	}
	a.offset += int64(len(part))
	return len(part), nil
}

// Read opens a file below the directory for reading.
func (d *Dir) Read(below string) (io.ReadCloser, error) {
	parent, err := d.Sub(path.Dir(below))
	if err != nil {
		return nil, err
	}
	defer parent.Close()
	file, _, err := parent.openFile(path.Base(below))
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(file.fd), file.String()), nil
}
