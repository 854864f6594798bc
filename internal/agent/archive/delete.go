// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package archive

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/atollhq/terraform-provider-atoll/internal/agent"
	"github.com/atollhq/terraform-provider-atoll/internal/agent/tree"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// Delete takes what was named out of an archive. It goes by no link.
var Delete = agent.Role{
	Name:    "archive-delete",
	Summary: "delete what a tier's archive is to have no more, and in the tree the links to it and what is kept of days that moved, whose days have names by the layout (--root DIRECTORY [--hot DIRECTORY [--layout LAYOUT]] --path PATH), or say whether it is there (--check)",
	Run: func(_ context.Context, args []string, _ agent.Streams) error {
		var root, hot, layout, name string
		var check bool
		err := agent.Flags("archive-delete", args, func(set *flag.FlagSet) {
			set.StringVar(&root, "root", "", "")
			set.StringVar(&hot, "hot", "", "")
			set.StringVar(&name, "path", "", "")
			set.StringVar(&layout, "layout", "", "")
			set.BoolVar(&check, "check", false, "")
		})
		switch {
		case err != nil:
			return err
		case hot != "" && agent.CheckPath("--hot", hot) != nil:
			return &agent.UsageError{Problem: "archive-delete: give --hot as an absolute path in its shortest form other than /"}
		case agent.CheckPath("--root", root) != nil || !filepath.IsLocal(name) || path.Clean(name) != name || name == ".":
			return &agent.UsageError{Problem: "archive-delete: give --root, an absolute path in its shortest form other than /, and --path, one below it"}
		}
		if first, _, _ := strings.Cut(name, "/"); first == tier.Private || first == tier.Workshop || first == tier.Statements {
			return &agent.UsageError{Problem: "archive-delete: " + first + " is the tier's own"}
		}
		below, err := daysBelow(layout, name)
		if err != nil {
			return &agent.UsageError{Problem: "archive-delete: " + err.Error()}
		}
		return links{hot: hot, cold: root, check: check}.removeAll(layout, name, below)
	},
}

// removeAll takes a name out of the archive, and out of the tree, where there is one. What
// the tree keeps of days that have moved goes first: the archive would get it again.
func (l links) removeAll(layout, name string, below int) error {
	if l.hot != "" && layout != "" {
		if err := l.removeOld(layout, name); err != nil {
			return err
		}
	}
	if !l.check {
		if err := note(l.cold, name); err != nil {
			return err
		}
	}
	if err := remove(l.cold, name, l.check); err != nil || l.hot == "" {
		return err
	}
	return l.remove(name, below)
}

// daysBelow counts the levels from a name to those of days; 0 where it has none below it.
func daysBelow(pattern, name string) (int, error) {
	if pattern == "" {
		return 0, nil
	}
	layout, err := tier.ParseLayout(pattern)
	return max(0, layout.Depth()-strings.Count(name, "/")-1), err
}

func remove(root, name string, check bool) error {
	holder, stat, err := find(root, name)
	if holder == nil || err != nil {
		return err
	}
	defer holder.Close()
	switch {
	case stat == nil:
		return nil
	case check:
		return fmt.Errorf("%s has %q", root, name)
	}
	return errors.Join(holder.RemoveAll(path.Base(name)), holder.Sync())
}

// links are those of a tree to the days that the archive is to have no more: they would
// lead nowhere.
type links struct {
	hot, cold string
	check     bool
}

// remove takes the link in a day's place, or those of the days so many levels below.
// Whatever else is there stays.
func (l links) remove(name string, below int) error {
	holder, stat, err := find(l.hot, name)
	if tree.NoDirectory(err) {
		// Somebody put a link or a mount above the day: what is behind is not the tier's.
		return nil
	}
	if holder == nil || err != nil {
		return err
	}
	defer holder.Close()
	return l.removeIn(holder, stat, name, below)
}

func (l links) removeIn(holder *tree.Dir, stat *unix.Stat_t, name string, below int) error {
	switch {
	case stat == nil:
		return nil
	case below > 0:
		return l.removeBelow(holder, name, below)
	case stat.Mode&unix.S_IFMT != unix.S_IFLNK:
		return nil
	}
	ours, err := tier.LinkText(l.hot, l.cold, name)
	if err != nil {
		return err
	}
	text, err := holder.Readlink(path.Base(name))
	switch {
	case err != nil || text != ours:
		return err
	case l.check:
		return fmt.Errorf("%s has a link to %q", l.hot, name)
	}
	return errors.Join(holder.RemoveLink(path.Base(name)), holder.Sync())
}

func (l links) removeBelow(holder *tree.Dir, name string, below int) error {
	dir, err := holder.Sub(path.Base(name))
	if tree.NoDirectory(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	names, err := dir.Names()
	problems := []error{err}
	for _, each := range names {
		stat, err := dir.Stat(each)
		if err == nil {
			err = l.removeIn(dir, &stat, path.Join(name, each), below-1)
		}
		if !errors.Is(err, unix.ENOENT) {
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}

// find opens the directory in which a name is, and looks at it, without going by links; nil
// where there is none.
func find(root, name string) (*tree.Dir, *unix.Stat_t, error) {
	whole, err := tree.OpenRoot(root)
	if err != nil {
		return nil, nil, err
	}
	defer whole.Close()
	holder, err := whole.Sub(path.Dir(name))
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	stat, err := holder.Stat(path.Base(name))
	if errors.Is(err, unix.ENOENT) {
		return holder, nil, nil
	}
	if err != nil {
		holder.Close()
		return nil, nil, err
	}
	return holder, &stat, nil
}
