// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package status tells where a tier, or the guardian, stands on this node, to a
// person or, as JSON, to a program.
package status

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"

	"github.com/atollhq/terraform-provider-atoll/internal/agent"
	"github.com/atollhq/terraform-provider-atoll/internal/agent/guardian"
	"github.com/atollhq/terraform-provider-atoll/internal/agent/mover"
	"github.com/atollhq/terraform-provider-atoll/internal/agent/scrub"
)

// Role tells.
var Role = agent.Role{
	Name:    "status",
	Summary: "say where the guardian of this node stands, or the tier in whose home this program lies (--home DIRECTORY: another one; --config FILE: its mover's days, or its scrub) ([--json])",
	Run:     role,
}

// Status is what is told. Days are counted; bytes and inodes are what is free.
type Status struct {
	Tier string `json:"tier"`
	// Hot are days that are too young to move, Archived those that have.
	Hot      int   `json:"hot"`
	Archived int   `json:"archived"`
	Days     []Day `json:"days"`
	HotFree  Free  `json:"hot_free"`
	ColdFree Free  `json:"cold_free"`
	// Unread is the archived day that was not read for the longest time, and
	// UnreadSince when it was read last; Never counts those that never were.
	Unread      string    `json:"unread,omitempty"`
	UnreadSince time.Time `json:"unread_since,omitzero"`
	Never       int       `json:"never_read"`
}

// Day is one that something is to be done with, is waited for, or is left alone.
type Day struct {
	Day   string `json:"day"`
	Next  string `json:"next"`
	Why   string `json:"why"`
	Error string `json:"error,omitempty"`
}

// Free is what a file system has left.
type Free struct {
	Bytes  uint64 `json:"bytes"`
	Inodes uint64 `json:"inodes"`
}

func role(ctx context.Context, args []string, streams agent.Streams) error {
	var file, home string
	var asJSON bool
	err := agent.Flags("status", args, func(set *flag.FlagSet) {
		set.StringVar(&file, "config", "", "")
		set.StringVar(&home, "home", "", "")
		set.BoolVar(&asJSON, "json", false, "")
	})
	if err != nil {
		return err
	}
	switch program, err := os.Executable(); {
	case file != "" && home != "":
		return &agent.UsageError{Problem: "status: --config and --home exclude each other"}
	case file != "":
		return configured(ctx, file, asJSON, streams.Out)
	case home == "" && err == nil:
		home = homeOf(program)
	}
	if home != "" {
		return inHome(home, asJSON, streams.Out)
	}
	return guarded(guardian.Directory, asJSON, streams)
}

// configured tells where the role of a configuration stands.
func configured(ctx context.Context, file string, asJSON bool, to io.Writer) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("unable to read the configuration: %w", err)
	}
	if config, err := scrub.ParseConfig(text); err == nil {
		return scrubbed(config, asJSON, to)
	}
	config, err := mover.ParseConfig(text)
	if err != nil {
		return err
	}
	status, err := Of(ctx, config)
	if err != nil {
		return err
	}
	if asJSON {
		return json.NewEncoder(to).Encode(status)
	}
	return status.print(to)
}

// Of finds where a tier stands.
func Of(ctx context.Context, config mover.Config) (Status, error) {
	survey, err := mover.New(config).Survey(ctx)
	if err != nil {
		return Status{}, err
	}
	status := Status{
		Tier: config.Tier, Hot: survey.Hot, Archived: survey.Archived, Days: []Day{},
		HotFree: Free{survey.HotRoom.Bytes, survey.HotRoom.Inodes}, ColdFree: Free{survey.ColdRoom.Bytes, survey.ColdRoom.Inodes},
	}
	for _, outcome := range survey.Days {
		day := Day{Day: outcome.Day, Next: string(outcome.Step), Why: outcome.Why}
		if outcome.Err != nil {
			day.Error = outcome.Err.Error()
		}
		status.Days = append(status.Days, day)
	}
	return status, status.scrubs(ctx, config)
}

// scrubs finds what was not read for the longest time.
func (s *Status) scrubs(ctx context.Context, config mover.Config) error {
	archive, err := mover.OpenArchive(config)
	if err != nil {
		return err
	}
	defer archive.Close()
	days, err := archive.Days(ctx)
	if err != nil {
		return err
	}
	for _, day := range days {
		stat, err := archive.Private.Stat(mover.ID(day) + mover.ScrubSuffix)
		if errors.Is(err, unix.ENOENT) {
			s.Never++
			continue
		}
		if err != nil {
			return err
		}
		if read := time.Unix(stat.Mtim.Unix()); s.Unread == "" || read.Before(s.UnreadSince) {
			s.Unread, s.UnreadSince = day, read.UTC()
		}
	}
	return nil
}

func (s Status) print(to io.Writer) error {
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintf(table, "tier\t%s\n", s.Tier)
	_, _ = fmt.Fprintf(table, "days\t%d hot, %d archived, %d on their way\n", s.Hot, s.Archived, len(s.Days))
	_, _ = fmt.Fprintf(table, "free\thot %s, archive %s\n", s.HotFree, s.ColdFree)
	switch {
	case s.Never > 0:
		_, _ = fmt.Fprintf(table, "scrub\t%d days were never read\n", s.Never)
	case s.Unread != "":
		_, _ = fmt.Fprintf(table, "scrub\t%s is unread the longest, since %s\n", s.Unread, s.UnreadSince.Format(time.RFC3339))
	}
	for _, day := range s.Days {
		if day.Error != "" {
			_, _ = fmt.Fprintf(table, "%s\tunable to tell: %s\n", day.Day, day.Error)
			continue
		}
		_, _ = fmt.Fprintf(table, "%s\t%s: %s\n", day.Day, day.Next, day.Why)
	}
	return table.Flush()
}

func (f Free) String() string {
	inodes := fmt.Sprintf("%d inodes", f.Inodes)
	if f.Inodes == ^uint64(0) {
		inodes = "any number of inodes"
	}
	return fmt.Sprintf("%.1f GiB and %s", float64(f.Bytes)/(1<<30), inodes)
}
