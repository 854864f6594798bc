// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package archive

import (
	"context"
	"errors"
	"os"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/atollhq/terraform-provider-atoll/internal/agent/tree"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// Most runs find nothing to carry, and rsync tells all names of both archives twice to
// find that. So each node makes an outline of its own archive first: where both are one,
// nothing is carried, and in every other case rsync does as it would have without.

// outliner is the node that is dialled.
type outliner interface {
	Outline(ctx context.Context, without []string) (string, error)
}

// Outline asks for the outline of the node's archive, without some paths.
func (n dialled) Outline(ctx context.Context, without []string) (string, error) {
	call, err := n.call(ctx, outlineWithout(without), nil)
	if err != nil {
		return "", err
	}
	if call.answer.Outline == "" {
		return "", errors.Join(errors.New("no outline is in its answer"), call.Close())
	}
	return call.answer.Outline, call.finish()
}

func outlineWithout(paths []string) tier.Request {
	request := tier.Request{Ask: tier.AskOutline}
	for _, path := range paths {
		request.Without = append(request.Without, tier.QuotePath(path))
	}
	return request
}

// same tells whether both archives have nothing for each other. Why that cannot be told is
// an error: then they may. Who is asked is heard to the end, since it has its archive locked
// until then.
func (s *side) same(ctx context.Context, node outliner) (bool, error) {
	if err := s.room(); err != nil {
		return false, err // the run has to say so
	}
	var there string
	var group errgroup.Group
	group.Go(func() (err error) {
		there, err = node.Outline(ctx, s.Deleted)
		return err
	})
	here, err := s.outline(ctx, s.Deleted)
	if err := errors.Join(err, group.Wait()); err != nil {
		return false, err
	}
	return here == there, nil
}

// outline makes the outline of this node's archive.
func (s *side) outline(ctx context.Context, without []string) (string, error) {
	left := append([]string{tier.Private, tier.Workshop}, without...)
	outline := tree.Outline{Without: func(path string) bool { return slices.Contains(left, path) }, Owners: os.Geteuid() == 0}
	return outline.Of(ctx, s.cold)
}

// tellOutline answers the node that dials. An archive that takes nothing more gives none:
// the run has to say so. Where something could come in, what a run without room said is over.
func (s *side) tellOutline(ctx context.Context, request tier.Request) (string, error) {
	if err := s.room(); err != nil {
		return "", err
	}
	var without []string
	for _, quoted := range request.Without {
		path, err := tier.UnquotePath(quoted)
		if err != nil {
			return "", err
		}
		without = append(without, path)
	}
	outline, err := s.outline(ctx, without)
	if err != nil {
		return "", err
	}
	return outline, s.note(nil)
}
