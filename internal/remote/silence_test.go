// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package remote_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
	"github.com/atollhq/terraform-provider-atoll/internal/remote/remotetest"
)

func onLine(server *remotetest.Server, line *remotetest.Line) remote.Target {
	return remote.Target{Host: line.Host, Port: line.Port, HostKey: server.HostKey}
}

// A line that loses one direction, or a sshd that hangs, ends every call within
// the time that a host may be silent, also those that have nothing to say.
func TestSilenceEndsEveryCall(t *testing.T) {
	for _, row := range []struct {
		name     string
		up, down bool
	}{{"nothing goes up", true, false}, {"nothing comes down", false, true}, {"frozen", true, true}} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			server := start(t)
			line := lineTo(t, server)
			host := pool(t, server.Key, remote.Options{Keepalive: 250 * time.Millisecond, DialTimeout: time.Second}).Host(onLine(server, line))
			conn, err := host.Dial(t.Context(), remote.Endpoint{Network: "unix", Address: echoSocket(t)})
			if err != nil {
				t.Fatal(err)
			}
			begin := make(chan bool)
			calls := map[string]func() error{
				"a silent command": func() error { _, err := run(t, host, "sleep 600"); return err },
				"a silent stream": func() error {
					_, err := host.Run(t.Context(), remote.Command{Name: "sleeping", Script: "sleep 600", Long: true})
					return err
				},
				"an upload": func() error {
					_, err := host.Run(t.Context(), remote.Command{Name: "uploading", Script: "sleep 600", Stdin: endless{}})
					return err
				},
				"a new session": func() error {
					<-begin
					_, err := host.Run(t.Context(), remote.Command{Name: "late", Script: "true", Long: true})
					return err
				},
				"a new dial": func() error {
					<-begin
					_, err := host.Dial(t.Context(), remote.Endpoint{Network: "unix", Address: "/nowhere"})
					return err
				},
				"a read":         func() error { _, err := conn.Read(make([]byte, 1)); return err },
				"a late command": func() error { <-begin; _, err := run(t, host, "true"); return err },
			}
			type answer struct {
				name string
				err  error
				took time.Duration
			}
			answers := make(chan answer, len(calls))
			start := time.Now()
			for name, call := range calls {
				go func() { err := call(); answers <- answer{name, err, time.Since(start)} }()
			}
			time.Sleep(300 * time.Millisecond)
			line.Swallow(row.up, row.down)
			close(begin)
			for range calls {
				select {
				case got := <-answers:
					if got.name != "a read" && !errors.Is(got.err, remote.ErrUnreachable) || got.err == nil {
						t.Errorf("%s after %s: %v", got.name, got.took, got.err)
					}
				case <-time.After(20 * time.Second):
					t.Fatal("a call is still waiting")
				}
			}
			if _, err := run(t, host, "true"); !errors.Is(err, remote.ErrUnreachable) || !strings.Contains(err.Error(), "timed out") {
				t.Errorf("a new connection: %v", err)
			}
		})
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// A line that is slow and full is alive: the answer to a sign of life may queue
// behind what we send, or behind what we receive.
func TestSlowIsNotDead(t *testing.T) {
	for _, down := range []bool{false, true} {
		t.Run(fmt.Sprint(down), func(t *testing.T) {
			t.Parallel()
			server := start(t)
			line := lineTo(t, server)
			line.Slow(400_000)
			host := pool(t, server.Key, remote.Options{Keepalive: 250 * time.Millisecond}).Host(onLine(server, line))
			const size = 1_200_000
			command := remote.Command{Name: "uploading", Script: "wc -c", Stdin: io.LimitReader(endless{}, size)}
			if down {
				command = remote.Command{Name: "downloading", Script: fmt.Sprintf("head -c %d /dev/zero", size), Long: true}
			}
			result, err := host.Run(t.Context(), command)
			if err != nil || !down && strings.TrimSpace(string(result.Stdout)) != fmt.Sprint(size) || down && len(result.Stdout) != size {
				t.Errorf("%d bytes, %v", len(result.Stdout), err)
			}
		})
	}
}

// A host that does not answer a caller in time does not keep the caller.
func TestCallersEndWithTheirContext(t *testing.T) {
	t.Parallel()
	server := start(t)
	line := lineTo(t, server)
	host := pool(t, server.Key, remote.Options{}).Host(onLine(server, line))
	if _, err := run(t, host, "true"); err != nil {
		t.Fatal(err)
	}
	line.Swallow(true, true)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	var group sync.WaitGroup
	for _, command := range []remote.Command{
		{Name: "asking", Script: "true", Reads: true}, {Name: "running", Script: "true", Long: true}, {Name: "uploading", Script: "true", Stdin: endless{}},
	} {
		group.Go(func() {
			if _, err := host.Run(ctx, command); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v", command.Name, err)
			}
		})
	}
	group.Go(func() {
		if _, err := host.Dial(ctx, remote.Endpoint{Network: "unix", Address: "/nowhere"}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("dialling: %v", err)
		}
	})
	group.Wait()
}

// Attempts that a line or a busy sshd ends are made again, within the one limit.
func TestHandshakesAreTriedAgain(t *testing.T) {
	for _, row := range []struct {
		name  string
		spoil func(*remotetest.Line)
	}{
		{"reset", func(l *remotetest.Line) { l.Drop(2) }},
		{"stalled", func(l *remotetest.Line) { l.Stall(2) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			server := start(t)
			line := lineTo(t, server)
			row.spoil(line)
			host := pool(t, server.Key, remote.Options{DialTimeout: 6 * time.Second}).Host(onLine(server, line))
			if got, err := run(t, host, "echo in"); err != nil || got != "in\n" {
				t.Errorf("got %q, %v", got, err)
			}
			if got := line.Connections.Load(); got != 3 {
				t.Errorf("%d attempts, want 3", got)
			}
		})
	}
}

// A machine that has begun to answer gets more than the one time limit.
func TestLossyLineGetsLonger(t *testing.T) {
	t.Parallel()
	server := start(t)
	line := lineTo(t, server)
	// The 3 KB that come down take seven seconds, of the fifteen that a handshake gets:
	// a machine with much else to do has the rest. What goes up is fast: while a key of
	// 1.2 KB does, nothing comes down, which is no line that comes forward.
	line.SlowDown(450)
	const limit = 5 * time.Second
	host := pool(t, server.Key, remote.Options{DialTimeout: limit}).Host(onLine(server, line))
	begin := time.Now()
	if got, err := run(t, host, "echo in"); err != nil || got != "in\n" {
		t.Errorf("got %q, %v", got, err)
	}
	if took := time.Since(begin); took < limit {
		t.Errorf("the line is too good for this test: %s", took)
	}
	// It came forward all the time: another attempt would only share the line.
	if got := line.Connections.Load(); got != 1 {
		t.Errorf("%d attempts, want 1", got)
	}
}

// A sshd that hangs up on everybody is asked a few times, and said to do so.
func TestHungUp(t *testing.T) {
	t.Parallel()
	server := start(t)
	line := lineTo(t, server)
	line.Drop(1000)
	host := pool(t, server.Key, remote.Options{DialTimeout: 20 * time.Second}).Host(onLine(server, line))
	_, err := run(t, host, "true")
	if !errors.Is(err, remote.ErrUnreachable) || !strings.Contains(err.Error(), "reset") {
		t.Errorf("got %v", err)
	}
	if got := line.Connections.Load(); got < 2 || got > 8 {
		t.Errorf("%d attempts", got)
	}
}

// A port that refuses has answered: nobody waits.
func TestRefusedIsFinal(t *testing.T) {
	server := start(t)
	dials := 0
	options := remote.Options{Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		dials++
		return (&net.Dialer{}).DialContext(ctx, network, closedPort(t))
	}}
	_, err := run(t, pool(t, server.Key, options).Host(target(server)), "true")
	if !errors.Is(err, remote.ErrUnreachable) || dials != 1 {
		t.Errorf("%d dials, %v", dials, err)
	}
}

// What stands may be a connection to the machine as it was before it went down.
func TestAwaitAsksWhatStands(t *testing.T) {
	t.Parallel()
	server := start(t)
	line := lineTo(t, server)
	host := pool(t, server.Key, remote.Options{DialTimeout: time.Second}).Host(onLine(server, line))
	if _, err := run(t, host, "true"); err != nil {
		t.Fatal(err)
	}
	line.Swallow(true, true)
	if err := host.Await(t.Context(), 10*time.Millisecond); !errors.Is(err, remote.ErrUnreachable) {
		t.Errorf("a machine that is away: %v", err)
	}
	line.Swallow(false, false)
	if err := host.Await(t.Context(), 30*time.Second); err != nil {
		t.Errorf("a machine that is back: %v", err)
	}
}
