// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Command site shows, measures and documents Atoll with a real Terraform. The
// make targets run it; demo and bench run inside of a lab (lab exec).
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/atollhq/terraform-provider-atoll/internal/lab"
	"github.com/atollhq/terraform-provider-atoll/internal/site"
)

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := &cobra.Command{Use: "site", Short: "Show, measure and document Atoll", SilenceUsage: true, SilenceErrors: true}
	root.AddCommand(demoCommand(), schemaCommand(), observeCommand())
	root.AddCommand(benchCommands()...)
	if err := root.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "site:", err)
		return 1
	}
	return 0
}

func demoCommand() *cobra.Command {
	return &cobra.Command{
		Use: "demo DIR", Short: "Apply examples/site to the lab, and pull the primary's plug under a writer", Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			client, err := lab.Open(os.Getenv(lab.Variable))
			if err != nil {
				return err
			}
			if err := os.MkdirAll(args[0], 0o700); err != nil {
				return err
			}
			return site.Demo(command.Context(), client, args[0], os.Stdout)
		},
	}
}

func schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use: "schema", Short: "Print the provider's schema as JSON", Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			text, err := site.Schema(command.Context())
			if err != nil {
				return err
			}
			_, err = os.Stdout.Write(text)
			return err
		},
	}
}

// benchCommands run inside of a lab: one with the software installed, one bare.
func benchCommands() []*cobra.Command {
	among := func(use, short string, words []string, run func(context.Context, *lab.Client, string, io.Writer, ...string) error) *cobra.Command {
		return &cobra.Command{Use: use, Short: short, ValidArgs: words, Args: cobra.OnlyValidArgs, RunE: func(command *cobra.Command, chosen []string) error {
			client, err := lab.Open(os.Getenv(lab.Variable))
			if err != nil {
				return err
			}
			dir, err := os.MkdirTemp("", "atoll-bench-")
			if err != nil {
				return err
			}
			defer func() { _ = os.RemoveAll(dir) }()
			return run(command.Context(), client, dir, os.Stdout, chosen...)
		}}
	}
	in := func(use, short string, run func(context.Context, *lab.Client, string, io.Writer) error) *cobra.Command {
		command := among(use, short, nil, func(ctx context.Context, client *lab.Client, dir string, out io.Writer, _ ...string) error {
			return run(ctx, client, dir, out)
		})
		command.Args = cobra.NoArgs
		return command
	}
	memory := &cobra.Command{Use: "bench-memory", Short: "Measure memory by the number of hosts", Args: cobra.NoArgs, RunE: func(command *cobra.Command, _ []string) error {
		return site.BenchMemory(command.Context(), os.Stdout)
	}}
	return []*cobra.Command{
		in("bench-plan", "Measure a plan of the unchanged site, beside Ansible", site.BenchPlan),
		among("bench-failover [failover…]", "Measure how long writes stand still when a member's plug is pulled", site.Failovers(), site.BenchFailover),
		in("bench-tier", "Measure a file tier, beside what else keeps trees the same", site.BenchTier),
		in("bench-archive", "Measure runs of an archive, beside rsync by hand", site.BenchArchive),
		in("bench-million", "Measure a file tier with a million files", site.BenchMillion),
		in("bench-joins", "Measure a group and two joins by each way in which a member gets its data", site.BenchJoins),
		in("bench-linode", "Count the requests of machines at the emulator of Linode", site.BenchLinode),
		in("bench-apply", "Measure an apply from bare hosts, beside the longest chain", site.BenchApply), memory,
	}
}

func observeCommand() *cobra.Command {
	return &cobra.Command{Use: "observe", Short: "Ask the hosts named on standard input", Hidden: true, Args: cobra.NoArgs, RunE: func(command *cobra.Command, _ []string) error {
		return site.ObserveMany(command.Context(), os.Stdin, os.Stdout)
	}}
}
