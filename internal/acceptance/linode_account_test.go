// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linode/linodego"

	"github.com/atollhq/terraform-provider-atoll/internal/lab/linode"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// account is a fixture with a configuration of its own at the lab's Linode.
type account struct {
	*fixture
	api linodego.Client
}

// pollInterval is DefaultPoll, as much faster as the emulator is.
const pollInterval = "400ms"

// declare opens the account with a configuration. At the test's end everything
// in it goes, however the test ended.
func declare(t *testing.T, config string) *account {
	t.Helper()
	f := open(t)
	a := &account{fixture: f, api: apiOf(f)}
	f.terraform = written(t, f.lab, "")
	a.write(config)
	a.requests()
	t.Cleanup(func() {
		ctx := context.Background()
		f.must(f.lab.FailLinode(ctx, linode.Faults{}))
		a.plain(ctx)
		for _, left := range a.instances(ctx) {
			_ = a.api.DeleteInstance(ctx, left.ID)
		}
		walls, err := a.api.ListFirewalls(ctx, nil)
		f.must(err)
		for _, left := range walls {
			_ = a.api.DeleteFirewall(ctx, left.ID)
		}
		homes, err := a.api.ListVPCs(ctx, nil)
		f.must(err)
		for _, left := range homes {
			_ = a.api.DeleteVPC(ctx, left.ID)
		}
	})
	return a
}

func (a *account) within(t *testing.T) *account {
	own := *a
	own.fixture = a.fixture.within(t)
	return &own
}

// apiOf is a client of the lab's Linode that is no part of what is tested.
func apiOf(f *fixture) linodego.Client {
	f.Helper()
	api := linodego.NewClient(nil)
	api.SetToken(f.lab.Inventory.Linode.Token).SetRetryCount(10).SetRetryWaitTime(50 * time.Millisecond)
	api.UseCache(false)
	_, err := api.UseURL(f.lab.Inventory.Linode.URL)
	f.must(err)
	return api
}

// plain brings the account's settings back to what they are at the beginning.
func (a *account) plain(ctx context.Context) {
	a.Helper()
	none := (*int)(nil)
	_, err := a.api.UpdateFirewallSettings(ctx, linodego.FirewallSettingsUpdateOptions{DefaultFirewallIDs: &linodego.DefaultFirewallIDsOptions{
		Linode: &none, PublicInterface: &none, VPCInterface: &none,
	}})
	a.must(err)
	off, legacy := false, linodego.LegacyConfigDefaultButLinodeAllowed
	_, err = a.api.UpdateAccountSettings(ctx, linodego.AccountSettingsUpdateOptions{BackupsEnabled: &off, InterfacesForNewLinodes: &legacy})
	a.must(err)
}

// another is a second working directory of the same account, with the same
// configuration.
func (a *account) another(config string) *account {
	a.Helper()
	other := *a
	own := *a.fixture
	own.terraform = written(a.T, a.lab, "")
	other.fixture = &own
	other.write(config)
	return &other
}

// write replaces the configuration; KEY is the lab's public key.
func (a *account) write(config string) {
	a.Helper()
	public, err := os.ReadFile(a.lab.Inventory.Key + ".pub")
	a.must(err)
	head := fmt.Sprintf(`terraform {
  required_providers {
    atoll = { source = "atollhq/atoll" }
  }
}
provider "atoll" {
  ssh    = { key_files = { default = %q } }
  linode = { url = %q, token = %q, poll_interval = %q }
}
`, a.lab.Inventory.Key, a.lab.Inventory.Linode.URL, a.lab.Inventory.Linode.Token, pollInterval)
	config = strings.ReplaceAll(config, "KEY", strings.TrimSpace(string(public)))
	a.must(os.WriteFile(filepath.Join(a.terraform.Dir, "main.tf"), []byte(head+config), 0o600))
}

func (a *account) instances(ctx context.Context) []linodego.Instance {
	a.Helper()
	all, err := a.api.ListInstances(ctx, nil)
	a.must(err)
	return all
}

// requests counts what the API was asked since the last call, by method and path, but for
// what came beyond its limits.
func (a *account) requests() map[string]int {
	a.Helper()
	all, err := a.lab.LinodeRequests(a.Context())
	a.must(err)
	counts := map[string]int{}
	for _, one := range all {
		if one.Status < 200 || one.Status > 299 {
			a.Logf("%s %s was answered with %d", one.Method, one.Path, one.Status)
		}
		// What is to be sent again later is no order yet. Ten may be given in a second and a
		// half, at the emulator's speed, and the test before may have given some of them.
		if one.Status == http.StatusTooManyRequests {
			continue
		}
		counts[one.Method+" "+one.Path]++
		counts["all"]++
	}
	return counts
}

func (a *account) fail(faults ...linode.Next) {
	a.Helper()
	a.must(a.lab.FailLinode(a.Context(), linode.Faults{Next: faults}))
}

// vps is what the state has of an atoll_linode.
type vps struct {
	ID, Label, IPv4 string
	HostKey         string `json:"host_key"`
}

func (a *account) state(address string) vps {
	a.Helper()
	var made vps
	a.must(a.terraform.Attributes(a.Context(), address, &made))
	return made
}

// in runs a script on a machine as the state says how to reach it.
func (a *account) in(made vps, script string) string {
	a.Helper()
	result, err := a.pool.Host(remote.Target{Host: made.IPv4, HostKey: made.HostKey}).Run(a.Context(), remote.Command{Name: "testing", Script: script, Long: true})
	a.must(err)
	return strings.TrimSpace(string(result.Stdout))
}

// refusal is the error of an apply or plan that must fail, on one line.
func (a *account) refusal(err error) string {
	a.Helper()
	if err == nil {
		a.Fatal("it succeeded")
	}
	return flat(strings.ReplaceAll(err.Error(), "│", " "))
}

func (a *account) says(text string, wants ...string) {
	a.Helper()
	for _, want := range wants {
		if !strings.Contains(text, want) {
			a.Errorf("%s\ndoes not say %q", text, want)
		}
	}
}

// until repeats what faults may end, a few times. The faults are over when it
// returns: what the test asks by itself is to be answered.
func (a *account) until(what string, faults linode.Faults, do func() error) int {
	a.Helper()
	a.must(a.lab.FailLinode(a.Context(), faults))
	defer func() { a.must(a.lab.FailLinode(a.Context(), linode.Faults{})) }()
	var err error
	for attempt := 1; attempt <= 10; attempt++ {
		if err = do(); err == nil {
			return attempt
		}
	}
	a.Fatalf("not %s after 10 runs: %v", what, err)
	return 0
}

func (a *account) accountIDs() []string {
	a.Helper()
	ids := []string{}
	for _, instance := range a.instances(a.Context()) {
		ids = append(ids, fmt.Sprint(instance.ID))
	}
	slices.Sort(ids)
	return ids
}

func (a *account) stateIDs() []string {
	a.Helper()
	text, err := a.terraform.State(a.Context())
	a.must(err)
	var state struct {
		Values struct {
			RootModule struct {
				Resources []struct{ Values vps } `json:"resources"`
			} `json:"root_module"`
		}
	}
	a.must(json.Unmarshal(text, &state))
	ids := []string{}
	for _, resource := range state.Values.RootModule.Resources {
		ids = append(ids, resource.Values.ID)
	}
	slices.Sort(ids)
	return ids
}
