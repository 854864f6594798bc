// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/atollhq/terraform-provider-atoll/internal/lab"
)

func linkCommands() []*cobra.Command {
	return []*cobra.Command{
		linkCommand(),
		pairCommand("cut A B", "Lose everything between two hosts", (*lab.Client).Cut),
		pairCommand("mend A B", "End a cut", (*lab.Client).Mend),
		blockCommand("block FROM TO", "Lose what goes from one host to a port of another, one way", (*lab.Client).Block),
		blockCommand("unblock FROM TO", "End a block", func(c *lab.Client, ctx context.Context, from, to string, block lab.Block) error {
			return c.Unblock(ctx, from, to, &block)
		}),
		{
			Use: "reset", Short: "Put every line back to what it was", Args: cobra.NoArgs,
			RunE: func(command *cobra.Command, _ []string) error {
				running, err := client()
				if err != nil {
					return err
				}
				return running.Reset(command.Context())
			},
		},
	}
}

func linkCommand() *cobra.Command {
	var changed lab.Link
	var loss, rate string
	var oneWay bool
	command := &cobra.Command{
		Use: "link A B", Short: "Change the line between two hosts; what is not given stays", Args: cobra.ExactArgs(2),
		Example: "lab link hk1 sg1 --delay 40ms --loss 20%",
		RunE: func(command *cobra.Command, args []string) error {
			running, err := client()
			if err != nil {
				return err
			}
			link, err := running.GetLink(command.Context(), args[0], args[1])
			if err != nil {
				return err
			}
			flags := command.Flags()
			if flags.Changed("delay") {
				link.Delay = changed.Delay
			}
			if flags.Changed("jitter") {
				link.Jitter = changed.Jitter
			}
			if flags.Changed("loss") {
				if link.Loss, err = parseShare(loss); err != nil {
					return err
				}
			}
			if flags.Changed("rate") {
				if link.Rate, err = parseRate(rate); err != nil {
					return err
				}
			}
			return running.SetLink(command.Context(), args[0], args[1], link, oneWay)
		},
	}
	command.Flags().DurationVar(&changed.Delay, "delay", 0, "delay, one way")
	command.Flags().DurationVar(&changed.Jitter, "jitter", 0, "random addition to the delay")
	command.Flags().StringVar(&loss, "loss", "", "share of packets lost, such as 20%")
	command.Flags().StringVar(&rate, "rate", "", "limit in bits a second, such as 10M; 0 for none")
	command.Flags().BoolVar(&oneWay, "one-way", false, "only from A to B")
	return command
}

// parseShare reads "20%" or "0.2".
func parseShare(text string) (float64, error) {
	number, percent := strings.CutSuffix(text, "%")
	share, err := strconv.ParseFloat(number, 64)
	if percent {
		share /= 100
	}
	if err != nil || share < 0 || share > 1 {
		return 0, fmt.Errorf("--loss %q: must be from 0%% to 100%%", text)
	}
	return share, nil
}

// parseRate reads "10M", "500k" or plain bits a second.
func parseRate(text string) (int64, error) {
	factor := int64(1)
	for suffix, power := range map[string]int64{"k": 1e3, "M": 1e6, "G": 1e9} {
		if rest, found := strings.CutSuffix(text, suffix); found {
			text, factor = rest, power
		}
	}
	rate, err := strconv.ParseInt(text, 10, 64)
	if err != nil || rate < 0 {
		return 0, fmt.Errorf("--rate %q: must be bits a second, such as 10M", text)
	}
	return rate * factor, nil
}

func pairCommand(use, short string, do func(*lab.Client, context.Context, string, string) error) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: cobra.ExactArgs(2), RunE: func(command *cobra.Command, args []string) error {
		running, err := client()
		if err != nil {
			return err
		}
		return do(running, command.Context(), args[0], args[1])
	}}
}

func blockCommand(use, short string, do func(*lab.Client, context.Context, string, string, lab.Block) error) *cobra.Command {
	var protocol string
	var port int
	command := &cobra.Command{Use: use, Short: short, Args: cobra.ExactArgs(2), RunE: func(command *cobra.Command, args []string) error {
		block, err := lab.ParseBlock(protocol, port)
		if err != nil {
			return err
		}
		running, err := client()
		if err != nil {
			return err
		}
		return do(running, command.Context(), args[0], args[1], block)
	}}
	command.Flags().StringVar(&protocol, "proto", "tcp", "tcp or udp")
	command.Flags().IntVar(&port, "port", 0, "destination port")
	return command
}

func hostCommands() []*cobra.Command {
	plug := &cobra.Command{Use: "plug", Short: "Pull a host's plug, or put it in again"}
	plug.AddCommand(
		hostCommand("pull HOST", "Kill everything on a host at once; its disk stays", (*lab.Client).PullPlug),
		hostCommand("in HOST", "Switch a host on again", (*lab.Client).PlugIn),
	)
	return []*cobra.Command{
		plug,
		hostCommand("rebuild HOST", "Give a host a fresh disk; address and host key stay", (*lab.Client).Rebuild),
		hostCommand("disk-full HOST", "Take all room on a host's disk", (*lab.Client).FillDisk),
		hostCommand("disk-free HOST", "Give the room back", (*lab.Client).FreeDisk),
		slowCommand(),
	}
}

func slowCommand() *cobra.Command {
	var writes int
	command := hostCommand("disk-slow HOST", "Let a host's disk do few writes a second", func(running *lab.Client, ctx context.Context, host string) error {
		return running.SlowDisk(ctx, host, writes)
	})
	command.Flags().IntVar(&writes, "writes", 20, "writes a second; 0 is no bound")
	return command
}

func hostCommand(use, short string, do func(*lab.Client, context.Context, string) error) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: cobra.ExactArgs(1), RunE: func(command *cobra.Command, args []string) error {
		running, err := client()
		if err != nil {
			return err
		}
		return do(running, command.Context(), args[0])
	}}
}
