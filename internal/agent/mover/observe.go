// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mover

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/atollhq/terraform-provider-atoll/internal/agent/tree"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// place looks at what lies under a day's name in a tree.
func place(root *tree.Dir, day, linkText string) (Place, error) {
	parent, err := root.Sub(path.Dir(day))
	switch {
	case errors.Is(err, unix.ENOENT):
		return Absent, nil
	case tree.NoDirectory(err):
		return Foreign, nil
	case err != nil:
		return Foreign, err
	}
	defer parent.Close()
	return kindIn(parent, path.Base(day), linkText)
}

func kindIn(dir *tree.Dir, name, linkText string) (Place, error) {
	stat, err := dir.Stat(name)
	if errors.Is(err, unix.ENOENT) {
		return Absent, nil
	}
	if err != nil {
		return Foreign, err
	}
	switch stat.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return Tree, nil
	case unix.S_IFLNK:
		text, err := dir.Readlink(name)
		if err == nil && text == linkText {
			return Linked, nil
		}
		return Foreign, err
	}
	return Foreign, nil
}

// observe finds out how far this node is with a day.
func (t *trees) observe(ctx context.Context, day tier.Day, policy Policy, now time.Time) (Day, error) {
	found := Day{Day: day}
	text, err := t.config.linkText(day.Path)
	if err != nil {
		return found, err
	}
	if found.Hot, err = place(t.hot, day.Path, text); err != nil {
		return found, err
	}
	if found.Cold, err = place(t.cold, day.Path, ""); err != nil {
		return found, err
	}
	if found.Hot == Foreign {
		if err := t.observeLink(&found); err != nil {
			return found, err
		}
	}
	waits, err := kindIn(t.hotPrivate, id(day.Path)+linkSuffix, text)
	if err != nil {
		return found, err
	}
	found.Exchanged = waits == Tree
	if found.Remains, err = t.remains(found); err != nil {
		return found, err
	}
	if found.Old, err = t.old(day.Path); err != nil {
		return found, err
	}
	if found.Hot == Tree && !found.Exchanged && policy.old(day.Ends, now) {
		err = t.observeTree(ctx, &found)
	}
	return found, err
}

// observeLink finds where a link leads that is not this tier's.
func (t *trees) observeLink(found *Day) error {
	text, is, err := t.readLink(found.Path)
	if err != nil || !is {
		return err
	}
	if !path.IsAbs(text) {
		text = path.Join(t.config.Hot, path.Dir(found.Path), text)
	}
	found.Leads, found.Wants = text, path.Join(t.config.Cold, found.Path)
	return nil
}

// remains lists what an earlier run left of a day and no later one needs. Only
// one run works at a time, so a file that is being written is one that was cut off.
func (t *trees) remains(day Day) ([]Remain, error) {
	numbers, _, err := t.oldNumbers(day.Path)
	if err != nil {
		return nil, err
	}
	needed := map[string]bool{id(day.Path) + linkSuffix: day.Exchanged || day.Hot == Tree}
	for _, number := range numbers {
		needed[oldName(day.Path, number)] = true
		needed[oldName(day.Path, number)+manifestSuffix] = true
		needed[oldName(day.Path, number)+readSuffix] = true
	}
	copied := map[string]bool{id(day.Path) + PartialSuffix: day.Hot == Tree, id(day.Path) + copySuffix: day.Hot == Tree || day.Exchanged}
	copied[id(day.Path)+ScrubSuffix] = day.Cold == Tree || day.Hot == Tree
	copied[id(day.Path)+ScrubSuffix+newSuffix] = true // a scrub may be at work
	keeps, err := t.keeps()
	if err != nil {
		return nil, err
	}
	var found []Remain
	for _, place := range []struct {
		hot    bool
		names  []string
		needed map[string]bool
	}{{true, keeps[day.Path].hot, needed}, {false, keeps[day.Path].cold, copied}} {
		for _, name := range place.names {
			// A manifest without its directory belongs to a flip that is not noted yet.
			unnoted := day.Exchanged && strings.HasSuffix(name, manifestSuffix)
			if !place.needed[name] && !unnoted {
				found = append(found, Remain{place.hot, name})
			}
		}
	}
	return found, nil
}

func (t *trees) old(day string) ([]Old, error) {
	numbers, _, err := t.oldNumbers(day)
	if err != nil {
		return nil, err
	}
	keeps, err := t.keeps()
	if err != nil {
		return nil, err
	}
	var found []Old
	for _, number := range numbers {
		stat, err := t.hotPrivate.Stat(oldName(day, number))
		if errors.Is(err, unix.ENOENT) {
			continue // a mover that is at work while this only looks
		}
		if err != nil {
			return nil, err
		}
		// Moving a directory sets its change time, and nothing can set it back.
		found = append(found, Old{
			Number: number, Since: time.Unix(stat.Ctim.Unix()),
			ReadBack: slices.Contains(keeps[day].hot, oldName(day, number)+readSuffix),
		})
	}
	return found, nil
}

func (t *trees) observeTree(ctx context.Context, found *Day) error {
	hot, err := t.hot.Sub(found.Path)
	if err != nil {
		return err
	}
	defer hot.Close()
	if found.Look, err = tree.LookAt(ctx, hot); err != nil {
		return err
	}
	if found.Copy, err = t.copySum(found.Path); err != nil || found.Copy == nil {
		return err
	}
	manifest, done, err := OpenManifest(t.coldPrivate, id(found.Path)+copySuffix)
	if err != nil {
		return err
	}
	defer done()
	found.Touched, err = tree.Touched(ctx, hot, manifest)
	return err
}

// copySum reads a manifest to its end, which proves it whole. One that is not
// counts as none: the copy is compared with what it is a copy of.
func (t *trees) copySum(day string) (*tree.Sum, error) {
	sum, err := sumOf(t.coldPrivate, id(day)+copySuffix)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, tree.ErrBrokenManifest) {
		return nil, nil //nolint:nilnil // there is none, and that is no error
	}
	return sum, err
}

func sumOf(dir *tree.Dir, name string) (*tree.Sum, error) {
	file, err := dir.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	sum, err := tree.ReadSum(file)
	return &sum, err
}

// OpenManifest opens a manifest that is whole, or gives none where there is none.
func OpenManifest(dir *tree.Dir, name string) (*tree.ManifestReader, func(), error) {
	file, err := dir.Open(name)
	if errors.Is(err, unix.ENOENT) {
		return nil, func() {}, nil
	}
	if err != nil {
		return nil, nil, err
	}
	// Nothing may be done by half of one.
	_, err = tree.ReadSum(file)
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	var reader *tree.ManifestReader
	if err == nil {
		reader, err = tree.NewManifestReader(file)
	}
	if err != nil {
		_ = file.Close()
		return nil, nil, fmt.Errorf("unable to read %q: %w", file.Name(), err)
	}
	return reader, func() { _ = file.Close() }, nil
}

// WriteManifest has a manifest written under a new name, and put in its place
// when it is whole and safe.
func WriteManifest(dir *tree.Dir, name string, write func(*tree.ManifestWriter) error) error {
	file, err := dir.Create(name + newSuffix)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	writer := tree.NewManifestWriter(file)
	if err := write(writer); err != nil {
		return err
	}
	if _, err := writer.Finish(); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	return nil
}

// KeepManifest puts a manifest that was written in its place.
func KeepManifest(dir *tree.Dir, name string) error {
	return errors.Join(dir.Replace(name+newSuffix, dir, name), dir.Sync())
}
