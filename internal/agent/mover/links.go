// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mover

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"

	"golang.org/x/sys/unix"

	"github.com/atollhq/terraform-provider-atoll/internal/agent/tree"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// edited is a link in the place of a day that the archive has, which leads elsewhere.
type edited struct{ day, text string }

// links finds those, and changes nothing. A run leaves them alone: whoever made one may
// have had a reason.
func (t *trees) links(ctx context.Context) ([]edited, error) {
	days, err := t.days(ctx)
	if err != nil {
		return nil, err
	}
	var found []edited
	for _, day := range days {
		want, err := t.config.linkText(day.Path)
		if err != nil {
			return nil, err
		}
		hot, err := place(t.hot, day.Path, want)
		if err != nil {
			return nil, err
		}
		cold, err := place(t.cold, day.Path, "")
		if err != nil {
			return nil, err
		}
		if hot != Foreign || cold != Tree {
			continue
		}
		text, is, err := t.readLink(day.Path)
		if err != nil {
			return nil, err
		}
		if is {
			found = append(found, edited{day.Path, text})
		}
	}
	return found, nil
}

// readLink reads what a link in a day's place says; it is none where something else is there.
func (t *trees) readLink(day string) (text string, is bool, err error) {
	parent, err := t.hot.Sub(path.Dir(day))
	if tree.NoDirectory(err) {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	defer parent.Close()
	stat, err := parent.Stat(path.Base(day))
	if err != nil || stat.Mode&unix.S_IFMT != unix.S_IFLNK {
		return "", false, err
	}
	text, err = parent.Readlink(path.Base(day))
	return text, err == nil, err
}

// relink puts the tier's own link in the place of one that leads elsewhere, in one step.
// What the other one said stands in the journal.
func (m *Mover) relink(link edited) error {
	parent, err := m.hot.Sub(path.Dir(link.day))
	if err != nil {
		return err
	}
	defer parent.Close()
	text, err := m.config.linkText(link.day)
	if err == nil {
		err = m.leads(link.day, parent, text)
	}
	if err != nil {
		return err
	}
	name, place := id(link.day)+linkSuffix, path.Base(link.day)
	stat, err := parent.Stat(place)
	if err != nil {
		return err
	}
	if err := errors.Join(m.discardLink(link.day), m.hotPrivate.Symlink(text, name), m.hotPrivate.Give(name, stat.Uid, stat.Gid)); err != nil {
		return err
	}
	m.journal(map[string]string{"day": link.day, "step": "relink", "was": tier.QuotePath(link.text)})
	if err := m.hotPrivate.Exchange(name, parent, place); err != nil {
		return err
	}
	was, err := m.hotPrivate.Stat(name)
	if err != nil {
		return err
	}
	if was.Mode&unix.S_IFMT != unix.S_IFLNK {
		// Somebody was quicker: what is no link is theirs.
		return errors.Join(fmt.Errorf("%q is no link any more: %w", link.day, tree.ErrMoving), m.hotPrivate.Exchange(name, parent, place))
	}
	return errors.Join(m.discardLink(link.day), parent.Sync(), m.hotPrivate.Sync())
}

// relinkOrList puts all such links right, or prints them, each with its text, quoted.
func relinkOrList(ctx context.Context, config Config, list bool, to io.Writer) error {
	m := New(config)
	m.begin()
	opened, err := openTrees(config)
	if err != nil {
		return err
	}
	m.trees = opened
	defer opened.close()
	found, err := m.links(ctx)
	if err != nil {
		return err
	}
	var problems []error
	for _, link := range found {
		if list {
			_, err = fmt.Fprintf(to, "link %s %s\n", tier.QuotePath(link.day), tier.QuotePath(link.text))
		} else {
			err = m.relink(link)
		}
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}
