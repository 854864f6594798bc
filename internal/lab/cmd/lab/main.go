// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Command lab brings test hosts up, plays with the lines between them and
// takes them down again. See package lab.
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/atollhq/terraform-provider-atoll/internal/lab"
)

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := root().ExecuteContext(ctx); err != nil {
		// The bare error of a command that was run for the user has said its
		// own; one that is wrapped is ours to print.
		if exit, bare := err.(*exec.ExitError); bare { //nolint:errorlint // see above
			return exit.ExitCode()
		}
		fmt.Fprintln(os.Stderr, "lab:", err)
		return 1
	}
	return 0
}

// labName is the --name that all commands share.
var labName string

func root() *cobra.Command {
	command := &cobra.Command{
		Use:          "lab",
		Short:        "Real test hosts on one machine, joined by a virtual WAN",
		SilenceUsage: true, SilenceErrors: true,
	}
	command.PersistentFlags().StringVar(&labName, "name", "demo", "name of the lab; several stand side by side")
	command.AddCommand(prepareCommand(), upCommand(), serveCommand(), downCommand(), statusCommand(), execCommand(), sshCommand(), inventoryCommand())
	command.AddCommand(linodeCommand())
	command.AddCommand(linkCommands()...)
	command.AddCommand(hostCommands()...)
	return command
}

// client opens the lab of --name.
func client() (*lab.Client, error) {
	path := lab.InventoryPath(labName)
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("lab %s is not up: run lab up --name %s", labName, labName)
	}
	return lab.Open(path)
}
