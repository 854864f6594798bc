// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mover

import (
	"bufio"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/atollhq/terraform-provider-atoll/internal/agent/tree"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// deletions is the file in an archive's private directory that says what was deleted by
// request. A request may be taken back as soon as it was carried out, and what it took
// away is not missed afterwards.
const deletions = "deleted"

// Deletion is one of them.
type Deletion struct {
	At time.Time
	// Path is below the archive: a file, or a directory with all that was in it.
	Path string
}

// Covers says whether a path went by this deletion since a time.
func (d Deletion) Covers(path string, since time.Time) bool {
	return !d.At.Before(since) && (path == d.Path || strings.HasPrefix(path, d.Path+"/"))
}

// NoteDeletion notes one, before it is carried out.
func NoteDeletion(coldPrivate *tree.Dir, deletion Deletion) error {
	file, err := coldPrivate.Append(deletions)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(file, "%s %s\n", deletion.At.UTC().Format(time.RFC3339Nano), tier.QuotePath(deletion.Path))
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("unable to note what is deleted: %w", err)
	}
	return nil
}

// Deletions reads what was deleted from the archive by request. A line that was cut off is
// of one that was not carried out.
func (a *Archive) Deletions() ([]Deletion, error) {
	file, err := a.Private.Open(deletions)
	if errors.Is(err, unix.ENOENT) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	var found []Deletion
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		at, quoted, _ := strings.Cut(lines.Text(), " ")
		when, err := time.Parse(time.RFC3339Nano, at)
		path, pathErr := tier.UnquotePath(quoted)
		if errors.Join(err, pathErr) == nil && path != "" {
			found = append(found, Deletion{when, path})
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("unable to read what was deleted: %w", err)
	}
	return found, nil
}

// Moved is a directory of a day that has moved, by its name in the tree's private directory.
type Moved struct{ Day, Name string }

// AllMoved lists those that a tree still keeps, also one whose flip is not noted yet.
func AllMoved(hotPrivate *tree.Dir, layout string) ([]Moved, error) {
	parsed, err := tier.ParseLayout(layout)
	if err != nil {
		return nil, err
	}
	kept, err := (&trees{layout: parsed}).byDay(hotPrivate)
	var found []Moved
	for day, names := range kept {
		for _, name := range names {
			number, isOld := strings.CutPrefix(name, id(day)+oldInfix)
			_, notNumber := strconv.Atoi(number)
			stat, err := hotPrivate.Stat(name)
			if err == nil && stat.Mode&unix.S_IFMT == unix.S_IFDIR && (isOld && notNumber == nil || name == id(day)+linkSuffix) {
				found = append(found, Moved{day, name})
			}
		}
	}
	slices.SortFunc(found, func(a, b Moved) int { return strings.Compare(a.Name, b.Name) })
	return found, err
}
