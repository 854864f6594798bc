// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// noWayError says why a connection on the host's side cannot be opened. The
// host itself is well.
type noWayError struct {
	said string
	// met is true when the way was open and the other end did not take the
	// connection, false when nothing could be tried.
	met bool
}

func (e *noWayError) Error() string { return e.said }

// Dial opens a connection from the host's side.
func (h *host) Dial(ctx context.Context, endpoint Endpoint) (net.Conn, error) {
	network, address := endpoint.Network, endpoint.Address
	if err := h.mayDo(endpoint.Reads, "a connection to "+address); err != nil {
		return nil, err
	}
	if err := h.mayAsk("a connection to " + address); err != nil {
		return nil, err
	}
	if network != "tcp" && network != "unix" {
		return nil, &Error{Kind: ErrConfiguration, Address: h.target.Address(), Detail: fmt.Sprintf("there is no way to dial network %q", network)}
	}
	live, err := h.connection(ctx)
	if err != nil {
		return nil, err
	}
	limit := ctx
	if network == "tcp" {
		// sshd lets the kernel try for minutes.
		bounded, cancel := context.WithTimeout(ctx, h.pool.options.DialTimeout)
		defer cancel()
		limit = bounded
	}
	conn, err := h.way(limit, live, network, address)
	var none *noWayError
	switch {
	case errors.As(err, &none):
		return nil, &Error{Kind: ErrForward, Address: h.target.Address(), Detail: fmt.Sprintf("%s %s: %s", network, address, none.said)}
	case err != nil && ctx.Err() == nil && limit.Err() != nil:
		if err := live.alive(ctx, h.pool.options.DialTimeout); err != nil {
			return nil, err
		}
		return nil, &Error{Kind: ErrForward, Address: h.target.Address(), Detail: fmt.Sprintf("%s %s: timed out", network, address)}
	}
	return conn, err
}

// through opens the wire to h from its jump host.
func (h *host) through(limit context.Context, via hop) (net.Conn, error) {
	address := h.target.Address()
	conn, err := via.host.way(limit, via.live, "tcp", address)
	var none *noWayError
	switch {
	case errors.As(err, &none) && none.met && strings.Contains(strings.ToLower(none.said), "connection refused"):
		return nil, refused(address, via.host.target.Address())
	case errors.As(err, &none) && none.met:
		return nil, &Error{Kind: ErrUnreachable, Address: address, Detail: none.said + ", from " + via.host.target.Address()}
	case errors.As(err, &none):
		return nil, &Error{Kind: ErrForward, Address: via.host.target.Address(), Detail: fmt.Sprintf("tcp %s: %s", address, none.said)}
	}
	return conn, err
}

// way opens a connection on the host's side: forwarded by sshd, or where it
// does not do that, by a bridge. What goes wrong on that side is a *noWayError.
func (h *host) way(ctx context.Context, live *connection, network, address string) (net.Conn, error) {
	bridged := &h.bridgedTCP
	if network == "unix" {
		bridged = &h.bridgedUnix
	}
	var refused *ssh.OpenChannelError
	// Only root may be forwarded: who asks a socket is seen as the login user.
	if !bridged.Load() && (network == "tcp" || h.target.Login() == "root") {
		conn, err := h.forward(ctx, live, network, address)
		if !errors.As(err, &refused) {
			return conn, err
		}
		if network == "tcp" && refused.Reason == ssh.ConnectionFailed {
			return nil, &noWayError{said: refused.Message, met: true}
		}
		// sshd says the same of a socket that is not there and of one that it
		// may not forward; a bridge knows.
	}
	conn, err := h.bridge(ctx, live, network, address)
	var none *noWayError
	switch {
	case refused == nil:
	case err == nil:
		bridged.Store(true)
	case errors.Is(err, ErrSession) || errors.Is(err, ErrPrivilege):
		err = &noWayError{said: fmt.Sprintf("sshd does not forward it (%s), and no bridge can be built: %s", refused.Message, err)}
	case errors.As(err, &none) && !none.met:
		err = &noWayError{said: fmt.Sprintf("sshd does not forward it (%s), and %s", refused.Message, none.said)}
	}
	return conn, err
}

// forward lets sshd open the connection. Its refusal is an *ssh.OpenChannelError.
func (h *host) forward(ctx context.Context, live *connection, network, address string) (net.Conn, error) {
	kind, extra := "direct-streamlocal@openssh.com", ssh.Marshal(struct {
		Path, Reserved string
		Port           uint32
	}{Path: address})
	if network == "tcp" {
		name, service, err := net.SplitHostPort(address)
		if err != nil {
			return nil, &noWayError{said: err.Error()}
		}
		port, err := strconv.ParseUint(service, 10, 16)
		if err != nil {
			return nil, &noWayError{said: fmt.Sprintf("%q is no port", service)}
		}
		kind, extra = "direct-tcpip", ssh.Marshal(struct {
			Host   string
			Port   uint32
			Origin string
			From   uint32
		}{name, uint32(port), "0.0.0.0", 0})
	}
	got := live.open(ctx, kind, extra, func(error) {})
	if got.err != nil {
		return nil, got.err
	}
	h.counters.channels.Add(1)
	live.wires.Add(1)
	ended := sync.OnceFunc(func() {
		live.wires.Add(-1)
		h.dismiss(live)
	})
	go ssh.DiscardRequests(got.requests)
	return newDeadlined(channelConn{got.channel, got.channel, ended}, forwardAddress{network, address}), nil
}

// channelConn lets a channel stand in for a connection.
type channelConn struct {
	ssh.Channel
	reader io.Reader
	// ended is called when it is closed.
	ended func()
}

func (c channelConn) Close() error {
	defer c.ended()
	return c.Channel.Close()
}

func (c channelConn) Read(p []byte) (int, error)     { return c.reader.Read(p) }
func (channelConn) LocalAddr() net.Addr              { return forwardAddress{"ssh", "channel"} }
func (channelConn) RemoteAddr() net.Addr             { return forwardAddress{"ssh", "channel"} }
func (channelConn) SetDeadline(time.Time) error      { return nil }
func (channelConn) SetReadDeadline(time.Time) error  { return nil }
func (channelConn) SetWriteDeadline(time.Time) error { return nil }
