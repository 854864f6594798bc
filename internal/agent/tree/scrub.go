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
	// Missing is told of what went away since; of a directory by what was in it.
	Missing func(path string)
}

// Missing tells of what a tree had when its manifest was made and has no more; of a
// directory by what was in it. No file is read.
func Missing(ctx context.Context, top *Dir, manifest *ManifestReader, tell func(path string)) error {
	return Join(ctx, top, manifest, func(v *Visit, was *Entry) error {
		if v == nil && was.Kind != Directory {
			tell(was.Path)
		}
		return nil
	}, nil)
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
			if was.Kind != Directory {
				s.Missing(was.Path)
			}
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
	if err != nil {
		// How it looks can be told even where it cannot be read.
		entry, _ = entryOf(v.Path, v.Stat)
	}
	if err == nil && was != nil {
		err = entry.rotted(*was)
	}
	return entry, err
}

// rotted says that the content is another and nobody changed it.
func (e Entry) rotted(was Entry) error {
	if e.like(was) && e.Content != was.Content {
		return errOtherContent
	}
	return nil
}

// like tells that nobody changed a file since the other entry was made: who writes
// into a file moves its time. A disk that was copied has other inodes and change
// times, and may have rotted all the same.
func (e Entry) like(was Entry) bool {
	return e.Kind == File && was.Kind == File && e.Modified == was.Modified && e.Size == was.Size
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
	if !errors.Is(problem, errOtherContent) && !errors.Is(problem, unix.EIO) {
		if errors.Is(problem, unix.ENOENT) || errors.Is(problem, ErrMoving) {
			return s.Out.Add(*was) // the next run tells
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

// mending is where a good copy is prepared.
const mending = "mending"

// Mend puts a file with the content that was in the place of a rotten one, and the
// rotten one, under the same name, into the directory that keep opens. The content
// comes from elsewhere and is proven by its hash. At no instant the name is missing,
// and where somebody touches the file in the last moment, theirs stays.
func (v *Visit) Mend(was Entry, content io.Reader, scratch *Dir, keep func() (*Dir, error)) (*Entry, error) {
	prepared, err := v.prepare(was, content, scratch)
	if err != nil {
		return nil, errors.Join(err, scratch.RemoveAll(mending))
	}
	kept, err := keep()
	if err != nil {
		return nil, errors.Join(err, scratch.RemoveAll(mending))
	}
	defer kept.Close()
	// The good one waits where the rotten one is to lie: then one step does both.
	if err := scratch.Rename(mending, kept, v.Name); err != nil {
		return nil, errors.Join(err, scratch.RemoveAll(mending))
	}
	if err := kept.Exchange(v.Name, v.Parent, v.Name); err != nil {
		return nil, err
	}
	if old, err := kept.Stat(v.Name); err != nil || !Same(old, v.Stat) || old.Size != v.Stat.Size || old.Mtim != v.Stat.Mtim {
		return nil, errors.Join(err, fmt.Errorf("%q: %w", v.Path, ErrMoving), kept.Exchange(v.Name, v.Parent, v.Name))
	}
	if err := errors.Join(v.Parent.Sync(), kept.Sync()); err != nil {
		return nil, err
	}
	stat, err := v.Parent.Stat(v.Name)
	if err == nil && stat.Ino != prepared {
		err = fmt.Errorf("%q: %w", v.Path, ErrMoving)
	}
	if err != nil {
		return nil, err
	}
	mended := was
	mended.Inode, mended.Changed = stat.Ino, stat.Ctim.Nano()
	return &mended, nil
}

// prepare writes the good copy, and gives its inode.
func (v *Visit) prepare(was Entry, content io.Reader, scratch *Dir) (uint64, error) {
	if err := scratch.RemoveAll(mending); err != nil {
		return 0, err
	}
	to, err := scratch.createFile(mending)
	if err != nil {
		return 0, err
	}
	defer to.close()
	sum := sha256.New()
	if _, err := io.Copy(&at{to: to}, io.TeeReader(io.LimitReader(content, was.Size+1), sum)); err != nil {
		return 0, err
	}
	if text(sum.Sum(nil)) != was.Content {
		return 0, ErrNotTheSame
	}
	if err := dress(to.fd, to, was, v.attributes()); err != nil {
		return 0, err
	}
	stat, err := to.stat()
	if err != nil {
		return 0, err
	}
	return stat.Ino, to.sync()
}

// Hash gives the hash of what is read, as an entry's Content has it.
func Hash(from io.Reader) (string, error) {
	sum := sha256.New()
	_, err := io.Copy(sum, from)
	return text(sum.Sum(nil)), err
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
