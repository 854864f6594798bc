// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package scrub

import (
	"context"
	"errors"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/atollhq/terraform-provider-atoll/internal/agent/mover"
	"github.com/atollhq/terraform-provider-atoll/internal/agent/tree"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// recall reads which deletions were carried out, and notes those that are declared and had
// nothing to delete: they may be declared no more when their days are read.
func (r *run) recall() (err error) {
	if r.requested, err = r.archive.Deletions(); err != nil {
		return err
	}
	for _, name := range r.Deleted {
		there, err := has(r.archive.Cold, name)
		if err != nil {
			return err
		}
		if there || slices.ContainsFunc(r.requested, func(one mover.Deletion) bool { return one.Path == name }) {
			continue
		}
		if err := mover.NoteDeletion(r.archive.Private, mover.Deletion{At: r.now, Path: name}); err != nil {
			return err
		}
	}
	return nil
}

// requestedSince says whether a path is one whose deletion is declared, or was carried out
// since a time; or lies in such a directory.
func (r *run) requestedSince(name string, since time.Time) bool {
	return declared(r.Deleted, name) ||
		slices.ContainsFunc(r.requested, func(deletion mover.Deletion) bool { return deletion.Covers(name, since) })
}

// declared says whether a path, or a directory that it lies in, is one whose deletion was
// declared.
func declared(deleted []string, name string) bool {
	return slices.ContainsFunc(deleted, func(one string) bool { return name == one || strings.HasPrefix(name, one+"/") })
}

// back tells which of the files that earlier runs missed are missed no more.
func (r *run) back() error {
	for _, file := range r.Gone {
		name, err := tier.UnquotePath(file.Path)
		is := err != nil || r.requestedSince(name, file.At)
		if !is {
			if is, err = has(r.archive.Cold, name); err != nil {
				return err
			}
		}
		if is && r.Back != nil {
			if err := r.Back(file.Path); err != nil {
				return err
			}
		}
	}
	return nil
}

// has says whether a tree has something under a name.
func has(top *tree.Dir, name string) (bool, error) {
	holder, err := top.Sub(path.Dir(name))
	if tree.NoDirectory(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer holder.Close()
	_, err = holder.Stat(path.Base(name))
	if errors.Is(err, unix.ENOENT) {
		return false, nil
	}
	return err == nil, err
}

// missed finds what is gone of the days that are not to be read now, by their manifests,
// which stay as they are, and days that are gone as a whole. The days that are to be read
// tell by themselves.
func (r *run) missed(ctx context.Context, there, due []string) (found []Day, err error) {
	lost, err := r.lost(there)
	if err != nil {
		return nil, err
	}
	for _, day := range lost {
		found = append(found, Day{Day: day, Missing: []string{tier.Top}})
	}
	for _, day := range there {
		if slices.Contains(due, day) {
			continue
		}
		missing, err := r.names(ctx, day)
		if ctx.Err() != nil {
			return found, ctx.Err()
		}
		if errors.Is(err, tree.ErrMoving) {
			continue // the next run tells
		}
		if err != nil || len(missing) > 0 {
			found = append(found, Day{Day: day, Missing: missing, Err: err})
		}
	}
	for i, day := range found {
		found[i].Err = errors.Join(day.Err, r.tell(day))
	}
	return found, nil
}

// names lists what a day's manifest has and the archive has not. A manifest that is not
// whole is looked at when the day is read.
func (r *run) names(ctx context.Context, day string) (missing []string, err error) {
	top, err := r.archive.Cold.Sub(day)
	if err != nil {
		return nil, err
	}
	defer top.Close()
	was, done, err := mover.OpenManifest(r.archive.Private, mover.ID(day)+mover.ScrubSuffix)
	if errors.Is(err, tree.ErrBrokenManifest) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer done()
	since, err := r.readAt(day)
	if err != nil {
		return nil, err
	}
	err = tree.Missing(ctx, top, was, func(name string) {
		if !r.requestedSince(path.Join(day, name), since) {
			missing = append(missing, name)
		}
	})
	if err != nil {
		return nil, err
	}
	return r.stillMissing(day, missing)
}

// stillMissing looks once more: an archive's run that takes another version of a file in
// has no name for it for an instant.
func (r *run) stillMissing(day string, missing []string) (still []string, err error) {
	for _, name := range missing {
		is, err := has(r.archive.Cold, path.Join(day, name))
		if err != nil {
			return nil, err
		}
		if !is {
			still = append(still, name)
		}
	}
	return still, nil
}

// lost lists days that were read before and of which the archive has nothing more.
func (r *run) lost(there []string) ([]string, error) {
	names, err := r.archive.Private.Names()
	if err != nil {
		return nil, err
	}
	var lost []string
	for _, name := range names {
		quoted, is := strings.CutSuffix(name, mover.ScrubSuffix)
		day, err := tier.UnquotePath(quoted)
		if !is || err != nil || r.archive.Has(day) != nil || slices.Contains(there, day) {
			continue
		}
		since, err := r.readAt(day)
		if err != nil {
			return nil, err
		}
		// A day that is being copied has a manifest before it has its name.
		if _, err := r.archive.Private.Stat(mover.ID(day) + mover.PartialSuffix); err == nil || r.requestedSince(day, since) {
			continue
		}
		is, err = has(r.archive.Cold, day)
		if err != nil {
			return nil, err
		}
		if !is {
			lost = append(lost, day)
		}
	}
	return lost, nil
}
