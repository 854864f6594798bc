// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflog"
	"golang.org/x/crypto/ssh"
)

// maxSessions stays below sshd's MaxSessions (10): the user's own tools may
// share the connection limit through a jump host.
const maxSessions = 8

// host is one machine in the pool. gate holds the right to dial: whoever has
// it dials, all others wait for the result.
type host struct {
	pool     *Pool
	target   Target
	counters counters
	gate     chan struct{}

	// guarded by gate
	live      *connection
	failed    error
	failedAt  time.Time
	everLived bool
}

// connection is one SSH connection that was authenticated.
type connection struct {
	client   *ssh.Client
	sessions chan struct{}
	shell    *shellSlot
	done     chan struct{}
	address  string
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
	live, err := h.dial(ctx)
	if err != nil {
		// The caller's own end says nothing about the host.
		if ctx.Err() == nil {
			h.failed, h.failedAt = err, time.Now()
		}
		return nil, err
	}
	h.live, h.failed, h.everLived = live, nil, true
	return live, nil
}

// dial makes one connection, through the jump hosts, within the time limit.
func (h *host) dial(ctx context.Context) (*connection, error) {
	address := h.target.Address()
	pinned, signer, err := h.credentials()
	if err != nil {
		return nil, err
	}
	start := time.Now()
	limit, cancel := context.WithTimeout(ctx, h.pool.options.DialTimeout)
	defer cancel()
	wire, err := h.wire(ctx, limit)
	if err != nil {
		return nil, err
	}
	deadline, _ := limit.Deadline()
	if err := wire.SetDeadline(deadline); err != nil {
		return nil, errors.Join(&Error{Kind: ErrUnreachable, Address: address, Err: err}, wire.Close())
	}
	// A cancelled caller must not wait for the deadline.
	stop := context.AfterFunc(limit, func() { _ = wire.Close() })
	defer stop()
	refusal := &verdict{}
	config := &ssh.ClientConfig{
		User: h.target.Login(), Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)},
		HostKeyCallback: refusal.callback(address, pinned),
	}
	if pinned != nil {
		config.HostKeyAlgorithms = hostKeyAlgorithms(pinned)
	}
	conn, channels, requests, err := ssh.NewClientConn(counted{wire, &h.counters}, address, config)
	if err != nil {
		_ = wire.Close()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if limit.Err() != nil {
			err = limit.Err()
		}
		return nil, refusal.classifyHandshake(address, fmt.Sprintf("user %s with key %s", h.target.Login(), ssh.FingerprintSHA256(signer.PublicKey())), pinned, err)
	}
	if err := wire.SetDeadline(time.Time{}); err != nil {
		return nil, errors.Join(&Error{Kind: ErrUnreachable, Address: address, Err: err}, conn.Close())
	}
	h.counters.connections.Add(1)
	tflog.Debug(ctx, "connected over SSH", map[string]any{"host": address, "took": time.Since(start).String()})
	live := &connection{
		client: ssh.NewClient(conn, channels, requests), sessions: make(chan struct{}, maxSessions),
		done: make(chan struct{}), address: address,
	}
	live.shell = &shellSlot{}
	go live.watch(h.pool.options.Keepalive)
	return live, nil
}

func (h *host) credentials() (ssh.PublicKey, ssh.Signer, error) {
	address := h.target.Address()
	var pinned ssh.PublicKey
	if h.target.HostKey != "" {
		var err error
		if pinned, err = parseHostKey(h.target.HostKey); err != nil {
			return nil, nil, &Error{Kind: ErrConfiguration, Address: address, Err: err}
		}
	}
	name := h.target.Key
	signer, err := h.pool.keys.signer(address, name)
	return pinned, signer, err
}

// wire opens the TCP connection, from here or from the last jump host.
func (h *host) wire(ctx, limit context.Context) (net.Conn, error) {
	address := h.target.Address()
	if through, jumps := h.target.before(); jumps {
		conn, err := h.pool.host(through).Dial(ctx, Endpoint{Network: "tcp", Address: address, Reads: true})
		if err != nil {
			return nil, err
		}
		return conn, nil
	}
	conn, err := h.pool.options.Dial(limit, "tcp", address)
	if err == nil {
		return conn, nil
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return nil, unreachable(address, err)
}

// unreachable keeps the cause short: "timed out" says more than Go's text.
func unreachable(address string, err error) *Error {
	var timeout net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() {
		return &Error{Kind: ErrUnreachable, Address: address, Detail: "timed out"}
	}
	return &Error{Kind: ErrUnreachable, Address: address, Err: err}
}

// watch sends signs of life and closes done when the connection ends.
func (c *connection) watch(interval time.Duration) {
	ended := make(chan struct{})
	go func() {
		_ = c.client.Wait()
		close(ended)
	}()
	defer close(c.done)
	for {
		select {
		case <-ended:
			return
		case <-time.After(interval):
		}
		answered := make(chan error, 1)
		go func() {
			_, _, err := c.client.SendRequest("keepalive@openssh.com", true, nil)
			answered <- err
		}()
		select {
		case err := <-answered:
			if err != nil {
				_ = c.client.Close()
				return
			}
		case <-time.After(3 * interval):
			_ = c.client.Close()
			return
		case <-ended:
			return
		}
	}
}

// close ends the connection, if there is one.
func (h *host) close() error {
	h.gate <- struct{}{}
	defer func() { <-h.gate }()
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
	return &Error{Kind: ErrUnreachable, Address: c.address, Detail: "the connection broke", Err: err}
}
