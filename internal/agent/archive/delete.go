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
	Summary: "delete what a tier's archive is to have no more, and the link to it in the tree (--root DIRECTORY [--hot DIRECTORY] --path PATH), or say whether it is there (--check)",
	Run: func(_ context.Context, args []string, _ agent.Streams) error {
		var root, hot, name string
		var check bool
		err := agent.Flags("archive-delete", args, func(set *flag.FlagSet) {
			set.StringVar(&root, "root", "", "")
			set.StringVar(&hot, "hot", "", "")
			set.StringVar(&name, "path", "", "")
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
		if err := remove(root, name, check); err != nil || hot == "" {
			return err
		}
		return removeLink(root, hot, name, check)
	},
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

// removeLink takes the link of a day that the archive is to have no more out of the tree:
// it would lead nowhere. Whatever else is there under the name stays.
func removeLink(root, hot, name string, check bool) error {
	holder, stat, err := find(hot, name)
	if holder == nil || err != nil {
		return err
	}
	defer holder.Close()
	if stat == nil || stat.Mode&unix.S_IFMT != unix.S_IFLNK {
		return nil
	}
	ours, err := tier.LinkText(hot, root, name)
	if err != nil {
		return err
	}
	text, err := holder.Readlink(path.Base(name))
	switch {
	case err != nil || text != ours:
		return err
	case check:
		return fmt.Errorf("%s has a link to %q", hot, name)
	}
	return errors.Join(holder.RemoveLink(path.Base(name)), holder.Sync())
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
