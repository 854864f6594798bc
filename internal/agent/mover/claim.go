// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mover

import (
	"context"
	"flag"
	"path/filepath"

	"github.com/atollhq/terraform-provider-atoll/internal/agent"
	"github.com/atollhq/terraform-provider-atoll/internal/agent/tree"
)

// Claim gives a tree the name of its tier, for what keeps it in step to know it by.
var Claim = agent.Role{
	Name:    "claim",
	Summary: "say whether a tree is a tier's (--root DIRECTORY --tier NAME), or give it to the tier (--give), or let it go (--drop)",
	Run: func(_ context.Context, args []string, _ agent.Streams) error {
		var root, name string
		var give, drop bool
		err := agent.Flags("claim", args, func(set *flag.FlagSet) {
			set.StringVar(&root, "root", "", "")
			set.StringVar(&name, "tier", "", "")
			set.BoolVar(&give, "give", false, "")
			set.BoolVar(&drop, "drop", false, "")
		})
		switch {
		case err != nil:
			return err
		case !filepath.IsAbs(root) || filepath.Clean(root) != root || root == "/" || name == "":
			return &agent.UsageError{Problem: "claim: give --root, an absolute path in its shortest form other than /, and --tier"}
		case give:
			return prepare(root, name)
		}
		whole, ours, err := openTree(root, name)
		if whole != nil {
			defer whole.Close()
		}
		if ours != nil {
			defer ours.Close()
		}
		if err != nil || !drop {
			return err
		}
		return letGo(whole, ours)
	},
}

// letGo takes the name from a tree. Where more lies beside it, days are on their
// way to the archive: all of it stays.
func letGo(whole, ours *tree.Dir) error {
	names, err := ours.Names()
	if err != nil || len(names) != 1 || names[0] != marker {
		return err
	}
	return whole.RemoveAll(private)
}
