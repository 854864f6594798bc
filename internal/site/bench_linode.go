// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package site

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/lab"
)

// OfficialVariable names the environment variable with the directory of the
// official provider's program, which no registry gives to a machine like the lab's.
const OfficialVariable = "ATOLL_BENCH_LINODE_PROVIDER"

// linodes of the bench, as many as the official provider's own test makes.
const linodes = 12

// machines is a provider's way to declare the Linodes of the bench.
type machines struct {
	name, source, program string
	// config has the words URL, TOKEN, COUNT and KEY.
	config string
}

// The polls are as much faster than each provider's own as the emulator's events
// are faster than Linode's.
var (
	ours = machines{"Atoll", "atollhq/atoll", "", `
provider "atoll" {
  ssh    = { key_files = { default = "FILE" } }
  linode = { url = "URL", token = "TOKEN", poll_interval = "400ms" }
}
resource "atoll_linode" "vps" {
  count           = COUNT
  label           = "vps-${count.index}"
  region          = "ap-south"
  type            = "g6-nanode-1"
  image           = "linode/debian13"
  authorized_keys = ["KEY"]
}
`}
	official = machines{"linode/linode", "linode/linode", "", `
provider "linode" {
  url           = "HOST"
  api_version   = "v4"
  token         = "TOKEN"
  event_poll_ms = 200
}
resource "linode_instance" "vps" {
  count           = COUNT
  label           = "vps-${count.index}"
  region          = "ap-south"
  type            = "g6-nanode-1"
  image           = "linode/debian13"
  authorized_keys = ["KEY"]
}
`}
)

// BenchLinode counts the requests that machines at Linode cost, and those of the
// official provider where it is to be had.
func BenchLinode(ctx context.Context, client *lab.Client, dir string, out io.Writer) error {
	root, err := Root()
	if err != nil {
		return err
	}
	ours.program, official.program = filepath.Join(root, "bin"), os.Getenv(OfficialVariable)
	fmt.Fprintf(out, "\n### %d machines at the emulator of Linode\n\n", linodes)
	fmt.Fprintln(out, "Who waits for a boot asks for events again and again: these polls grow with its seconds, and stand apart.")
	fmt.Fprintln(out)
	fmt.Fprintln(out, "| | requests to create | polls meanwhile | to refresh | to destroy | time to create |\n| --- | ---: | ---: | ---: | ---: | ---: |")
	for _, provider := range []machines{ours, official} {
		if provider.program == "" {
			fmt.Fprintf(out, "| %s | not to be had here: %s names the directory of its program | | | | |\n", provider.name, OfficialVariable)
			continue
		}
		asked, took, err := provider.measure(ctx, client, filepath.Join(dir, provider.name))
		if err != nil {
			return fmt.Errorf("%s: %w", provider.name, err)
		}
		fmt.Fprintf(out, "| %s | %d | %d | %d | %d | %s |\n", provider.name, asked[0].requests, asked[0].polls, asked[1].requests, asked[2].requests+asked[2].polls, took.Round(time.Second))
	}
	return nil
}

// asked counts what the API was asked.
type asked struct{ requests, polls int }

// measure creates, refreshes and destroys, and counts the requests of each.
func (m machines) measure(ctx context.Context, client *lab.Client, dir string) (counts []asked, took time.Duration, err error) {
	terraform, err := m.write(client, dir)
	if err != nil {
		return nil, 0, err
	}
	if _, err := client.LinodeRequests(ctx); err != nil { // those before ours
		return nil, 0, err
	}
	begun := time.Now()
	for i, do := range []func() error{
		func() error { return terraform.Apply(ctx) },
		func() error { _, err := terraform.Plan(ctx); return err },
		func() error { return terraform.Destroy(ctx) },
	} {
		if err := do(); err != nil {
			return nil, 0, err
		}
		if i == 0 {
			took = time.Since(begun)
		}
		all, err := client.LinodeRequests(ctx)
		if err != nil {
			return nil, 0, err
		}
		var count asked
		for _, request := range all {
			if request.Method == http.MethodGet && strings.HasSuffix(request.Path, "/account/events") {
				count.polls++
			} else {
				count.requests++
			}
		}
		counts = append(counts, count)
	}
	return counts, took, nil
}

// write makes a working directory that uses one provider's program.
func (m machines) write(client *lab.Client, dir string) (*Terraform, error) {
	root, err := Root()
	if err != nil {
		return nil, err
	}
	program, err := Find(root)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making a directory for %s: %w", m.name, err)
	}
	public, err := os.ReadFile(client.Inventory.Key + ".pub")
	if err != nil {
		return nil, fmt.Errorf("reading the lab's key: %w", err)
	}
	api := client.Inventory.Linode
	text := fmt.Sprintf("terraform {\n  required_providers {\n    %s = { source = %q }\n  }\n}\n", filepath.Base(m.source), m.source) +
		strings.NewReplacer("URL", api.URL, "HOST", strings.TrimSuffix(api.URL, "/v4"), "TOKEN", api.Token, "COUNT", fmt.Sprint(linodes),
			"KEY", strings.TrimSpace(string(public)), "FILE", client.Inventory.Key).Replace(m.config)
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(text), 0o600); err != nil {
		return nil, fmt.Errorf("writing the configuration: %w", err)
	}
	return newWith(program, dir, m.source, m.program)
}
