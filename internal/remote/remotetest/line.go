// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package remotetest

import (
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Line is a TCP line to a Server that breaks in the ways that lines do.
type Line struct {
	// Host and Port to dial instead of the server's.
	Host string
	Port int
	// Connections counts what was accepted.
	Connections atomic.Int64

	up, down direction
	drops    atomic.Int64
	stalls   atomic.Int64
	listener net.Listener
	server   string
	mu       sync.Mutex
	open     []net.Conn
}

// direction is one way over a line.
type direction struct {
	swallowed atomic.Bool
	// rate is a bound in bytes a second; 0 is none.
	rate atomic.Int64
}

// NewLine listens on a port of 127.0.0.1 for connections to the server.
func NewLine(s *Server) (*Line, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		return nil, fmt.Errorf("listening on %T", listener.Addr())
	}
	l := &Line{Host: "127.0.0.1", Port: address.Port, listener: listener, server: net.JoinHostPort(s.Host, fmt.Sprint(s.Port))}
	go l.accept()
	return l, nil
}

// Swallow makes everything vanish that goes up to the server, or down from it:
// the connections stand, as behind a router that lost one route. A new
// connection is then accepted by nobody who speaks.
func (l *Line) Swallow(up, down bool) {
	l.up.swallowed.Store(up)
	l.down.swallowed.Store(down)
}

// Slow bounds each direction to that many bytes a second.
func (l *Line) Slow(rate int) {
	l.up.rate.Store(int64(rate))
	l.SlowDown(rate)
}

// SlowDown bounds only what comes down from the server to that many bytes a second.
func (l *Line) SlowDown(rate int) { l.down.rate.Store(int64(rate)) }

// Drop resets the next connections when the server has said its first words.
func (l *Line) Drop(count int) { l.drops.Store(int64(count)) }

// Stall accepts the next connections and passes nothing on.
func (l *Line) Stall(count int) { l.stalls.Store(int64(count)) }

// Close stops listening and ends all connections.
func (l *Line) Close() {
	_ = l.listener.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, conn := range l.open {
		_ = conn.Close()
	}
}

func (l *Line) accept() {
	for {
		conn, err := l.listener.Accept()
		if err != nil {
			return
		}
		l.Connections.Add(1)
		l.keep(conn)
		if l.stalls.Add(-1) >= 0 {
			continue
		}
		go l.join(conn)
	}
}

func (l *Line) keep(conn net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open = append(l.open, conn)
}

func (l *Line) join(conn net.Conn) {
	server, err := net.Dial("tcp", l.server)
	if err != nil {
		_ = conn.Close()
		return
	}
	l.keep(server)
	if l.drops.Add(-1) >= 0 {
		_, _ = io.ReadAtLeast(server, make([]byte, 64), 1)
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = conn.Close()
		_ = server.Close()
		return
	}
	go l.up.pass(server, conn)
	l.down.pass(conn, server)
}

// piece is how much goes on at once: a slow line trickles, it does not gush.
func (d *direction) piece(most int) int {
	rate := int(d.rate.Load())
	if rate <= 0 {
		return most
	}
	return min(most, max(1, rate/10))
}

// pass copies until one side ends; nothing ends while it is swallowed.
func (d *direction) pass(to, from net.Conn) {
	buffer := make([]byte, 8<<10)
	for {
		n, err := from.Read(buffer[:d.piece(len(buffer))])
		if !d.swallowed.Load() && n > 0 {
			if rate := d.rate.Load(); rate > 0 {
				time.Sleep(time.Duration(n) * time.Second / time.Duration(rate))
			}
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			if !d.swallowed.Load() {
				_ = to.Close()
			}
			return
		}
	}
}
