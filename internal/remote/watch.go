// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package remote

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
	"time"
)

// patience is how many intervals a host may be silent after it was asked for a
// sign of life.
const patience = 3

// line is the wire below one SSH connection. It counts what comes and goes.
type line struct {
	net.Conn
	counters *counters
	// heard is how much came, in bytes.
	heard atomic.Int64
}

func (l *line) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	l.counters.in.Add(int64(n))
	l.heard.Add(int64(n))
	return n, err
}

func (l *line) Write(p []byte) (int, error) {
	n, err := l.Conn.Write(p)
	l.counters.out.Add(int64(n))
	return n, err
}

// watch asks for signs of life and closes done when the connection ends. Every
// call on the connection waits for done, too: so nothing waits for longer than
// a host may be silent.
//
// Any byte is a sign of life, since an answer may queue behind megabytes on a
// slow line. Silence is counted in ticks that we were awake for, not by a
// clock: a ticker drops those that a busy or sleeping machine of ours has
// missed, and what came meanwhile has been read by the next.
func (c *connection) watch(interval time.Duration) {
	ended := make(chan struct{})
	go func() {
		_ = c.client.Wait()
		close(ended)
	}()
	defer close(c.done)
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	heard, silent := c.line.heard.Load(), 0
	for {
		select {
		case <-ended:
			return
		case <-ticker.C:
		}
		if now := c.line.heard.Load(); now != heard {
			heard, silent = now, 0
			continue
		}
		if silent++; silent > patience {
			c.cause = fmt.Sprintf("it stopped answering: nothing came from it for %s", time.Duration(silent)*interval)
			// Closing a channel of a jump host may wait for that.
			go func() { _ = c.client.Close() }()
			return
		}
		go func() { _ = c.ask() }()
	}
}

// ask makes the host say something; one question at a time is enough.
func (c *connection) ask() error {
	if !c.asking.CompareAndSwap(false, true) {
		return nil
	}
	defer c.asking.Store(false)
	_, _, err := c.client.SendRequest("keepalive@openssh.com", true, nil)
	return err
}

// alive asks the host and waits for its answer: an error means that the
// connection has ended, or does so now because nothing came within limit.
func (c *connection) alive(ctx context.Context, limit time.Duration) error {
	answered := make(chan error, 1)
	go func() {
		_, _, err := c.client.SendRequest("keepalive@openssh.com", true, nil)
		answered <- err
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case err := <-answered:
		if err != nil {
			<-c.done
			return c.broken(err)
		}
		return nil
	case <-c.done:
		return c.broken(nil)
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		go func() { _ = c.client.Close() }()
		return &Error{Kind: ErrUnreachable, Address: c.address, Detail: "timed out: the connection stands, and nothing comes over it"}
	}
}
