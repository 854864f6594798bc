// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tree

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Precedence says which of two versions of a file keeps the name.
type Precedence int

const (
	// SourceWins is for a tree that people still see: it says what is right.
	// What went away from it since its manifest was made goes from the archive, too.
	SourceWins Precedence = iota
	// NewerWins is for a tree that nobody sees any longer, into which something
	// was written late. Nothing is removed on its word.
	NewerWins
)

// Merge is a tree that is carried into an archive that is there already.
type Merge struct {
	From, Into *Dir
	// Scratch is a private directory on the archive's file system.
	Scratch *Dir
	// Was is the manifest of the source from when it was last carried over, or
	// nil. What did not change since is passed over.
	Was *ManifestReader
	// Out takes the manifest of the source as it is now.
	Out        *ManifestWriter
	Precedence Precedence
	// Conflict is told of each file that was put aside, under its new name.
	Conflict func(kept, aside string)
	// Lacks is told of what the archive had once and has no more, before it gets it again
	// from a source that nobody sees; nil for nobody.
	Lacks func(path string) error
	// Removes is told before anything is removed from the archive; nil for nobody.
	Removes func() error
}

// incoming is the name in Scratch under which a thing is prepared.
const incoming = "incoming"

// Run carries over all that the archive lacks, and what changed. Nothing is
// written into a file that the archive has: another one takes its place in one
// step, and where both sides changed, both are kept.
func (m *Merge) Run(ctx context.Context) error {
	if err := m.Scratch.RemoveAll(incoming); err != nil {
		return err
	}
	r := merging{Merge: m}
	defer r.close()
	if err := Join(ctx, m.From, m.Was, r.pair, r.leave); err != nil {
		return err
	}
	if m.Precedence == SourceWins {
		if err := r.removeGone(); err != nil {
			return err
		}
	}
	return m.Into.SyncAll()
}

type merging struct {
	*Merge
	open []*Dir
	gone []Entry
}

func (m *merging) close() {
	for _, dir := range m.open {
		if dir != m.Into {
			dir.Close()
		}
	}
}

func (m *merging) into() *Dir { return m.open[len(m.open)-1] }

func (m *merging) pair(v *Visit, was *Entry) error {
	if v == nil {
		m.gone = append(m.gone, *was)
		return nil
	}
	if v.Dir != nil {
		return m.directory(v)
	}
	place := m.place
	if was != nil && was.untouched(v.Stat) {
		if m.archived(v, was) {
			return m.Out.Add(*was)
		}
		if m.Precedence == NewerWins {
			place = m.giveBack
			if err := m.lacks(v.Path); err != nil {
				return err
			}
		}
	}
	entry, err := m.prepare(v)
	if err == nil {
		err = place(v, entry, was)
	}
	if m.Precedence == NewerWins && passing(err) {
		// The others must not wait for it. It stays where it is, since no
		// manifest has it as it is now, and is looked at again.
		if was == nil {
			return nil
		}
		return m.Out.Add(*was)
	}
	if err != nil {
		return err
	}
	return m.Out.Add(entry)
}

// passing tells that something cannot be carried over now, and that this is no
// failure of the archive.
func passing(err error) bool {
	var unknown *UnknownKindError
	var leads *LinkLeadsOutError
	return errors.Is(err, ErrMoving) || errors.Is(err, unix.ENOENT) || errors.As(err, &unknown) || errors.As(err, &leads)
}

// prepare has Scratch hold what the source has.
func (m *merging) prepare(v *Visit) (Entry, error) {
	switch {
	case v.Is(unix.S_IFLNK):
		entry, err := v.link()
		if err == nil {
			err = makeLink(m.Scratch, incoming, entry)
		}
		return entry, err
	case v.Is(unix.S_IFREG):
		return m.fetch(v)
	}
	return Entry{}, &UnknownKindError{Path: v.Path, Mode: v.Stat.Mode}
}

func (m *merging) lacks(path string) error {
	if m.Lacks == nil {
		return nil
	}
	return m.Lacks(path)
}

// giveBack gives what is prepared its name in an archive that had lost it. What has come
// there meanwhile, as with the archive's own run, stays.
func (m *merging) giveBack(v *Visit, _ Entry, _ *Entry) error {
	err := m.Scratch.Rename(incoming, m.into(), v.Name)
	if errors.Is(err, unix.EEXIST) {
		return m.Scratch.RemoveAll(incoming)
	}
	return err
}

// archived tells whether what did not change is in the archive. After the flip it is
// the archive's own affair what is there under the name, but not that nothing is: nobody
// sees the source any longer, so it may be the last of its kind.
func (m *merging) archived(v *Visit, was *Entry) bool {
	there, err := m.into().Stat(v.Name)
	if m.Precedence == NewerWins {
		return !errors.Is(err, unix.ENOENT)
	}
	if err != nil {
		return false
	}
	kind, known := kindOf(there)
	return known && kind == was.Kind && (kind != File || there.Size == was.Size && there.Mtim.Nano() == was.Modified)
}

func (m *merging) directory(v *Visit) error {
	entry, list, err := v.directory()
	if err != nil {
		return err
	}
	dir := m.Into
	if v.Parent != nil {
		dir, err = m.into().Sub(v.Name)
		if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
			if err = m.putAside(v.Name, v.Path, Entry{}); err == nil {
				err = unix.ENOENT
			}
		}
		if errors.Is(err, unix.ENOENT) {
			dir, err = m.into().makeDressed(v.Name, entry, list, m.Scratch)
		}
		if err != nil {
			return err
		}
	}
	m.open = append(m.open, dir)
	return m.Out.Add(entry)
}

func (m *merging) leave(*Visit) error {
	last := m.open[len(m.open)-1]
	m.open = m.open[:len(m.open)-1]
	if last != m.Into {
		last.Close()
	}
	return nil
}

// fetch copies a file into Scratch, makes it safe and reads it back.
func (m *merging) fetch(v *Visit) (Entry, error) {
	asked := atRest
	if m.Precedence == NewerWins {
		asked = asItIs
	}
	entry, err := copyFile(v, m.Scratch, incoming, asked)
	if err != nil {
		return entry, err
	}
	file, stat, err := m.Scratch.openFile(incoming)
	if err != nil {
		return entry, err
	}
	defer file.close()
	if err := file.sync(); err != nil {
		return entry, err
	}
	back, err := file.hash(stat, true)
	if err == nil && back != entry.Content {
		err = fmt.Errorf("unable to trust the disk: %q reads other than it was written", file)
	}
	return entry, err
}

// place gives what is prepared its name in the archive.
func (m *merging) place(v *Visit, entry Entry, was *Entry) error {
	err := m.Scratch.Rename(incoming, m.into(), v.Name)
	if !errors.Is(err, unix.EEXIST) {
		return err
	}
	there, err := m.there(v)
	if err != nil {
		return err
	}
	same := there.Kind == entry.Kind && there.Content == entry.Content
	ours := was != nil && there.Kind == was.Kind && there.Content == was.Content
	switch {
	case same && (entry.differs(there) == "" || m.Precedence == NewerWins && there.Changed > entry.Changed):
		return m.Scratch.RemoveAll(incoming)
	case same || ours:
		return m.Scratch.Replace(incoming, m.into(), v.Name)
	case m.Precedence == NewerWins && there.Modified > entry.Modified:
		return m.keepAside(v, entry)
	}
	if err := m.putAside(v.Name, v.Path, there); err != nil {
		return err
	}
	return m.Scratch.Rename(incoming, m.into(), v.Name)
}

// there reads what the archive has under the name.
func (m *merging) there(v *Visit) (Entry, error) {
	stat, err := m.into().Stat(v.Name)
	if err != nil {
		return Entry{}, err
	}
	archived := &Visit{Path: v.Path, Parent: m.into(), Name: v.Name, Stat: stat}
	if kind, known := kindOf(stat); !known || kind == Directory {
		return Entry{Path: v.Path, Kind: kind}, nil
	}
	return read(archived, false)
}
