// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mover

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/agent"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// summary is what is told of a run to those who look at the tier.
func (r Result) summary(now time.Time, failed error) tier.MoverStatus {
	status := tier.MoverStatus{At: now.UTC(), Conflicts: len(r.Conflicts)}
	var problems []error
	if failed != nil {
		problems = append(problems, failed)
	}
	for _, outcome := range r.Days {
		switch {
		case outcome.Err != nil:
			problems = append(problems, fmt.Errorf("%s: %w", outcome.Day, outcome.Err))
		case outcome.Full:
			problems = append(problems, fmt.Errorf("%s: %s", outcome.Day, outcome.Why))
		case outcome.Step == Nothing && outcome.Hot:
			status.Hot++
		case outcome.Step == Nothing && outcome.Archived:
			status.Archived++
		}
		switch {
		case outcome.Step != Wait && outcome.Step != Leave && outcome.Err == nil:
		case len(status.Waiting) < tier.MostWaiting:
			status.Waiting = append(status.Waiting, waiting(outcome))
		default:
			status.More++
		}
	}
	if len(problems) > 0 {
		status.Error = agent.OneLine(problems[0].Error())
		if more := len(problems) - 1; more > 0 {
			status.Error += fmt.Sprintf(" (and %d more)", more)
		}
	}
	return status
}

func waiting(outcome Outcome) tier.WaitingDay {
	day := tier.WaitingDay{Day: outcome.Day, Next: string(outcome.Step), Why: outcome.Why}
	if outcome.Err != nil {
		day.Next, day.Why = string(Wait), outcome.Err.Error()
	}
	day.Why = agent.OneLine(day.Why)
	return day
}

// few gives the status with fewer days listed, those first for which somebody has to look.
func few(status tier.MoverStatus, most int) tier.MoverStatus {
	if len(status.Waiting) <= most {
		return status
	}
	listed := slices.Clone(status.Waiting)
	slices.SortStableFunc(listed, func(a, b tier.WaitingDay) int {
		return cmp.Compare(calm(a), calm(b))
	})
	status.More += len(listed) - most
	status.Waiting = listed[:most]
	return status
}

// calm is 0 for a day for which somebody has to look, and 1 for others.
func calm(day tier.WaitingDay) int {
	if day.Next == tier.NextLeave {
		return 0
	}
	return 1
}

// asks says whether a day waits for nothing but a reading of the trees.
func (r Result) asks() bool {
	return slices.ContainsFunc(r.Days, func(outcome Outcome) bool { return outcome.Err == nil && outcome.Asks })
}

// ask leaves the file by which those who keep the trees in step are asked for a reading, or
// takes it away.
func (r Result) ask(file string) error {
	err := os.Remove(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("unable to take back what was asked for: %w", err)
	}
	if !r.asks() {
		return nil
	}
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		return fmt.Errorf("unable to ask for a reading of the trees: %w", err)
	}
	return nil
}

// tell writes the summary into a file. On a full disk every day waits, and all of them are
// more than there is room for: a file has a block at least.
func (r Result) tell(file string, now time.Time, failed error) error {
	status := r.summary(now, failed)
	var texts [][]byte
	for _, most := range []int{tier.MostWaiting, 10, 0} {
		text, err := json.Marshal(few(status, most))
		if err != nil {
			return err
		}
		texts = append(texts, text)
	}
	return agent.WriteStatus(file, texts[0], texts[1:]...)
}
