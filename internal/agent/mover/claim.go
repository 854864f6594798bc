// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mover

import (
	"context"
	"errors"
	"flag"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/atollhq/terraform-provider-atoll/internal/agent"
	"github.com/atollhq/terraform-provider-atoll/internal/agent/tree"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
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
		case agent.CheckPath("--root", root) != nil || name == "":
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
	if err := errors.Join(clearWorkshop(whole), whole.RemoveAll(tier.Statements)); err != nil {
		return err
	}
	names, err := ours.Names()
	if err != nil || slices.ContainsFunc(names, func(name string) bool { return !passes(name) }) {
		return err
	}
	return whole.RemoveAll(private)
}

// passes says of what lies in a private directory whether nobody needs it once the
// tree is no tier's. Days that are on their way are not of it.
func passes(name string) bool {
	return strings.HasSuffix(name, ScrubSuffix) || slices.Contains([]string{marker, "lock", "journal", "journal.1", deletions, "scrub", "statement" + newSuffix, "exchange.directory", "exchange.link"}, name)
}

// clearWorkshop removes what an archive's runs left: not what they replaced.
func clearWorkshop(whole *tree.Dir) error {
	workshop, err := whole.Sub(tier.Workshop)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return err
	}
	defer workshop.Close()
	names, err := workshop.Names()
	for _, name := range names {
		if name == tier.Replaced {
			err = errors.Join(err, workshop.RemoveEmpty(name))
		} else {
			err = errors.Join(err, workshop.RemoveAll(name))
		}
	}
	return errors.Join(err, whole.RemoveEmpty(tier.Workshop))
}
