// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package remote_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// One at a time changes a machine, whoever logs in; another machine is nobody's
// concern, and a wait ends with its context.
func TestOneChangerAtATimePerMachine(t *testing.T) {
	shared := pool(t, start(t).Key, remote.Options{})
	root := shared.Host(remote.Target{Host: "192.0.2.1"})
	admin := shared.Host(remote.Target{Host: "192.0.2.1", User: "admin", Port: 2222})
	release, err := root.Exclusive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	other, err := shared.Host(remote.Target{Host: "192.0.2.2"}).Exclusive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	other()
	impatient, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := admin.Exclusive(impatient); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "192.0.2.1") {
		t.Fatalf("two change one machine: %v", err)
	}
	release()
	release() // as deferred calls beside an early one do

	var inside, most int
	var mu sync.Mutex
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			machine := []remote.Host{root, admin}[i%2]
			release, err := machine.Exclusive(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			defer release()
			mu.Lock()
			inside++
			most = max(most, inside)
			mu.Unlock()
			time.Sleep(time.Millisecond)
			mu.Lock()
			inside--
			mu.Unlock()
		})
	}
	group.Wait()
	if most != 1 {
		t.Errorf("%d at once, want 1", most)
	}
}

// What may change something is refused before anything is dialled.
func TestReadOnly(t *testing.T) {
	server := start(t)
	host := pool(t, server.Key, remote.Options{ReadOnly: true}).Host(target(server))
	path := echoSocket(t)
	for _, command := range []remote.Command{
		{Name: "restarting mysqld", Script: "echo changed"},
		{Name: "writing a file", Script: "cat", Stdin: strings.NewReader("content")},
		{Name: "installing", Script: "echo changed", Long: true},
	} {
		result, err := host.Run(t.Context(), command)
		if !errors.Is(err, remote.ErrReadOnly) || errors.Is(err, remote.ErrUnreachable) || !strings.Contains(err.Error(), command.Name) || len(result.Stdout) > 0 {
			t.Errorf("%s: %q, %v", command.Name, result.Stdout, err)
		}
	}
	if _, err := host.Dial(t.Context(), remote.Endpoint{Network: "unix", Address: path}); !errors.Is(err, remote.ErrReadOnly) || !strings.Contains(err.Error(), path) {
		t.Errorf("dialling: %v", err)
	}
	if got := server.Connections.Load(); got != 0 {
		t.Errorf("%d connections for what is refused, want none", got)
	}
	result, err := host.Run(t.Context(), remote.Command{Name: "observing", Script: "echo seen", Reads: true})
	if err != nil || string(result.Stdout) != "seen\n" {
		t.Errorf("reading: %q, %v", result.Stdout, err)
	}
	conn, err := host.Dial(t.Context(), remote.Endpoint{Network: "unix", Address: path, Reads: true})
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
}
