// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package main

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/atollhq/terraform-provider-atoll/internal/lab/linode"
)

func linodeCommand() *cobra.Command {
	command := &cobra.Command{
		Use: "linode", Short: "The emulator of the Linode API: show where it answers", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			running, err := client()
			if err != nil {
				return err
			}
			fmt.Printf("LINODE_URL=%s LINODE_TOKEN=%s\n", running.Inventory.Linode.URL, running.Inventory.Linode.Token)
			return nil
		},
	}
	command.AddCommand(failCommand(), requestsCommand(), serveLinodeCommand())
	return command
}

func failCommand() *cobra.Command {
	var chances, next []string
	var seed uint64
	command := &cobra.Command{
		Use: "fail", Short: "Let the API fail from now on; without flags it is well again", Args: cobra.NoArgs,
		Example: "lab linode fail --chance dropped=0.2 --chance busy=0.5\nlab linode fail --next 'dropped=POST /linode/instances'",
		RunE: func(command *cobra.Command, _ []string) error {
			running, err := client()
			if err != nil {
				return err
			}
			faults := linode.Faults{Chance: map[linode.Fault]float64{}, Seed: seed}
			for _, text := range chances {
				fault, share, _ := strings.Cut(text, "=")
				value, err := strconv.ParseFloat(share, 64)
				if err != nil || value < 0 || value > 1 {
					return fmt.Errorf("--chance %s: must be FAULT=SHARE, a share from 0 to 1", text)
				}
				faults.Chance[linode.Fault(fault)] = value
			}
			for _, text := range next {
				fault, request, _ := strings.Cut(text, "=")
				faults.Next = append(faults.Next, linode.Next{Fault: linode.Fault(fault), Request: request})
			}
			return running.FailLinode(command.Context(), faults)
		},
	}
	command.Flags().StringArrayVar(&chances, "chance", nil, "FAULT=SHARE: strikes at each opportunity with that chance")
	command.Flags().StringArrayVar(&next, "next", nil, "FAULT[=METHOD /path]: strikes once")
	command.Flags().Uint64Var(&seed, "seed", 1, "seed of the chances")
	return command
}

func requestsCommand() *cobra.Command {
	return &cobra.Command{
		Use: "requests", Short: "Print what the API was asked since the last call", Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			running, err := client()
			if err != nil {
				return err
			}
			all, err := running.LinodeRequests(command.Context())
			for _, one := range all {
				fmt.Println(one.Status, one.Method, one.Path)
			}
			return err
		},
	}
}

func serveLinodeCommand() *cobra.Command {
	var listen, token string
	var speed float64
	command := &cobra.Command{
		Use: "serve", Short: "Serve the API alone, without hosts behind it", Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			api := linode.New(linode.Options{Token: token, Speed: speed})
			defer api.Close()
			server := &http.Server{Addr: listen, Handler: api, ReadHeaderTimeout: time.Minute}
			go func() {
				<-command.Context().Done()
				_ = server.Close()
			}()
			fmt.Printf("LINODE_URL=http://%s/v4 LINODE_TOKEN=%s\n", listen, token)
			if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		},
	}
	command.Flags().StringVar(&listen, "listen", "127.0.0.1:4600", "address and port")
	command.Flags().StringVar(&token, "token", "atoll-lab", "token to let in")
	command.Flags().Float64Var(&speed, "speed", 20, "how many times as fast as Linode")
	return command
}
