// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package remote

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"
)

// host is one machine in the pool. gate holds the right to dial: whoever has
// it dials, all others wait for the result.
type host struct {
	pool     *Pool
	target   Target
	counters counters
	gate     chan struct{}
	// sessions is how many sessions sshd is known to give on one connection.
	sessions atomic.Int64
	// bridged tells the networks that sshd does not forward and a bridge does.
	bridgedUnix, bridgedTCP atomic.Bool

	// aside are connections beside the live one, each until nothing is left on it.
	asideMu sync.Mutex
	aside   map[*connection]bool

	// guarded by gate
	live     *connection
	failed   error
	failedAt time.Time
}

// connection is one SSH connection that was authenticated.
type connection struct {
	client  *ssh.Client
	line    *line
	slots   *slots
	shell   *shellSlot
	address string
	// done is closed when the connection has ended; cause, set before, says why
	// where it was us who ended it.
	done   chan struct{}
	cause  string
	asking atomic.Bool
	// superseded: another has taken its place, since it gave no session.
	superseded atomic.Bool
	// wires is how many forwarded connections it carries.
	wires atomic.Int64
}

// Target says which machine this is.
func (h *host) Target() Target { return h.target }

// connection gives the live connection and dials when there is none. A host
// that did not answer is not asked again for a while.
func (h *host) connection(ctx context.Context) (*connection, error) {
	if h.pool.lost[h.target.Host] {
		return nil, &Error{Kind: ErrLost, Address: h.target.Address()}
	}
	select {
	case h.gate <- struct{}{}:
		defer func() { <-h.gate }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if h.pool.isClosed() {
		return nil, &Error{Kind: ErrConfiguration, Address: h.target.Address(), Detail: "the run has ended and closed its connections"}
	}
	if h.live != nil {
		select {
		case <-h.live.done:
			h.live = nil
		default:
			return h.live, nil
		}
	}
	if h.failed != nil && time.Since(h.failedAt) < h.pool.options.Forgive {
		return nil, h.failed
	}
	// What a jump host has to say is remembered there, not here.
	via, err := h.jump(ctx)
	if err != nil {
		return nil, err
	}
	live, err := h.dial(ctx, via)
	if err != nil {
		// The caller's own end says nothing about the host.
		if ctx.Err() == nil {
			h.failed, h.failedAt = err, time.Now()
		}
		return nil, err
	}
	h.live, h.failed = live, nil
	return live, nil
}

// hop is the live connection of a jump host; the zero value is none.
type hop struct {
	host *host
	live *connection
}

// jump connects to the last jump host, if there is one. Each hop has a time
// limit of its own.
func (h *host) jump(ctx context.Context) (hop, error) {
	through, jumps := h.target.before()
	if !jumps {
		return hop{}, nil
	}
	jump := h.pool.host(through)
	live, err := jump.connection(ctx)
	if errors.Is(err, ErrLost) {
		// What is behind a machine that is gone is not gone with it.
		return hop{}, &Error{Kind: ErrUnreachable, Address: jump.target.Address(),
			Detail: "this jump host is declared lost: give another way to " + h.target.Address()}
	}
	if err != nil {
		return hop{}, err
	}
	return hop{host: jump, live: live}, nil
}

// another gives a connection in the place of one whose sessions are all taken.
func (h *host) another(ctx context.Context, full *connection) (*connection, error) {
	select {
	case h.gate <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if h.live == full {
		h.live = nil
		full.superseded.Store(true)
		h.setAside(full)
		h.dismiss(full)
	}
	<-h.gate
	return h.connection(ctx)
}

// unlessSuperseded turns the error of who waited for a session on a connection
// that has since been given up for another into errFull.
func (c *connection) unlessSuperseded(err error) error {
	if c.superseded.Load() && errors.Is(err, ErrUnreachable) {
		return errFull
	}
	return err
}

// setAside keeps a connection until nothing is left on it.
func (h *host) setAside(one *connection) {
	h.asideMu.Lock()
	defer h.asideMu.Unlock()
	if h.aside == nil {
		h.aside = map[*connection]bool{}
	}
	h.aside[one] = true
}

// dismiss closes a connection that was set aside and carries nothing any more.
func (h *host) dismiss(one *connection) {
	h.asideMu.Lock()
	over := h.aside[one] && one.wires.Load() == 0 && one.slots.idle()
	if over {
		delete(h.aside, one)
	}
	h.asideMu.Unlock()
	if over {
		go func() { _ = one.client.Close() }()
	}
}

// close ends the connections.
func (h *host) close() error {
	h.gate <- struct{}{}
	defer func() { <-h.gate }()
	h.asideMu.Lock()
	for one := range h.aside {
		_ = one.client.Close()
	}
	h.aside = nil
	h.asideMu.Unlock()
	if h.live == nil {
		return nil
	}
	err := h.live.client.Close()
	h.live = nil
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// broken is the error of a request whose connection ended under it.
func (c *connection) broken(err error) error {
	detail := "the connection broke"
	select {
	case <-c.done:
		if c.cause != "" {
			detail, err = c.cause, nil
		}
	default:
	}
	return &Error{Kind: ErrUnreachable, Address: c.address, Detail: detail, Err: err}
}

// opened is a channel, or why there is none.
type opened struct {
	channel  ssh.Channel
	requests <-chan *ssh.Request
	err      error
	// late: sshd has not answered yet.
	late bool
}

// open opens a channel and waits for sshd's word no longer than ctx and the
// connection live. A refusal is an *ssh.OpenChannelError. settled is called when
// a late answer was dealt with.
func (c *connection) open(ctx context.Context, kind string, extra []byte, settled func(err error)) opened {
	result := make(chan opened, 1)
	go func() {
		channel, requests, err := c.client.OpenChannel(kind, extra)
		result <- opened{channel: channel, requests: requests, err: err}
	}()
	var err error
	select {
	case got := <-result:
		var refused *ssh.OpenChannelError
		if got.err != nil && !errors.As(got.err, &refused) {
			got.err = c.broken(got.err)
		}
		return got
	case <-ctx.Done():
		err = ctx.Err()
	case <-c.done:
		err = c.broken(nil)
	}
	go func() {
		got := <-result
		if got.err == nil {
			go ssh.DiscardRequests(got.requests)
			_ = got.channel.Close()
		}
		settled(got.err)
	}()
	return opened{err: err, late: true}
}
