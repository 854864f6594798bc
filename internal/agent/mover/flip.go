// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mover

import (
	"context"
	"errors"
	"fmt"
	"path"

	"golang.org/x/sys/unix"

	"github.com/atollhq/terraform-provider-atoll/internal/agent/tree"
)

// flip puts the link in the place of the day's directory, in one step, and
// carries over at once what was written in the meantime.
func (m *Mover) flip(ctx context.Context, day string) error {
	parent, err := m.hot.Sub(path.Dir(day))
	if err != nil {
		return err
	}
	defer parent.Close()
	hot, err := parent.Sub(path.Base(day))
	if err != nil {
		return err
	}
	defer hot.Close()
	if err := m.prepareLink(day, parent, hot); err != nil {
		return err
	}
	err = m.ready(ctx, day, hot)
	if errors.Is(err, tree.ErrNotArchived) {
		// Without a manifest, the whole day is compared with the archive again.
		err = errors.Join(err, m.coldPrivate.RemoveAll(id(day)+copySuffix))
	}
	if err != nil {
		return errors.Join(err, m.discardLink(day))
	}
	if err := m.point("flipping"); err != nil {
		return err
	}
	if err := m.exchange(day, parent, hot); err != nil {
		return err
	}
	if err := m.point("exchanged"); err != nil {
		return err
	}
	if err := errors.Join(parent.Sync(), m.hotPrivate.Sync()); err != nil {
		return err
	}
	return m.point("flipped")
}

// prepareLink makes the link, and sees that it leads to the archive.
func (m *Mover) prepareLink(day string, parent, hot *tree.Dir) error {
	text, err := m.config.linkText(day)
	if err != nil {
		return err
	}
	if err := m.leads(day, parent, text); err != nil {
		return err
	}
	stat, err := hot.Self()
	if err != nil {
		return err
	}
	if err := m.discardLink(day); err != nil {
		return err
	}
	name := id(day) + linkSuffix
	if err := errors.Join(m.hotPrivate.Symlink(text, name), m.hotPrivate.Give(name, stat.Uid, stat.Gid), m.hotPrivate.Sync()); err != nil {
		return err
	}
	return m.point("prepared")
}

// leads checks that a link with the text, in the parent, is the archived day.
func (m *Mover) leads(day string, parent *tree.Dir, text string) error {
	cold, err := m.cold.Sub(day)
	if err != nil {
		return err
	}
	defer cold.Close()
	want, err := cold.Self()
	if err != nil {
		return err
	}
	got, err := parent.Follow(text)
	if err != nil {
		return fmt.Errorf("the link %q would lead nowhere: %w", text, err)
	}
	if !tree.Same(want, got) {
		return fmt.Errorf("the link %q would not lead to the archived day %q", text, cold)
	}
	return nil
}

// ready looks for the last time whether the archive has all of the day, and
// whether somebody is writing.
func (m *Mover) ready(ctx context.Context, day string, hot *tree.Dir) error {
	cold, err := m.cold.Sub(day)
	if err != nil {
		return err
	}
	defer cold.Close()
	if err := tree.Held(ctx, hot, cold); err != nil {
		return err
	}
	was, done, err := OpenManifest(m.coldPrivate, id(day)+copySuffix)
	if err != nil {
		return err
	}
	defer done()
	touched, err := tree.Touched(ctx, hot, was)
	if err == nil && touched != "" {
		err = fmt.Errorf("%s: %w", touched, tree.ErrMoving)
	}
	return err
}

// exchange swaps the link and the directory, and sees that it was the
// directory that was looked at: somebody may have put another one there.
func (m *Mover) exchange(day string, parent, hot *tree.Dir) error {
	name, place := id(day)+linkSuffix, path.Base(day)
	if err := m.hotPrivate.Exchange(name, parent, place); err != nil {
		return err
	}
	want, err := hot.Self()
	if err != nil {
		return err
	}
	got, err := m.hotPrivate.Stat(name)
	if err == nil && tree.Same(want, got) {
		return nil
	}
	back := m.hotPrivate.Exchange(name, parent, place)
	return errors.Join(fmt.Errorf("another %q took the day's place: %w", place, tree.ErrMoving), err, back)
}

// settle notes a flip: the old directory gets a name of its own, and with it
// the manifest of what the archive has of it. The manifest goes first: what a
// new directory in the day's place lacks must not be taken for removed.
func (m *Mover) settle(day string) error {
	_, next, err := m.oldNumbers(day)
	if err != nil {
		return err
	}
	old := oldName(day, next)
	err = m.moveManifest(id(day)+copySuffix, old+manifestSuffix)
	if err != nil {
		return err
	}
	if err := m.point("settling"); err != nil {
		return err
	}
	if err := m.hotPrivate.Rename(id(day)+linkSuffix, m.hotPrivate, old); err != nil {
		return err
	}
	if err := m.hotPrivate.Sync(); err != nil {
		return err
	}
	return m.point("settled")
}

// moveManifest moves the manifest of a copy from the archive to the old
// directory. It may have been moved before, and only the flip not noted.
func (m *Mover) moveManifest(name, newName string) error {
	from, err := m.coldPrivate.Open(name)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = from.Close() }()
	to, err := m.hotPrivate.Create(newName + newSuffix)
	if err != nil {
		return err
	}
	defer func() { _ = to.Close() }()
	if _, err := to.ReadFrom(from); err != nil {
		return fmt.Errorf("unable to keep the manifest: %w", err)
	}
	if err := to.Sync(); err != nil {
		return fmt.Errorf("unable to keep the manifest: %w", err)
	}
	if err := KeepManifest(m.hotPrivate, newName); err != nil {
		return err
	}
	if err := m.point("moving the manifest"); err != nil {
		return err
	}
	return errors.Join(m.coldPrivate.RemoveAll(name), m.coldPrivate.Sync())
}

// link makes the link of a day that only the archive has.
func (m *Mover) link(day string) error {
	text, err := m.config.linkText(day)
	if err != nil {
		return err
	}
	parent, err := m.hotParent(path.Dir(day))
	if err != nil {
		return err
	}
	defer parent.Close()
	if err := m.leads(day, parent, text); err != nil {
		return err
	}
	if err := m.point("linking"); err != nil {
		return err
	}
	return errors.Join(parent.Symlink(text, path.Base(day)), parent.Sync())
}

// hotParent opens the directory in the hot tree that holds a day, and makes
// what is missing of it, like that in the archive.
func (m *Mover) hotParent(at string) (*tree.Dir, error) {
	dir, err := m.hot.Sub(at)
	if !errors.Is(err, unix.ENOENT) {
		return dir, err
	}
	above, err := m.hotParent(path.Dir(at))
	if err != nil {
		return nil, err
	}
	defer above.Close()
	like, err := m.cold.Sub(at)
	if err != nil {
		return nil, err
	}
	defer like.Close()
	if err := above.MakeLike(path.Base(at), like, m.hotPrivate); err != nil && !errors.Is(err, unix.EEXIST) {
		return nil, err
	}
	return m.hot.Sub(at)
}
