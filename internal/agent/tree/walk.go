// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tree

import (
	"context"
	"errors"
	"fmt"
	"path"

	"golang.org/x/sys/unix"
)

// Visit is one thing that a walk comes to.
type Visit struct {
	// Path is below the walk's top, which itself is "".
	Path string
	// Parent holds it under Name; for the top they are nil and "".
	Parent *Dir
	Name   string
	Stat   unix.Stat_t
	// Dir is open where it is a directory.
	Dir *Dir
}

// Is tells what kind of thing it is, by one of the S_IF constants.
func (v *Visit) Is(kind uint32) bool { return v.Stat.Mode&unix.S_IFMT == kind }

// deepest is how many directories may lie within one another. Each costs an
// open file, and no application means to go that deep.
const deepest = 256

// Walk comes to everything below top in order: a directory before what is in
// it, names by their bytes. What goes away in the meantime was not there. At a
// directory's end, leave is called with the same visit; it may be nil.
func Walk(ctx context.Context, top *Dir, enter, leave func(*Visit) error) error {
	return walker{enter: enter, leave: leave}.from(ctx, top)
}

// walker is how a walk is made.
type walker struct {
	// without says which paths it passes over, with all below them: those are not even
	// opened, which may take a permission that is not there. It may be nil.
	without      func(path string) bool
	enter, leave func(*Visit) error
}

func (w walker) from(ctx context.Context, top *Dir) error {
	stat, err := top.Self()
	if err != nil {
		return err
	}
	return w.walk(ctx, &Visit{Stat: stat, Dir: top}, 0)
}

func (w walker) walk(ctx context.Context, v *Visit, depth int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := w.enter(v); err != nil || v.Dir == nil {
		return err
	}
	if depth == deepest {
		return fmt.Errorf("unable to read %q: directories lie more than %d deep", v.Dir, deepest)
	}
	names, err := v.Dir.Names()
	if err != nil {
		return err
	}
	for _, name := range names {
		if w.without != nil && w.without(path.Join(v.Path, name)) {
			continue
		}
		below, err := v.look(name)
		if errors.Is(err, unix.ENOENT) {
			continue
		}
		if err != nil {
			return err
		}
		err = w.walk(ctx, below, depth+1)
		below.Dir.Close()
		if err != nil {
			return err
		}
	}
	if w.leave == nil {
		return nil
	}
	return w.leave(v)
}

func (v *Visit) look(name string) (*Visit, error) {
	stat, err := v.Dir.Stat(name)
	if err != nil {
		return nil, err
	}
	below := &Visit{Path: path.Join(v.Path, name), Parent: v.Dir, Name: name, Stat: stat}
	if !below.Is(unix.S_IFDIR) {
		return below, nil
	}
	below.Dir, err = v.Dir.Sub(name)
	if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		return nil, fmt.Errorf("%q is no directory any longer: %w", v.Dir.at(name), ErrMoving)
	}
	if err != nil {
		return nil, err
	}
	if now, err := below.Dir.Self(); err != nil || !Same(now, stat) {
		below.Dir.Close()
		return nil, errors.Join(err, fmt.Errorf("%q is another directory now: %w", v.Dir.at(name), ErrMoving))
	}
	return below, nil
}
