// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package remote_test

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
	"github.com/atollhq/terraform-provider-atoll/internal/remote/remotetest"
)

func TestJumpHosts(t *testing.T) {
	inner, outer := start(t), start(t)
	keys := map[string]remote.PrivateKey{"default": {PEM: inner.Key}, "outer": {PEM: outer.Key}}
	made, err := remote.New(remote.Options{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = made.Close() }()
	to := target(inner)
	hop := target(outer)
	hop.Key = "outer"
	to.Jumps = []remote.Target{hop}
	if got, err := run(t, made.Host(to), "echo through"); err != nil || got != "through\n" {
		t.Fatalf("got %q, %v", got, err)
	}
	if outer.Connections.Load() != 1 || outer.Sessions.Load() != 0 {
		t.Errorf("the jump host saw %d connections and %d sessions, want 1 and 0", outer.Connections.Load(), outer.Sessions.Load())
	}
	wrong := to
	wrong.Jumps = []remote.Target{{Host: hop.Host, Port: hop.Port, Key: "outer", HostKey: inner.HostKey}}
	if _, err := run(t, made.Host(wrong), "true"); !errors.Is(err, remote.ErrHostKeyMismatch) {
		t.Errorf("a jump host with another key: got %v", err)
	}
}

// behind is a server behind a jump host, each on a line of its own.
type behind struct {
	inner, outer *remotetest.Server
	near, far    *remotetest.Line
	pool         *remote.Pool
	target       remote.Target
}

func jumped(t *testing.T, options remote.Options, configure ...func(*remotetest.Server)) behind {
	t.Helper()
	b := behind{inner: start(t), outer: start(t, configure...)}
	b.near, b.far = lineTo(t, b.outer), lineTo(t, b.inner)
	options.Keys = map[string]remote.PrivateKey{"default": {PEM: b.inner.Key}, "outer": {PEM: b.outer.Key}}
	var err error
	if b.pool, err = remote.New(options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.pool.Close() })
	b.target = remote.Target{Host: b.far.Host, Port: b.far.Port, HostKey: b.inner.HostKey, Jumps: []remote.Target{
		{Host: b.near.Host, Port: b.near.Port, HostKey: b.outer.HostKey, Key: "outer"},
	}}
	return b
}

func lineTo(t *testing.T, server *remotetest.Server) *remotetest.Line {
	t.Helper()
	line, err := remotetest.NewLine(server)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(line.Close)
	return line
}

func at(line *remotetest.Line) string { return net.JoinHostPort(line.Host, fmt.Sprint(line.Port)) }

// Whichever hop is dead: its own time limit bounds the wait, it is named, and it
// is not waited for again.
func TestDeadHopOfAJump(t *testing.T) {
	for _, row := range []struct {
		name string
		// before is what works before the hop dies, if anything.
		before string
		kill   func(behind)
		dead   func(behind) *remotetest.Line
	}{
		{"the machine behind", "", func(b behind) { b.far.Stall(1000) }, func(b behind) *remotetest.Line { return b.far }},
		{"the machine behind, jump host in use", "jump", func(b behind) { b.far.Stall(1000) }, func(b behind) *remotetest.Line { return b.far }},
		{"the jump host", "", func(b behind) { b.near.Stall(1000) }, func(b behind) *remotetest.Line { return b.near }},
		{"the jump host, in use", "jump", func(b behind) { b.near.Swallow(true, true) }, func(b behind) *remotetest.Line { return b.near }},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			const limit = 2 * time.Second
			b := jumped(t, remote.Options{DialTimeout: limit})
			if row.before != "" {
				if _, err := run(t, b.pool.Host(b.target.Jumps[0]), "true"); err != nil {
					t.Fatal(err)
				}
			}
			row.kill(b)
			begin := time.Now()
			_, err := run(t, b.pool.Host(b.target), "true")
			took := time.Since(begin)
			if !errors.Is(err, remote.ErrUnreachable) || !strings.Contains(err.Error(), "connect "+at(row.dead(b))+": ") || !strings.Contains(err.Error(), "timed out") {
				t.Errorf("after %s: %v, want that %s timed out", took, err, at(row.dead(b)))
			}
			if took > 4*limit {
				t.Errorf("waited %s", took)
			}
			begin = time.Now()
			if _, again := run(t, b.pool.Host(b.target), "true"); !errors.Is(again, remote.ErrUnreachable) || time.Since(begin) > limit/2 {
				t.Errorf("waited again for %s: %v", time.Since(begin), again)
			}
		})
	}
}

// A machine behind a jump host that is lost is not lost with it.
func TestLostJumpHost(t *testing.T) {
	b := jumped(t, remote.Options{Lost: []string{"localhost"}})
	b.target.Jumps[0].Host = "localhost"
	_, err := run(t, b.pool.Host(b.target), "true")
	if errors.Is(err, remote.ErrLost) || !errors.Is(err, remote.ErrUnreachable) || !strings.Contains(err.Error(), "declared lost") {
		t.Errorf("got %v", err)
	}
}

// What a jump host meets at the machine behind it is told of that machine.
func TestRefusedBehindAJump(t *testing.T) {
	b := jumped(t, remote.Options{})
	b.far.Close()
	_, err := run(t, b.pool.Host(b.target), "true")
	if !errors.Is(err, remote.ErrUnreachable) || errors.Is(err, remote.ErrForward) || !strings.Contains(err.Error(), "connect "+at(b.far)+": connection refused: the machine answers, and nothing listens on port ") ||
		!strings.Contains(err.Error(), " for "+at(b.near)+". Is its sshd at another port?") {
		t.Errorf("got %v", err)
	}
}

// A jump host whose sshd forwards nothing is gone through all the same, and if
// that does not work either, nobody behind it is called unreachable.
func TestJumpHostThatForwardsNothing(t *testing.T) {
	b := jumped(t, remote.Options{}, func(s *remotetest.Server) { s.NoTCP = true })
	if got, err := run(t, b.pool.Host(b.target), "echo through"); err != nil || got != "through\n" {
		t.Errorf("got %q, %v", got, err)
	}
	b = jumped(t, remote.Options{}, func(s *remotetest.Server) { s.NoTCP, s.Shell = true, "/bin/false" })
	_, err := run(t, b.pool.Host(b.target), "true")
	if !errors.Is(err, remote.ErrForward) || errors.Is(err, remote.ErrUnreachable) || !strings.Contains(err.Error(), at(b.near)) || !strings.Contains(err.Error(), at(b.far)) {
		t.Errorf("got %v", err)
	}
}

// Awaiting a machine behind a jump host that boots, too.
func TestAwaitBehindAJump(t *testing.T) {
	t.Parallel()
	b := jumped(t, remote.Options{DialTimeout: time.Second})
	b.near.Stall(4)
	if err := b.pool.Host(b.target).Await(t.Context(), 30*time.Second); err != nil {
		t.Error(err)
	}
}
