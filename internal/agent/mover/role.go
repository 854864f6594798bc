// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mover

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/agent"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// Role moves the days of a tier on one of its nodes.
var Role = agent.Role{
	Name:    "mover",
	Summary: "carry old days of a tier into its archive (--config FILE [--prepare | --try | --json] [--status FILE]), or put links right that lead elsewhere (--links [--check])",
	Run:     role,
}

func role(ctx context.Context, args []string, streams agent.Streams) error {
	var file, status string
	var first, try, links, check, asJSON bool
	err := agent.Flags("mover", args, func(set *flag.FlagSet) {
		set.StringVar(&file, "config", "", "")
		set.BoolVar(&first, "prepare", false, "")
		set.BoolVar(&try, "try", false, "")
		set.BoolVar(&links, "links", false, "")
		set.BoolVar(&check, "check", false, "")
		set.BoolVar(&asJSON, "json", false, "")
		set.StringVar(&status, "status", "", "")
	})
	if err != nil {
		return err
	}
	text, err := agent.ReadConfig("mover", file)
	if err != nil {
		return err
	}
	config, err := ParseConfig(text)
	if err != nil {
		return err
	}
	if first || try {
		return prepareOrTry(config, first)
	}
	if links {
		return relinkOrList(ctx, config, check, streams.Out)
	}
	mover := New(config)
	result, err := mover.Run(ctx)
	var busy *BusyError
	if status != "" && !errors.As(err, &busy) && ctx.Err() == nil {
		err = errors.Join(err, result.tell(status, time.Now(), err), result.ask(filepath.Join(filepath.Dir(status), tier.MoverAsks)))
	}
	if asJSON {
		return errors.Join(err, json.NewEncoder(streams.Out).Encode(result.lines()), result.failed())
	}
	return errors.Join(err, result.print(streams.Out), result.failed())
}

// prepareOrTry gives the trees the tier's name, or tries whether the hot one can have
// a day exchanged.
func prepareOrTry(config Config, first bool) error {
	if first {
		return Prepare(config)
	}
	opened, err := openTrees(config)
	if err != nil {
		return err
	}
	defer opened.close()
	return opened.hotPrivate.CanExchange()
}

// failed joins what went wrong with single days.
func (r Result) failed() error {
	var problems []error
	for _, outcome := range r.Days {
		if outcome.Err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", outcome.Day, outcome.Err))
		}
	}
	return errors.Join(problems...)
}

// line is an outcome for programs.
type line struct {
	Outcome
	Error string `json:"error,omitempty"`
}

type lines struct {
	Days      []line     `json:"days"`
	Conflicts []Conflict `json:"conflicts"`
}

func (r Result) lines() lines {
	found := lines{Days: []line{}, Conflicts: append([]Conflict{}, r.Conflicts...)}
	for _, outcome := range r.Days {
		one := line{Outcome: outcome}
		if outcome.Err != nil {
			one.Error = outcome.Err.Error()
		}
		found.Days = append(found.Days, one)
	}
	return found
}

func (r Result) print(to io.Writer) error {
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	for _, outcome := range r.Days {
		if outcome.Step == Nothing && len(outcome.Done) == 0 {
			continue
		}
		_, _ = fmt.Fprintf(table, "%s\t%v\t%s\t%s\n", outcome.Day, outcome.Done, outcome.Step, outcome.Why)
	}
	for _, conflict := range r.Conflicts {
		_, _ = fmt.Fprintf(table, "%s\tconflict\t%q\tthe other version is %q\n", conflict.Day, conflict.Path, conflict.Aside)
	}
	return table.Flush()
}
