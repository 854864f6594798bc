// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package scrub

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/agent"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// teller keeps the status of a scrub. It is written after each day, before the day
// counts as read, so that a run which is killed has told what it found.
type teller struct {
	file string
	// lent says that only what nodes have lent is looked at: what a whole run told of
	// itself stands.
	lent bool
	// was is what stood there, now what is told.
	was, now tier.ScrubStatus
}

// remember reads what was told last. What was found and not mended may stand
// nowhere else, so a status that cannot be read is put aside and not overwritten.
func remember(file string, lent bool) (*teller, error) {
	t := &teller{file: file, lent: lent}
	text, err := os.ReadFile(file)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return t, nil
	case err != nil:
		return nil, fmt.Errorf("unable to read the status: %w", err)
	}
	if err := json.Unmarshal(text, &t.was); err != nil {
		return nil, errors.Join(fmt.Errorf("the status %s cannot be read, and lies beside it from now on: %w", file, err), os.Rename(file, file+".unread"))
	}
	t.now = t.was
	t.now.Rotten, t.now.Mended, t.now.Gone = slices.Clone(t.was.Rotten), slices.Clone(t.was.Mended), slices.Clone(t.was.Gone)
	if !lent {
		t.now.Days, t.now.Files, t.now.Bytes = 0, 0, 0
	}
	if len(t.now.Rotten) < tier.MostRotten {
		t.now.More = 0 // found again when their days are read
	}
	if len(t.now.Gone) == 0 {
		t.now.MoreGone = 0 // nobody knows which they were
	}
	return t, nil
}

// day takes over what was found on a day, in the place of what was known of it.
func (t *teller) day(found Day) error {
	if found.Files > 0 && !t.lent {
		t.now.Days, t.now.Files, t.now.Bytes = t.now.Days+1, t.now.Files+found.Files, t.now.Bytes+found.Bytes
	}
	if found.Err == nil {
		t.now.Rotten = slices.DeleteFunc(t.now.Rotten, func(file tier.Rotten) bool { return file.Day == found.Day })
	}
	for _, finding := range found.Rotten {
		quoted := tier.QuotePath(path.Join(found.Day, finding.Path))
		t.now.Rotten = slices.DeleteFunc(t.now.Rotten, func(file tier.Rotten) bool { return file.Path == quoted })
		switch {
		case finding.From != "":
			t.now.Mended = append(t.now.Mended, tier.Mended{
				At: time.Now().UTC(), Path: quoted, Problem: finding.Problem, From: finding.From, Kept: tier.QuotePath(finding.Kept),
			})
		case len(t.now.Rotten) < tier.MostRotten:
			t.now.Rotten = append(t.now.Rotten, tier.Rotten{
				Day: found.Day, Path: quoted, Problem: finding.Problem, Why: finding.Why, Size: finding.Size, Content: finding.Content,
			})
		default:
			t.now.More++
		}
	}
	for _, missing := range found.Missing {
		t.missed(tier.QuotePath(path.Join(found.Day, missing)))
	}
	t.now.Mended = t.now.Mended[max(0, len(t.now.Mended)-tier.MostMended):]
	return t.write()
}

// missed notes a file that is gone, once.
func (t *teller) missed(quoted string) {
	switch {
	case slices.ContainsFunc(t.now.Gone, func(file tier.Gone) bool { return file.Path == quoted }):
	case len(t.now.Gone) < tier.MostGone:
		t.now.Gone = append(t.now.Gone, tier.Gone{At: time.Now().UTC(), Path: quoted})
	default:
		t.now.MoreGone++
	}
}

// back forgets a file that is there again, or that is to be gone.
func (t *teller) back(quoted string) error {
	t.now.Gone = slices.DeleteFunc(t.now.Gone, func(file tier.Gone) bool { return file.Path == quoted })
	return t.write()
}

// end tells how the run ended.
func (t *teller) end(days []Day, failed error, at time.Time) error {
	if t.lent {
		return nil
	}
	var problems []error
	if failed != nil {
		problems = append(problems, failed)
	}
	for _, day := range days {
		if day.Err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", day.Day, day.Err))
		}
	}
	t.now.At, t.now.Error = at.UTC(), ""
	if len(problems) > 0 {
		t.now.Error = problems[0].Error()
		if more := len(problems) - 1; more > 0 {
			t.now.Error += fmt.Sprintf(" (and %d more)", more)
		}
	}
	return t.write()
}

func (t *teller) write() error {
	text, err := json.Marshal(t.now)
	if err != nil {
		return err
	}
	return agent.WriteStatus(t.file, text)
}
