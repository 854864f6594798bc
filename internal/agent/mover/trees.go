// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mover

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/atollhq/terraform-provider-atoll/internal/agent/tree"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// private is the directory in either tree that belongs to the mover. Unison and
// the exchange of the archive pass over it.
const private = ".tier"

// marker is the file in it that names the tier.
const marker = "name"

// How things are named in the private directories, after the day's own name.
const (
	linkSuffix     = ".link"     // hot: the link before the flip, the old directory right after it
	oldInfix       = ".old-"     // hot: an old directory, by number
	copySuffix     = ".copy"     // cold: the manifest of the hot directory, as it was copied
	manifestSuffix = ".manifest" // hot: the manifest of an old directory
	readSuffix     = ".read"     // hot: the copy of an old directory was read from the disk
	newSuffix      = ".new"      // a manifest that is being written
)

// ScrubSuffix is what a day's manifest is called in the archive's private
// directory from which a scrub tells what should be there.
const ScrubSuffix = ".scrub"

// PartialSuffix is what a day's directory is called there while it is copied.
const PartialSuffix = ".partial"

// id makes one name of a day's path.
func id(day string) string { return url.PathEscape(day) }

// trees are the two trees of a tier on this node, open. Where only the archive was
// asked for, the hot one is nil.
type trees struct {
	config Config
	layout tier.Layout
	// hot and cold are the trees, hotPrivate and coldPrivate what is ours in them.
	hot, cold, hotPrivate, coldPrivate *tree.Dir
	// kept is what lies in the private directories, once it was read.
	kept map[string]kept
}

// Archive is a tier's archive on this node, open.
type Archive struct {
	// Cold is the tree, Private what the agent keeps in it.
	Cold, Private *tree.Dir
	trees         *trees
}

// OpenArchive opens the archive of a tier, and not the hot tree, which a node may
// have none of.
func OpenArchive(config Config) (*Archive, error) {
	if err := config.checkArchive(); err != nil {
		return nil, err
	}
	t := &trees{config: config}
	var err error
	t.layout, err = tier.ParseLayout(config.Layout)
	if err == nil {
		t.cold, t.coldPrivate, err = openTree(config.Cold, config.Tier)
	}
	if err != nil {
		t.close()
		return nil, err
	}
	return &Archive{Cold: t.cold, Private: t.coldPrivate, trees: t}, nil
}

// Close closes the archive.
func (a *Archive) Close() { a.trees.close() }

// Days lists the days that the archive has, as whole directories.
func (a *Archive) Days(ctx context.Context) ([]string, error) {
	days, err := a.trees.days(ctx)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, day := range days {
		what, err := place(a.Cold, day.Path, "")
		if err != nil {
			return nil, err
		}
		if what == Tree {
			found = append(found, day.Path)
		}
	}
	return found, nil
}

// Has tells that a path is that of a day, and not of something else in the archive.
func (a *Archive) Has(day string) error {
	if _, is := a.trees.layout.Day(day); !is {
		return fmt.Errorf("%q is no day of the layout %s", day, a.trees.layout)
	}
	return nil
}

// ID is a day's name in the private directories.
func ID(day string) string { return id(day) }

func openTrees(config Config) (*trees, error) {
	if err := config.check(); err != nil {
		return nil, err
	}
	t := &trees{config: config}
	var err error
	t.layout, err = tier.ParseLayout(config.Layout)
	if err == nil {
		t.hot, t.hotPrivate, err = openTree(config.Hot, config.Tier)
	}
	if err == nil {
		t.cold, t.coldPrivate, err = openTree(config.Cold, config.Tier)
	}
	if err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

func (t *trees) close() {
	for _, dir := range []*tree.Dir{t.hot, t.cold, t.hotPrivate, t.coldPrivate} {
		dir.Close()
	}
}

// days lists every day that the trees that are open, or what the mover keeps in
// them, know.
func (t *trees) days(ctx context.Context) ([]tier.Day, error) {
	found := map[string]bool{}
	for _, root := range []*tree.Dir{t.hot, t.cold} {
		if root == nil {
			continue
		}
		if err := t.level(ctx, root, "", 0, found); err != nil {
			return nil, err
		}
	}
	t.changed()
	kept, err := t.keeps()
	if err != nil {
		return nil, err
	}
	for day := range kept {
		found[day] = true
	}
	var days []tier.Day
	for path := range found {
		if day, is := t.layout.Day(path); is {
			days = append(days, day)
		}
	}
	slices.SortFunc(days, func(a, b tier.Day) int {
		return cmpTimes(a.Ends, b.Ends, a.Path, b.Path)
	})
	return days, nil
}

func cmpTimes(a, b time.Time, pathA, pathB string) int {
	if order := a.Compare(b); order != 0 {
		return order
	}
	return strings.Compare(pathA, pathB)
}

func (t *trees) level(ctx context.Context, dir *tree.Dir, at string, depth int, found map[string]bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	names, err := dir.Names()
	if err != nil {
		return err
	}
	for _, name := range names {
		if !t.layout.Fits(depth, name) {
			continue
		}
		below := path.Join(at, name)
		if depth == t.layout.Depth()-1 {
			found[below] = true
			continue
		}
		sub, err := dir.Sub(name)
		if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENOENT) {
			continue
		}
		if err != nil {
			return err
		}
		err = t.level(ctx, sub, below, depth+1, found)
		sub.Close()
		if err != nil {
			return err
		}
	}
	return nil
}
