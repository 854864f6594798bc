// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package archive

import (
	"errors"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/atollhq/terraform-provider-atoll/internal/agent/mover"
	"github.com/atollhq/terraform-provider-atoll/internal/agent/tree"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// removeOld takes a name out of the directories of days that have moved, which the tree
// keeps for a while: the archive gets from them what it has lost.
func (l links) removeOld(layout, name string) error {
	kept := filepath.Join(l.hot, tier.Private)
	private, err := tree.OpenRoot(kept)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return err
	}
	defer private.Close()
	all, err := mover.AllMoved(private, layout)
	problems := []error{err}
	for _, moved := range all {
		within, isIn := strings.CutPrefix(name, moved.Day+"/")
		switch {
		case isIn:
			problems = append(problems, remove(filepath.Join(kept, moved.Name), within, l.check))
		case name == moved.Day || strings.HasPrefix(moved.Day, name+"/"):
			problems = append(problems, remove(kept, moved.Name, l.check))
		}
	}
	return errors.Join(problems...)
}

// note notes a deletion that is about to be carried out.
func note(root, name string) error {
	whole, err := tree.OpenRoot(root)
	if err != nil {
		return err
	}
	defer whole.Close()
	_, err = whole.Stat(tier.Private)
	if errors.Is(err, unix.ENOENT) {
		return nil // an archive of no tier misses nothing
	}
	if err != nil {
		return err
	}
	private, err := whole.Private(tier.Private)
	if err != nil {
		return err
	}
	defer private.Close()
	return mover.NoteDeletion(private, mover.Deletion{At: time.Now(), Path: name})
}
