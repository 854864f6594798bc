// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package remote

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// Dial opens a connection from the host's side.
func (h *host) Dial(ctx context.Context, endpoint Endpoint) (net.Conn, error) {
	network, address := endpoint.Network, endpoint.Address
	if err := h.mayDo(endpoint.Reads, "a connection to "+address); err != nil {
		return nil, err
	}
	live, err := h.connection(ctx)
	if err != nil {
		return nil, err
	}
	if network == "unix" && h.target.Login() != "root" {
		return h.bridge(ctx, live, address)
	}
	type opened struct {
		conn net.Conn
		err  error
	}
	result := make(chan opened, 1)
	go func() {
		conn, err := live.client.Dial(network, address)
		result <- opened{conn, err}
	}()
	select {
	case got := <-result:
		if got.err != nil {
			return nil, &Error{Kind: ErrUnreachable, Address: address, Detail: "from " + h.target.Address(), Err: got.err}
		}
		h.counters.channels.Add(1)
		return newDeadlined(got.conn, forwardAddress{network, address}), nil
	case <-ctx.Done():
		go func() {
			if late := <-result; late.err == nil {
				_ = late.conn.Close()
			}
		}()
		return nil, ctx.Err()
	}
}

// bridgeScript joins standard input and output with a unix socket, as root.
// perl-base is essential on Debian and Ubuntu, and has what this needs.
const bridgeScript = `use IO::Socket::UNIX; use IO::Select;
my $s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die "$ARGV[0]: $!\n";
my $w = IO::Select->new($s, \*STDIN); binmode STDIN; binmode STDOUT;
sub all { my ($to, $data) = @_; while (length $data) { my $n = syswrite $to, $data; exit 1 unless defined $n; substr($data, 0, $n) = "" } }
while (my @ready = $w->can_read) { for my $r (@ready) {
  my $n = sysread $r, my $data, 65536; exit 0 unless $n;
  all($r == $s ? \*STDOUT : $s, $data) } }`

// bridge opens a unix socket as root for a login user who is not: the peer that
// the socket's owner sees is root, as MySQL's auth_socket needs.
func (h *host) bridge(ctx context.Context, live *connection, path string) (net.Conn, error) {
	program := h.program("perl -e " + Quote(bridgeScript) + " " + Quote(path))
	channel, requests, release, err := h.open(ctx, live, program)
	if err != nil {
		return nil, err
	}
	go func() {
		defer release()
		_, _ = exitCode(requests)
		_ = channel.Close()
	}()
	go func() { _, _ = io.Copy(io.Discard, channel.Stderr()) }()
	if preface := h.preface(); preface != "" {
		if _, err := io.WriteString(channel, preface); err != nil {
			_ = channel.Close()
			return nil, live.broken(err)
		}
	}
	return newDeadlined(channelConn{channel}, forwardAddress{"unix", path}), nil
}

// channelConn lets a session channel stand in for a connection.
type channelConn struct{ ssh.Channel }

func (channelConn) LocalAddr() net.Addr              { return forwardAddress{"ssh", "session"} }
func (channelConn) RemoteAddr() net.Addr             { return forwardAddress{"ssh", "session"} }
func (channelConn) SetDeadline(time.Time) error      { return nil }
func (channelConn) SetReadDeadline(time.Time) error  { return nil }
func (channelConn) SetWriteDeadline(time.Time) error { return nil }

type forwardAddress struct{ network, address string }

func (a forwardAddress) Network() string { return a.network }
func (a forwardAddress) String() string  { return a.address }

// deadlined adds read deadlines to a connection that has none, as x/crypto's
// channels do: a pump reads ahead, and Read waits for it or for the deadline.
// Writes end with the connection, which the pool's keepalive bounds.
type deadlined struct {
	net.Conn
	address net.Addr
	chunks  chan []byte
	closed  chan struct{}
	once    sync.Once

	mu       sync.Mutex
	rest     []byte
	err      error
	deadline time.Time
	changed  chan struct{}
}

func newDeadlined(conn net.Conn, address net.Addr) *deadlined {
	d := &deadlined{Conn: conn, address: address, chunks: make(chan []byte, 4), closed: make(chan struct{}), changed: make(chan struct{})}
	go d.pump()
	return d
}

func (d *deadlined) pump() {
	defer close(d.chunks)
	for {
		buffer := make([]byte, 32<<10)
		n, err := d.Conn.Read(buffer)
		if n > 0 {
			select {
			case d.chunks <- buffer[:n]:
			case <-d.closed:
				return
			}
		}
		if err != nil {
			d.mu.Lock()
			d.err = err
			d.mu.Unlock()
			return
		}
	}
}

// Read waits for data, the end, or the deadline.
func (d *deadlined) Read(p []byte) (int, error) {
	for {
		d.mu.Lock()
		if len(d.rest) > 0 {
			n := copy(p, d.rest)
			d.rest = d.rest[n:]
			d.mu.Unlock()
			return n, nil
		}
		deadline, changed := d.deadline, d.changed
		d.mu.Unlock()
		var late <-chan time.Time
		if !deadline.IsZero() {
			wait := time.Until(deadline)
			if wait <= 0 {
				return 0, fmt.Errorf("reading from %s: %w", d.address, os.ErrDeadlineExceeded)
			}
			timer := time.NewTimer(wait)
			defer timer.Stop()
			late = timer.C
		}
		select {
		case chunk, ok := <-d.chunks:
			d.mu.Lock()
			if !ok {
				err := d.err
				d.mu.Unlock()
				return 0, err
			}
			d.rest = chunk
			d.mu.Unlock()
		case <-late:
		case <-changed:
		}
	}
}

// Close ends the connection; a Read that waits returns.
func (d *deadlined) Close() error {
	d.once.Do(func() { close(d.closed) })
	return d.Conn.Close()
}

func (d *deadlined) LocalAddr() net.Addr  { return forwardAddress{"ssh", "local"} }
func (d *deadlined) RemoteAddr() net.Addr { return d.address }

// SetDeadline bounds reads; see deadlined about writes.
func (d *deadlined) SetDeadline(at time.Time) error { return d.SetReadDeadline(at) }

// SetReadDeadline also wakes a Read that waits already.
func (d *deadlined) SetReadDeadline(at time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.deadline = at
	close(d.changed)
	d.changed = make(chan struct{})
	return nil
}

// SetWriteDeadline has nothing to bound.
func (d *deadlined) SetWriteDeadline(time.Time) error { return nil }
