// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mover

import (
	"encoding/json"
	"fmt"
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
		if (outcome.Step == Wait || outcome.Step == Leave || outcome.Err != nil) && len(status.Waiting) < tier.MostWaiting {
			status.Waiting = append(status.Waiting, waiting(outcome))
		}
	}
	if len(problems) > 0 {
		status.Error = problems[0].Error()
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
	return day
}

// tell writes the summary into a file.
func (r Result) tell(file string, now time.Time, failed error) error {
	text, err := json.Marshal(r.summary(now, failed))
	if err != nil {
		return err
	}
	return agent.WriteStatus(file, text)
}
