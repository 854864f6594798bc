// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package scrub

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/agent"
	"github.com/atollhq/terraform-provider-atoll/internal/agent/mover"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// Role scrubs the archive of a tier on one of its nodes.
var Role = agent.Role{
	Name:    "scrub",
	Summary: "read a tier's archive and mend files that rotted (--config FILE [--lent | --all] [--json])",
	Run:     role,
}

// ParseConfig reads a configuration.
func ParseConfig(text []byte) (tier.Scrub, error) {
	var config tier.Scrub
	if err := agent.DecodeConfig("scrub", text, &config); err != nil {
		return config, err
	}
	if err := agent.CheckPath("status", config.Status); err != nil {
		return config, &agent.UsageError{Problem: "scrub: " + err.Error()}
	}
	return config, nil
}

func role(ctx context.Context, args []string, streams agent.Streams) error {
	var file string
	var lent, all, asJSON bool
	err := agent.Flags("scrub", args, func(set *flag.FlagSet) {
		set.StringVar(&file, "config", "", "")
		set.BoolVar(&lent, "lent", false, "")
		set.BoolVar(&all, "all", false, "")
		set.BoolVar(&asJSON, "json", false, "")
	})
	if err != nil {
		return err
	}
	text, err := agent.ReadConfig("scrub", file)
	if err != nil {
		return err
	}
	config, err := ParseConfig(text)
	if err != nil {
		return err
	}
	days, err := scrub(ctx, config, lent, all)
	failed := failed
	if lent {
		failed = unread // what else rotted is no news
	}
	if asJSON {
		return errors.Join(err, json.NewEncoder(streams.Out).Encode(lines(days)), failed(days))
	}
	show(streams.Out, days)
	if all && !lent && len(unmended(days))+len(missed(days)) > 0 {
		_, _ = fmt.Fprintf(streams.Out, "what was not mended, or is gone, is asked for by the archive's next run; systemctl start %s.service asks at once where this node dials\n", tier.ScrubUnit(config.Tier))
	}
	return errors.Join(err, failed(days))
}

// again is how soon it is tried again to begin, where another scrub is at work.
const again = time.Second

func scrub(ctx context.Context, config tier.Scrub, lent, all bool) ([]Day, error) {
	for {
		told, err := remember(config.Status, lent)
		if err != nil {
			return nil, err
		}
		scrubber := Scrubber{
			Config:   mover.Config{Tier: config.Tier, Hot: config.Hot, Cold: config.Cold, Layout: config.Layout},
			Interval: time.Duration(config.Interval) * time.Second, Rotten: told.was.Rotten, Lent: lent, Deleted: config.Deleted, Tell: told.day,
			Gone: told.was.Gone, Back: told.back,
		}
		if all {
			scrubber.Interval = 0
		}
		days, err := scrubber.Run(ctx)
		var busy *BusyError
		if !errors.As(err, &busy) {
			// One that was told to stop has not ended.
			if ctx.Err() == nil {
				err = errors.Join(err, told.end(days, err, time.Now()))
			}
			return days, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(again):
		}
	}
}

// unread joins what could not be read.
func unread(days []Day) error {
	var problems []error
	for _, day := range days {
		if day.Err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", day.Day, day.Err))
		}
	}
	return errors.Join(problems...)
}

// failed joins what could not be read, what rotted and was not mended, and what is gone.
func failed(days []Day) error {
	return errors.Join(slices.Concat([]error{unread(days)}, unmended(days), missed(days))...)
}

// missed says what is gone, a line for each day: a disk may lose all of one at once.
func missed(days []Day) (problems []error) {
	for _, day := range days {
		switch count := len(day.Missing); {
		case count == 0:
		case day.Missing[0] == tier.Top:
			problems = append(problems, fmt.Errorf("%s: the whole day is gone, and cold_deletions did not ask for it", day.Day))
		default:
			is := map[bool]string{true: "is", false: "are"}[count == 1]
			problems = append(problems, fmt.Errorf("%s: %d of its files %s gone, the first is %q, and cold_deletions did not ask for it", day.Day, count, is, day.Missing[0]))
		}
	}
	return problems
}

func unmended(days []Day) (problems []error) {
	for _, day := range days {
		for _, finding := range day.Rotten {
			if finding.From == "" {
				problems = append(problems, fmt.Errorf("%s: %q rotted (%s) and was not mended: %s", day.Day, finding.Path, finding.Problem, finding.Why))
			}
		}
	}
	return problems
}

type line struct {
	Day
	Error string `json:"error,omitempty"`
}

func lines(days []Day) map[string][]line {
	found := []line{}
	for _, day := range days {
		one := line{Day: day}
		if day.Err != nil {
			one.Error = day.Err.Error()
		}
		found = append(found, one)
	}
	return map[string][]line{"days": found}
}

func show(to io.Writer, days []Day) {
	for _, day := range days {
		// A day of which something is gone may have been looked at by its names alone.
		if day.Files > 0 || len(day.Missing) == 0 {
			_, _ = fmt.Fprintf(to, "%s: read %d files, %d bytes\n", day.Day, day.Files, day.Bytes)
		}
		for _, finding := range day.Rotten {
			if finding.From != "" {
				_, _ = fmt.Fprintf(to, "%s: %q rotted (%s), mended from %s; the rotten one is %q\n", day.Day, finding.Path, finding.Problem, finding.From, finding.Kept)
			}
		}
		for _, path := range day.Missing {
			_, _ = fmt.Fprintf(to, "%s: %s went away\n", day.Day, tier.Named(path))
		}
	}
}
