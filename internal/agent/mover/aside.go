// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mover

import (
	"errors"
	"io"
	"path"
	"time"

	"golang.org/x/sys/unix"

	"github.com/atollhq/terraform-provider-atoll/internal/agent/tree"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// Mend puts the content that a file of a day had in the place of the rotten one, which is
// kept in the archive's workshop, below a directory that has its time: kept is where. See
// tree.Visit.Mend.
func Mend(cold, scratch *tree.Dir, now time.Time, day string, v *tree.Visit, was tree.Entry, content io.Reader) (mended *tree.Entry, kept string, err error) {
	aside := path.Join(tier.Workshop, tier.Replaced, now.UTC().Format("2006-01-02T150405")+"-rotten", day, path.Dir(v.Path))
	mended, err = v.Mend(was, content, scratch, func() (*tree.Dir, error) { return putAside(cold, scratch, aside) })
	return mended, path.Join(aside, v.Name), err
}

// putAside opens a directory in the archive's workshop, and makes what is missing of it, as
// the workshop is, which is the owner's of the archive and closed to all others.
func putAside(cold, scratch *tree.Dir, below string) (*tree.Dir, error) {
	if below == tier.Workshop {
		return workshop(cold, scratch)
	}
	above, err := putAside(cold, scratch, path.Dir(below))
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
