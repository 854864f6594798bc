// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mover

import (
	"errors"
	"path"
	"time"

	"golang.org/x/sys/unix"

	"github.com/atollhq/terraform-provider-atoll/internal/agent/tree"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// RottenBelow is where a file of an archive is kept that rotted and was mended: below a
// directory in the workshop that has its time, and the path of what it was.
func RottenBelow(now time.Time, at string) string {
	return path.Join(tier.Workshop, tier.Replaced, now.UTC().Format("2006-01-02T150405")+"-rotten", at)
}

// PutAside opens a directory in the archive's workshop, and makes what is missing of it, as
// the workshop is, which is the owner's of the archive and closed to all others.
func PutAside(cold, scratch *tree.Dir, below string) (*tree.Dir, error) {
	if below == tier.Workshop {
		return workshop(cold, scratch)
	}
	above, err := PutAside(cold, scratch, path.Dir(below))
	if err != nil {
		return nil, err
	}
	defer above.Close()
	if err := above.MakeLike(path.Base(below), above, scratch); err != nil && !errors.Is(err, unix.EEXIST) {
		return nil, err
	}
	return above.Sub(path.Base(below))
}

// workshop opens the workshop, which an archive that is kept in step with no other has not.
func workshop(cold, scratch *tree.Dir) (*tree.Dir, error) {
	dir, err := cold.Sub(tier.Workshop)
	if !errors.Is(err, unix.ENOENT) {
		return dir, err
	}
	if err := cold.MakeClosed(tier.Workshop, cold, scratch); err != nil && !errors.Is(err, unix.EEXIST) {
		return nil, err
	}
	return cold.Sub(tier.Workshop)
}
