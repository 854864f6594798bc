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
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/agent"
	"github.com/atollhq/terraform-provider-atoll/internal/agent/mover"
)

// Role scrubs the archive of a tier on one of its nodes.
var Role = agent.Role{
	Name:    "scrub",
	Summary: "read a tier's archive and mend files that rotted (--config FILE [--interval 720h] [--json])",
	Run:     role,
}

func role(ctx context.Context, args []string, streams agent.Streams) error {
	var file string
	var asJSON bool
	interval := 30 * 24 * time.Hour
	err := agent.Flags("scrub", args, func(set *flag.FlagSet) {
		set.StringVar(&file, "config", "", "")
		set.DurationVar(&interval, "interval", interval, "")
		set.BoolVar(&asJSON, "json", false, "")
	})
	if err != nil {
		return err
	}
	text, err := agent.ReadConfig("scrub", file)
	if err != nil {
		return err
	}
	config, err := mover.ParseConfig(text)
	if err != nil {
		return err
	}
	scrubber := Scrubber{Config: config, Interval: interval}
	for _, node := range config.Nodes {
		if len(node.Command) > 0 {
			scrubber.Sources = append(scrubber.Sources, node)
		}
	}
	days, err := scrubber.Run(ctx)
	if asJSON {
		return errors.Join(err, json.NewEncoder(streams.Out).Encode(lines(days)), failed(days))
	}
	show(streams.Out, days)
	return errors.Join(err, failed(days))
}

// failed joins what could not be read, and what rotted and was not mended.
func failed(days []Day) error {
	var problems []error
	for _, day := range days {
		if day.Err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", day.Day, day.Err))
		}
		for _, finding := range day.Rotten {
			if finding.From == "" {
				problems = append(problems, fmt.Errorf("%s: %q rotted (%s) and was not mended: %s", day.Day, finding.Path, finding.Problem, finding.Why))
			}
		}
	}
	return errors.Join(problems...)
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
		_, _ = fmt.Fprintf(to, "%s: read %d files, %d bytes\n", day.Day, day.Files, day.Bytes)
		for _, finding := range day.Rotten {
			if finding.From != "" {
				_, _ = fmt.Fprintf(to, "%s: %q rotted (%s), mended from %s\n", day.Day, finding.Path, finding.Problem, finding.From)
			}
		}
		for _, path := range day.Missing {
			_, _ = fmt.Fprintf(to, "%s: %q went away\n", day.Day, path)
		}
	}
}
