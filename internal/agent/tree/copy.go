// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tree

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// directory reads a directory into an entry.
func (v *Visit) directory() (Entry, []attribute, error) {
	entry, err := entryOf(v.Path, v.Stat)
	if err != nil {
		return entry, nil, err
	}
	list, err := attributes(v.Dir.fd, v.Dir)
	entry.Attributes = digestOf(list)
	return entry, list, err
}

// Copy copies a tree into a private directory, where an earlier Copy may have
// got stuck, and writes its manifest. Each file is read again as soon as it is
// written. Afterwards the copy is complete, but not yet safe on disk.
func Copy(ctx context.Context, from, to *Dir, out *ManifestWriter) error {
	c := &copying{out: out, top: to, linked: map[[2]uint64]string{}}
	defer c.close()
	return Walk(ctx, from, c.enter, c.leave)
}

type copying struct {
	out   *ManifestWriter
	top   *Dir
	batch batch
	// open are the directories of the copy that the walk is in.
	open []copied
	// linked is where the first name of a file with several names is.
	linked map[[2]uint64]string
}

type copied struct {
	dir   *Dir
	entry Entry
	list  []attribute
}

func (c *copying) close() {
	for _, open := range c.open {
		if open.dir != c.top {
			open.dir.Close()
		}
	}
}

func (c *copying) into() *Dir { return c.open[len(c.open)-1].dir }

func (c *copying) enter(v *Visit) error {
	switch {
	case v.Is(unix.S_IFDIR):
		return c.enterDirectory(v)
	case v.Is(unix.S_IFLNK):
		entry, err := v.link()
		if err != nil {
			return err
		}
		into := c.into()
		return c.batch.add(func() error { return makeLink(into, v.Name, entry) }, func() error { return c.out.Add(entry) })
	case v.Is(unix.S_IFREG) && v.Stat.Nlink > 1:
		return c.enterLinked(v)
	case v.Is(unix.S_IFREG):
		into := c.into()
		var entry Entry
		do := func() (err error) { entry, err = copyFile(v, into, v.Name, atRest); return err }
		return c.batch.add(do, func() error { return c.out.Add(entry) })
	}
	return &UnknownKindError{Path: v.Path, Mode: v.Stat.Mode}
}

func (c *copying) enterDirectory(v *Visit) error {
	// What is before it in the manifest comes first, and its own directory is
	// still open.
	if err := c.batch.flush(); err != nil {
		return err
	}
	entry, list, err := v.directory()
	if err != nil {
		return err
	}
	dir := c.top
	if v.Parent != nil {
		if dir, err = c.into().MakeOrOpen(v.Name); err != nil {
			return err
		}
	}
	c.open = append(c.open, copied{dir, entry, list})
	return c.out.Add(entry)
}

// MakeOrOpen gives a directory in a private one, in place of anything else.
func (d *Dir) MakeOrOpen(name string) (*Dir, error) {
	err := d.Mkdir(name)
	if errors.Is(err, unix.EEXIST) {
		if stat, err := d.Stat(name); err != nil || stat.Mode&unix.S_IFMT != unix.S_IFDIR {
			if err = errors.Join(err, d.RemoveAll(name), d.Mkdir(name)); err != nil {
				return nil, err
			}
		}
		err = nil
	}
	if err != nil {
		return nil, err
	}
	return d.Sub(name)
}

// leave has the directory of the copy hold nothing that the source has not,
// which an earlier attempt may have left, and finishes it.
func (c *copying) leave(v *Visit) error {
	if err := c.batch.flush(); err != nil {
		return err
	}
	done := c.open[len(c.open)-1]
	names, err := done.dir.Names()
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, err := v.Dir.Stat(name); errors.Is(err, unix.ENOENT) {
			if err := done.dir.RemoveAll(name); err != nil {
				return err
			}
		}
	}
	if err := dress(done.dir.fd, done.dir, done.entry, done.list); err != nil {
		return err
	}
	c.open = c.open[:len(c.open)-1]
	if done.dir != c.top {
		done.dir.Close()
	}
	return nil
}

// enterLinked copies a file with several names once, and links the others to it.
func (c *copying) enterLinked(v *Visit) error {
	if err := c.batch.flush(); err != nil {
		return err
	}
	key := [2]uint64{v.Stat.Dev, v.Stat.Ino}
	first, known := c.linked[key]
	if known {
		if err := c.into().RemoveAll(v.Name); err != nil {
			return err
		}
		if err := unix.Linkat(c.top.fd, first, c.into().fd, v.Name, 0); err != nil {
			return fmt.Errorf("unable to link %q: %w", c.into().at(v.Name), err)
		}
	}
	// Where it is there already it is compared, not written again.
	entry, err := copyFile(v, c.into(), v.Name, atRest)
	if err != nil {
		return err
	}
	c.linked[key] = v.Path
	return c.out.Add(entry)
}

// state is what is asked of a file that is copied.
type state bool

const (
	// atRest: nobody may have it open for writing, or change it meanwhile.
	atRest state = true
	// asItIs: what it had when it was opened is good enough, since it is looked
	// at again.
	asItIs state = false
)

// copyFile copies a file under a name in a private directory. One that is
// there already with the same content is kept.
func copyFile(v *Visit, into *Dir, name string, asked state) (Entry, error) {
	from, stat, err := v.Parent.openFile(v.Name)
	if err != nil {
		return Entry{}, err
	}
	defer from.close()
	entry, err := entryOf(v.Path, stat)
	if err != nil {
		return entry, err
	}
	if asked == atRest {
		if err := from.idle(); err != nil {
			return entry, err
		}
	}
	list, err := attributes(from.fd, from)
	if err != nil {
		return entry, err
	}
	entry.Attributes = digestOf(list)
	to, err := contentInto(from, stat, into, name, &entry)
	if err != nil {
		return entry, err
	}
	defer to.close()
	after, err := from.stat()
	if err != nil {
		return entry, err
	}
	if asked == atRest && !entry.untouched(after) {
		return entry, fmt.Errorf("%q: %w", from, ErrMoving)
	}
	return entry, dress(to.fd, to, entry, list)
}

// contentInto gives the copy, open, with the content that the entry then names.
func contentInto(from *file, stat unix.Stat_t, into *Dir, name string, entry *Entry) (*file, error) {
	to, err := into.createFile(name)
	if errors.Is(err, unix.EEXIST) {
		to, err = reuse(from, stat, into, name, entry)
		if to != nil || err != nil {
			return to, err
		}
		if err := into.RemoveAll(name); err != nil {
			return nil, err
		}
		to, err = into.createFile(name)
	}
	if err != nil {
		return nil, err
	}
	if entry.Content, err = from.copyInto(to, stat); err == nil {
		to.hurry(stat.Size)
		err = to.reads(entry.Content, stat)
	}
	if err != nil {
		to.close()
		return nil, err
	}
	return to, nil
}

// largeFile is from where on a file is worth being written to disk by itself.
const largeFile = 1 << 20

// hurry has a large file written to disk while others are copied, not when all are. Nothing
// depends on it.
func (f *file) hurry(size int64) {
	if size >= largeFile {
		_ = unix.SyncFileRange(f.fd, 0, 0, unix.SYNC_FILE_RANGE_WRITE)
	}
}

// ErrUnlike means that a file does not read as it was written.
var ErrUnlike = errors.New("it does not read as it was written")

// reads holds a copy against the hash of what was written. Right after that it is mostly
// read from memory, at next to no cost; ReadBack asks the disk. Where holes may be is asked
// of the source: file systems that are still to write a file have told of holes in it.
func (f *file) reads(content string, source unix.Stat_t) error {
	back, err := f.hash(source, false)
	if err == nil && back != content {
		err = fmt.Errorf("%q: %w", f, ErrUnlike)
	}
	return err
}

// reuse gives what an earlier copy left under the name, if it is the same.
func reuse(from *file, stat unix.Stat_t, into *Dir, name string, entry *Entry) (*file, error) {
	old, oldStat, err := into.openFile(name)
	if err != nil || oldStat.Size != stat.Size || oldStat.Mtim != stat.Mtim {
		if err == nil {
			old.close()
		}
		return nil, nil //nolint:nilnil // what is no such file is not to be used
	}
	there, err := old.hash(oldStat, false)
	if err == nil {
		entry.Content, err = from.hash(stat, false)
	}
	if err == nil && there == entry.Content {
		return old, nil
	}
	old.close()
	return nil, err
}
