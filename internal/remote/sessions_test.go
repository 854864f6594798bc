// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package remote_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
	"github.com/atollhq/terraform-provider-atoll/internal/remote/remotetest"
)

// With one or two sessions everything works, only less at a time.
func TestFewSessions(t *testing.T) {
	for sessions := 1; sessions <= 3; sessions++ {
		t.Run(fmt.Sprint(sessions), func(t *testing.T) {
			t.Parallel()
			server := start(t, func(s *remotetest.Server) { s.MaxSessions, s.NoStreamLocal = sessions, true })
			host := pool(t, server.Key, remote.Options{}).Host(target(server))
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			// A bridge stays open all the while, as a session on a database does.
			socket := echoSocket(t)
			bridge, err := host.Dial(ctx, remote.Endpoint{Network: "unix", Address: socket})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = bridge.Close() }()
			var group sync.WaitGroup
			for i := range 24 {
				group.Go(func() {
					want := fmt.Sprintf("%d\n", i)
					command := remote.Command{Name: "asking", Script: "echo " + want, Reads: true}
					switch i % 4 {
					case 1:
						command = remote.Command{Name: "streaming", Script: "cat", Stdin: strings.NewReader(want)}
					case 2:
						command.Long = true
					}
					if result, err := host.Run(ctx, command); err != nil || string(result.Stdout) != want {
						t.Errorf("%s %d: %q, %v", command.Name, i, result.Stdout, err)
					}
				})
			}
			group.Wait()
			if _, err := io.WriteString(bridge, "still"); err != nil {
				t.Error(err)
			}
			answer := make([]byte, 5)
			if _, err := io.ReadFull(bridge, answer); err != nil || string(answer) != "still" {
				t.Errorf("over the bridge came %q, %v", answer, err)
			}
			if got := server.Connections.Load(); got > 2 {
				t.Errorf("%d connections, want one for commands and one for the bridge", got)
			}
		})
	}
}

// Nobody waits behind who gave up, also where what he left runs on the only
// session.
func TestWhoGivesUpKeepsNobody(t *testing.T) {
	t.Parallel()
	for _, sessions := range []int{0, 1} {
		server := start(t, func(s *remotetest.Server) { s.MaxSessions = sessions })
		host := pool(t, server.Key, remote.Options{}).Host(target(server))
		for _, long := range []bool{false, true} {
			if _, err := run(t, host, "true"); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			var group sync.WaitGroup
			group.Go(func() {
				if _, err := host.Run(ctx, remote.Command{Name: "sleeping", Script: "sleep 20", Reads: true, Long: long}); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got %v, want the deadline", err)
				}
			})
			time.Sleep(100 * time.Millisecond)
			begin := time.Now()
			for i := range 3 {
				group.Go(func() {
					if got, err := run(t, host, fmt.Sprintf("echo next %d", i)); err != nil || got != fmt.Sprintf("next %d\n", i) {
						t.Errorf("afterwards: %q, %v", got, err)
					}
				})
			}
			group.Wait()
			cancel()
			if took := time.Since(begin); took > 15*time.Second {
				t.Errorf("the others waited %s", took)
			}
		}
	}
}

// A sshd that lets us in and runs nothing is not unreachable.
func TestNoSessionAtAll(t *testing.T) {
	t.Parallel()
	server := start(t, func(s *remotetest.Server) { s.MaxSessions = -1 })
	shared := pool(t, server.Key, remote.Options{})
	for _, long := range []bool{false, true} {
		_, err := shared.Host(target(server)).Run(t.Context(), remote.Command{Name: "asking", Script: "true", Reads: true, Long: long})
		if !errors.Is(err, remote.ErrSession) || errors.Is(err, remote.ErrUnreachable) || !strings.Contains(err.Error(), "MaxSessions") {
			t.Errorf("got %v", err)
		}
	}
	server = start(t, func(s *remotetest.Server) {
		s.Shell, s.Noise = "/bin/false", "This account is currently not available.\n"
	})
	host := pool(t, server.Key, remote.Options{}).Host(target(server))
	for _, long := range []bool{false, true} {
		_, err := host.Run(t.Context(), remote.Command{Name: "asking", Script: "true", Reads: true, Long: long})
		if !errors.Is(err, remote.ErrSession) || errors.Is(err, remote.ErrUnreachable) || !strings.Contains(err.Error(), "not available") {
			t.Errorf("got %v", err)
		}
	}
}
