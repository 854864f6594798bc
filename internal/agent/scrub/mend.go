// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package scrub

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/atollhq/terraform-provider-atoll/internal/agent/mover"
	"github.com/atollhq/terraform-provider-atoll/internal/agent/tree"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// mend puts a good copy in the place of a file, where a node has lent one.
func (r *run) mend(day string, v *tree.Visit, was tree.Entry) (*tree.Entry, Finding) {
	finding := Finding{Path: v.Path, Size: was.Size, Content: was.Content}
	if was.Content == "" {
		finding.Why = "nobody knows what it was: it was never read before"
		return nil, finding
	}
	var problems []error
	for _, name := range r.lent.names {
		content, node, _ := strings.Cut(name, ".")
		if content != was.Content {
			continue
		}
		mended, kept, err := r.mendFrom(name, day, v, was)
		if err == nil {
			finding.From, finding.Kept = node, kept
			return mended, finding
		}
		problems = append(problems, fmt.Errorf("with the copy of %s: %w", node, err))
	}
	finding.Why = "no other node has lent a copy that is as it was"
	if err := errors.Join(problems...); err != nil {
		finding.Why = err.Error()
	}
	return nil, finding
}

func (r *run) mendFrom(name, day string, v *tree.Visit, was tree.Entry) (mended *tree.Entry, kept string, err error) {
	content, err := r.lent.dir.Read(name)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = content.Close() }()
	return mover.Mend(r.archive.Cold, r.scratch, r.now, day, v, was, content)
}

// lent are the files that other nodes have lent.
type lent struct {
	dir   *tree.Dir
	names []string
}

func openLent(cold *tree.Dir) (*lent, error) {
	dir, err := cold.Sub(path.Join(tier.Workshop, tier.Lent))
	if errors.Is(err, unix.ENOENT) {
		return &lent{}, nil
	}
	if err != nil {
		return nil, err
	}
	names, err := dir.Names()
	return &lent{dir, names}, err
}

func (l *lent) has(content string) bool {
	return content != "" && slices.ContainsFunc(l.names, func(name string) bool { return strings.HasPrefix(name, content+".") })
}

// clear removes them: what was used and what was not. They are asked for again.
func (l *lent) clear() error {
	if l.dir == nil {
		return nil
	}
	defer l.dir.Close()
	var problems []error
	for _, name := range l.names {
		problems = append(problems, l.dir.RemoveAll(name))
	}
	return errors.Join(problems...)
}
