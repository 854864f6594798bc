// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package agent is the small program that runs on a node: one static binary
// whose subcommands are roles. A role does one thing beside the site's own
// software (it watches files for unison, moves old days), needs no Terraform,
// opens no port and is harmless when it is killed, doubled or old.
//
// This room holds what all roles share: the command line and the handshake
// with the provider. Each role has a package of its own.
package agent

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	model "github.com/atollhq/terraform-provider-atoll/internal/model/agent"
)

// Streams are what a role reads and writes.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// Role is one subcommand.
type Role struct {
	Name, Summary string
	// Aliases are the names under which other software starts this role: the
	// program is linked to under them.
	Aliases []string
	Run     func(ctx context.Context, args []string, streams Streams) error
}

// UsageError is a command line that this agent does not understand. Whoever
// wrote it belongs to another version, more often than not, so it says which
// one this is.
type UsageError struct{ Problem string }

func (e *UsageError) Error() string {
	return fmt.Sprintf("%s; this agent speaks protocol %d: if what started it is newer, terraform apply brings the agent up to date", e.Problem, model.Newest)
}

// The exit codes of the agent.
const (
	ExitDone   = 0
	ExitFailed = 1
	// ExitUsage is for a command line or a configuration that the agent does
	// not understand; starting it again will not help.
	ExitUsage = 2
)

// Main runs the role that the command line names and gives the exit code. The
// first word is the program's own name.
func Main(ctx context.Context, roles []Role, line []string, streams Streams) int {
	err := dispatch(ctx, roles, line, streams)
	if err == nil {
		return ExitDone
	}
	_, _ = fmt.Fprintln(streams.Err, "atoll-agent:", err)
	var usage *UsageError
	if errors.As(err, &usage) {
		return ExitUsage
	}
	return ExitFailed
}

func dispatch(ctx context.Context, roles []Role, line []string, streams Streams) error {
	if len(line) == 0 {
		return &UsageError{"started without its own name"}
	}
	for _, role := range roles {
		if slices.Contains(role.Aliases, filepath.Base(line[0])) {
			return role.Run(ctx, line[1:], streams)
		}
	}
	if len(line) == 1 {
		return &UsageError{"no role given: use one of " + strings.Join(names(roles), ", ") + ", version, help"}
	}
	name, args := line[1], line[2:]
	switch name {
	case "version":
		return version(roles, args, streams)
	case "help", "--help", "-h":
		return help(roles, streams)
	}
	for _, role := range roles {
		if role.Name == name {
			return role.Run(ctx, args, streams)
		}
	}
	return &UsageError{fmt.Sprintf("no role %q: this agent has %s", name, strings.Join(names(roles), ", "))}
}

// Flags reads a role's flags, and refuses those that it does not know and
// anything beside flags.
func Flags(role string, args []string, declare func(*flag.FlagSet)) error {
	set := flag.NewFlagSet(role, flag.ContinueOnError)
	set.SetOutput(io.Discard)
	declare(set)
	if err := set.Parse(args); err != nil {
		return &UsageError{role + ": " + err.Error()}
	}
	if set.NArg() > 0 {
		return &UsageError{fmt.Sprintf("%s: unexpected argument %q", role, set.Arg(0))}
	}
	return nil
}

func names(roles []Role) []string {
	var names []string
	for _, role := range roles {
		names = append(names, role.Name)
	}
	slices.Sort(names)
	return names
}

func help(roles []Role, streams Streams) error {
	table := tabwriter.NewWriter(streams.Out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "atoll-agent ROLE\n\nROLE\tWHAT IT DOES")
	for _, role := range roles {
		_, _ = fmt.Fprintf(table, "%s\t%s\n", role.Name, role.Summary)
	}
	_, _ = fmt.Fprintln(table, "version\tsay which protocol this agent speaks (--json: for programs)")
	return table.Flush()
}
