// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/atollhq/terraform-provider-atoll/internal/lab"
)

// upFlags are what up hands on to the daemon.
type upFlags struct {
	bare    bool
	stock   bool
	user    string
	site    string
	disk    int64
	oneWay  time.Duration
	without []string
}

func (f *upFlags) register(command *cobra.Command) {
	command.Flags().BoolVar(&f.bare, "bare", false, "hosts without any software, as a hoster hands them over")
	command.Flags().BoolVar(&f.stock, "stock", false, "hosts of Debian's stable release, without any software, served a repository by the lab")
	command.Flags().StringVar(&f.user, "user", "", "who logs in on stock hosts instead of root, with a password for sudo")
	command.Flags().StringVar(&f.site, "site", "", "JSON file with a list of hosts instead of the default site")
	command.Flags().StringSliceVar(&f.without, "without", nil, "hosts to leave out")
	command.Flags().Int64Var(&f.disk, "disk", 8192, "size of each host's disk, in MiB")
	command.Flags().DurationVar(&f.oneWay, "one-way", 0, "delay of every link, one way, instead of the default site's")
}

func (f *upFlags) args() []string {
	args := []string{"serve", "--name", labName, fmt.Sprint("--disk=", f.disk), "--one-way=" + f.oneWay.String()}
	if f.bare {
		args = append(args, "--bare")
	}
	if f.stock {
		args = append(args, "--stock")
	}
	if f.user != "" {
		args = append(args, "--user", f.user)
	}
	if f.site != "" {
		args = append(args, "--site", f.site)
	}
	if len(f.without) > 0 {
		args = append(args, "--without", strings.Join(f.without, ","))
	}
	return args
}

func (f *upFlags) config() (lab.Config, error) {
	config := lab.Config{Name: labName, Root: lab.Prepared, Hosts: lab.DefaultSite(), DiskMiB: f.disk, OneWay: f.oneWay}
	switch {
	case f.bare && f.stock:
		return config, errors.New("--bare and --stock exclude each other: choose one")
	case f.bare:
		config.Root = lab.Bare
	case f.stock:
		config.Root = lab.Stock
	}
	if f.user != "" && !f.stock {
		return config, errors.New("--user needs --stock: other roots have users of their own")
	}
	if f.site != "" {
		content, err := os.ReadFile(f.site)
		if err != nil {
			return config, fmt.Errorf("--site: %w", err)
		}
		config.Hosts = nil
		if err := json.Unmarshal(content, &config.Hosts); err != nil {
			return config, fmt.Errorf("--site %s: %w", f.site, err)
		}
	}
	config.Hosts = slices.DeleteFunc(config.Hosts, func(host lab.HostSpec) bool { return slices.Contains(f.without, host.Name) })
	for i := range config.Hosts {
		if config.Hosts[i].User == "" {
			config.Hosts[i].User = f.user
		}
	}
	return config, nil
}

// prepare makes the machine able to carry the lab.
func (f *upFlags) prepare(ctx context.Context) error {
	config, err := f.config()
	if err != nil {
		return err
	}
	return lab.Prepare(ctx, os.Stderr, config)
}

func prepareCommand() *cobra.Command {
	var flags upFlags
	command := &cobra.Command{
		Use: "prepare", Short: "Install what the lab needs and build the cached root of its hosts", Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return flags.prepare(command.Context())
		},
	}
	flags.register(command)
	return command
}

func upCommand() *cobra.Command {
	var flags upFlags
	command := &cobra.Command{
		Use: "up", Short: "Boot the hosts; returns when the sshd of each answers", Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if err := flags.prepare(command.Context()); err != nil {
				return err
			}
			return up(command, flags)
		},
	}
	flags.register(command)
	return command
}

// up starts the daemon and waits until it answers, or ends.
func up(command *cobra.Command, flags upFlags) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	logFile, err := os.CreateTemp("", "atoll-lab-"+labName+"-*.log")
	if err != nil {
		return err
	}
	defer func() { _ = logFile.Close() }()
	start := time.Now()
	daemon := exec.Command(program, flags.args()...)
	daemon.Stdout, daemon.Stderr = logFile, logFile
	daemon.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := daemon.Start(); err != nil {
		return fmt.Errorf("starting the daemon: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- daemon.Wait() }()
	for {
		select {
		case err := <-ended:
			text, _ := os.ReadFile(logFile.Name())
			_ = os.Remove(logFile.Name())
			return errors.Join(fmt.Errorf("lab %s did not come up", labName), err, errors.New(strings.TrimSpace(string(text))))
		case <-command.Context().Done():
			return errors.Join(command.Context().Err(), lab.Down(labName))
		case <-time.After(100 * time.Millisecond):
		}
		if running, err := client(); err == nil {
			if _, err := running.Statistics(command.Context()); err == nil {
				_ = os.Remove(logFile.Name())
				fmt.Fprintf(os.Stderr, "lab %s is up: %d hosts in %s\n", labName, len(running.Inventory.Hosts), time.Since(start).Round(100*time.Millisecond))
				return nil
			}
		}
	}
}

func serveCommand() *cobra.Command {
	var flags upFlags
	command := &cobra.Command{
		Use: "serve", Short: "Be the daemon that owns a lab", Hidden: true, Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			config, err := flags.config()
			if err != nil {
				return err
			}
			return lab.Serve(command.Context(), config, os.Stderr)
		},
	}
	flags.register(command)
	return command
}

func downCommand() *cobra.Command {
	var all, dead bool
	command := &cobra.Command{
		Use: "down", Short: "Take a lab down with everything it made, also after a crash", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			names := []string{labName}
			switch {
			case all:
				names = lab.Labs()
			case dead:
				names = lab.Dead()
			}
			var problems []error
			for _, name := range names {
				problems = append(problems, lab.Down(name))
			}
			return errors.Join(problems...)
		},
	}
	command.Flags().BoolVar(&all, "all", false, "every lab on this machine")
	command.Flags().BoolVar(&dead, "dead", false, "every lab whose daemon was killed, and none that is up")
	return command
}

func statusCommand() *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Show the hosts of a lab and what its lines carried", Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			running, err := client()
			if err != nil {
				return err
			}
			hosts, err := running.Hosts(command.Context())
			if err != nil {
				return err
			}
			for _, host := range hosts {
				state := "off"
				if host.On {
					state = "on"
				}
				fmt.Printf("%-8s %-15s %-9s %-3s %s\n", host.Name, host.Address, host.Kind, host.Region, state)
			}
			statistics, err := running.Statistics(command.Context())
			if err != nil {
				return err
			}
			return json.NewEncoder(os.Stdout).Encode(statistics)
		},
	}
}

func inventoryCommand() *cobra.Command {
	return &cobra.Command{
		Use: "inventory", Short: "Print the inventory as JSON", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			running, err := client()
			if err != nil {
				return err
			}
			encoder := json.NewEncoder(os.Stdout)
			encoder.SetIndent("", "  ")
			return encoder.Encode(running.Inventory)
		},
	}
}
