// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/atollhq/terraform-provider-atoll/internal/lab"
)

func execCommand() *cobra.Command {
	return &cobra.Command{
		Use: "exec -- command...", Short: "Run a command in the operator's namespace, from where the hosts are reached",
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return inOperator(args) },
	}
}

func sshCommand() *cobra.Command {
	return &cobra.Command{
		Use: "ssh HOST [-- command...]", Short: "Log in on a host, or run a command there", Args: cobra.MinimumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			running, err := client()
			if err != nil {
				return err
			}
			hosts, err := running.Hosts(command.Context())
			if err != nil {
				return err
			}
			at := slices.IndexFunc(hosts, func(host lab.Present) bool { return host.Name == args[0] })
			if at < 0 {
				return fmt.Errorf("there is no host %q in lab %s: bin/lab status lists them", args[0], labName)
			}
			host := hosts[at]
			user := "root"
			if host.User != "" {
				user = host.User
			}
			known, err := os.CreateTemp("", "atoll-known-hosts-*")
			if err != nil {
				return err
			}
			defer func() { _ = os.Remove(known.Name()) }()
			if _, err := known.WriteString(host.Address + " " + host.HostKey + "\n"); err != nil {
				return err
			}
			_ = known.Close()
			return inOperator(append([]string{
				"ssh", "-q", "-i", running.Inventory.Key, "-o", "IdentitiesOnly=yes", "-o", "UserKnownHostsFile=" + known.Name(),
				"-o", "StrictHostKeyChecking=yes", user + "@" + host.Address,
			}, args[1:]...))
		},
	}
}

// inOperator runs a command in the operator's network namespace and passes on
// signals and the exit code. Everything else is the caller's: files, user,
// environment.
func inOperator(args []string) error {
	running, err := client()
	if err != nil {
		return err
	}
	namespace := running.Inventory.Namespace
	command := exec.Command("nsenter", append([]string{"--net=/run/netns/" + namespace, "--"}, args...)...)
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	command.Env = append(os.Environ(), lab.Variable+"="+lab.InventoryPath(labName))
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	return command.Run()
}
