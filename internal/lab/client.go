// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/lab/linode"
)

// Client orders a running lab about, from any namespace of the machine.
type Client struct {
	Inventory Inventory
	http      *http.Client
}

// Variable is the environment variable that names the inventory of the lab
// that a command was started in (lab exec sets it).
const Variable = "ATOLL_LAB"

// Open connects to the lab whose inventory lies at path.
func Open(path string) (*Client, error) {
	inventory, err := ReadInventory(path)
	if err != nil {
		return nil, err
	}
	socket := filepath.Join(filepath.Dir(path), "control.sock")
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}
	return &Client{Inventory: inventory, http: &http.Client{Transport: transport}}, nil
}

// Require gives a test the lab that it runs in, and skips it outside of one.
func Require(t testing.TB) *Client {
	t.Helper()
	path := os.Getenv(Variable)
	if path == "" {
		t.Skip("needs the hosts of a lab: run it with make testacc")
	}
	client, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// call gives an order and decodes the answer.
func (c *Client) call(ctx context.Context, path string, asked request, answer any) error {
	body, err := json.Marshal(asked)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://lab"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("asking lab %s: %w", c.Inventory.Lab, err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(resp.Body)
		return errors.New(string(bytes.TrimSpace(text)))
	}
	if answer == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(answer)
}

// GetLink reads one direction.
func (c *Client) GetLink(ctx context.Context, from, to string) (Link, error) {
	var link Link
	err := c.call(ctx, "/link/get", request{From: from, To: to}, &link)
	return link, err
}

// SetLink changes both directions, or one.
func (c *Client) SetLink(ctx context.Context, from, to string, link Link, oneWay bool) error {
	return c.call(ctx, "/link", request{From: from, To: to, Link: &link, OneWay: oneWay}, nil)
}

// Cut loses everything between two hosts; Mend ends that.
func (c *Client) Cut(ctx context.Context, a, b string) error {
	return c.call(ctx, "/cut", request{From: a, To: b}, nil)
}

// Mend ends a Cut.
func (c *Client) Mend(ctx context.Context, a, b string) error {
	return c.call(ctx, "/mend", request{From: a, To: b}, nil)
}

// Block loses what goes from one host to a port of another, one way.
func (c *Client) Block(ctx context.Context, from, to string, block Block) error {
	return c.call(ctx, "/block", request{From: from, To: to, Block: &block}, nil)
}

// Unblock ends a Block, or all of that direction when block is nil.
func (c *Client) Unblock(ctx context.Context, from, to string, block *Block) error {
	return c.call(ctx, "/unblock", request{From: from, To: to, Block: block}, nil)
}

// Reset puts every link back to the default site's.
func (c *Client) Reset(ctx context.Context) error { return c.call(ctx, "/reset", request{}, nil) }

// PullPlug kills a host at once; its disk stays.
func (c *Client) PullPlug(ctx context.Context, host string) error {
	return c.call(ctx, "/plug/pull", request{Host: host}, nil)
}

// PlugIn switches a host on again and returns when its sshd answers.
func (c *Client) PlugIn(ctx context.Context, host string) error {
	return c.call(ctx, "/plug/in", request{Host: host}, nil)
}

// Rebuild gives a host a fresh disk; address and host key stay.
func (c *Client) Rebuild(ctx context.Context, host string) error {
	return c.call(ctx, "/rebuild", request{Host: host}, nil)
}

// FillDisk takes all room on a host's disk; FreeDisk gives it back.
func (c *Client) FillDisk(ctx context.Context, host string) error {
	return c.call(ctx, "/disk/fill", request{Host: host}, nil)
}

// FreeDisk ends FillDisk.
func (c *Client) FreeDisk(ctx context.Context, host string) error {
	return c.call(ctx, "/disk/free", request{Host: host}, nil)
}

// SlowDisk lets a host's disk do at most that many writes a second; 0 ends that.
func (c *Client) SlowDisk(ctx context.Context, host string, writes int) error {
	return c.call(ctx, "/disk/slow", request{Host: host, Writes: writes}, nil)
}

// FailLinode sets what goes wrong at the lab's Linode API from now on.
func (c *Client) FailLinode(ctx context.Context, faults linode.Faults) error {
	return c.call(ctx, "/linode/fail", request{Faults: &faults}, nil)
}

// LinodeRequests gives what the Linode API was asked since the last call.
func (c *Client) LinodeRequests(ctx context.Context) ([]linode.Request, error) {
	var all []linode.Request
	err := c.call(ctx, "/linode/requests", request{}, &all)
	return all, err
}

// Hosts as they are now, those made at the lab's Linode too.
func (c *Client) Hosts(ctx context.Context) ([]Present, error) {
	var all []Present
	err := c.call(ctx, "/hosts", request{}, &all)
	return all, err
}

// Statistics of every direction that carried anything, by "from>to".
func (c *Client) Statistics(ctx context.Context) (map[string]Counters, error) {
	all := map[string]Counters{}
	return all, c.call(ctx, "/stats", request{}, &all)
}
