// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package remote

import (
	"fmt"
	"net"
	"os"
	"sync"
	"time"
)

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
		case <-d.closed:
			return 0, net.ErrClosed
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
