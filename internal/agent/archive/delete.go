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
	Summary: "delete what a tier's archive is to have no more (--root DIRECTORY --path PATH), or say whether it is there (--check)",
	Run: func(_ context.Context, args []string, _ agent.Streams) error {
		var root, name string
		var check bool
		err := agent.Flags("archive-delete", args, func(set *flag.FlagSet) {
			set.StringVar(&root, "root", "", "")
			set.StringVar(&name, "path", "", "")
			set.BoolVar(&check, "check", false, "")
		})
		switch {
		case err != nil:
			return err
		case agent.CheckPath("--root", root) != nil || !filepath.IsLocal(name) || path.Clean(name) != name || name == ".":
			return &agent.UsageError{Problem: "archive-delete: give --root, an absolute path in its shortest form other than /, and --path, one below it"}
		}
		if first, _, _ := strings.Cut(name, "/"); first == tier.Private || first == tier.Workshop || first == tier.Statements {
			return &agent.UsageError{Problem: "archive-delete: " + first + " is the tier's own"}
		}
		return remove(root, name, check)
	},
}

func remove(root, name string, check bool) error {
	whole, err := tree.OpenRoot(root)
	if err != nil {
		return err
	}
	defer whole.Close()
	holder, err := whole.Sub(path.Dir(name))
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return nil
	}
	if err != nil {
		return err
	}
	defer holder.Close()
	_, err = holder.Stat(path.Base(name))
	switch {
	case errors.Is(err, unix.ENOENT):
		return nil
	case err != nil:
		return err
	case check:
		return fmt.Errorf("%s has %q", root, name)
	}
	return errors.Join(holder.RemoveAll(path.Base(name)), holder.Sync())
}
