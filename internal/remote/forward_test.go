// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package remote_test

import (
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
	"github.com/atollhq/terraform-provider-atoll/internal/remote/remotetest"
)

// closedPort is one that nobody listens on.
func closedPort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	return listener.Addr().String()
}

// What cannot be opened on the host's side says nothing about the host.
func TestForwardingHasAnErrorOfItsOwn(t *testing.T) {
	for _, row := range []struct {
		name    string
		change  func(*remotetest.Server)
		network string
		address string
		want    string
	}{
		{"a missing socket", func(*remotetest.Server) {}, "unix", filepath.Join(t.TempDir(), "mysqld.sock"), "No such file or directory"},
		{"a missing socket, streamlocal forbidden", func(s *remotetest.Server) { s.NoStreamLocal = true }, "unix", filepath.Join(t.TempDir(), "mysqld.sock"), "No such file or directory"},
		{"a port that nobody listens on", func(*remotetest.Server) {}, "tcp", closedPort(t), "refused"},
		{"the same, TCP forbidden", func(s *remotetest.Server) { s.NoTCP = true }, "tcp", closedPort(t), "refused"},
		{"streamlocal forbidden, and no bridge", func(s *remotetest.Server) { s.NoStreamLocal, s.Environment = true, []string{"PATH=" + t.TempDir()} }, "unix", echoSocket(t), "does not forward"},
		{"no port at all", func(*remotetest.Server) {}, "tcp", "127.0.0.1:mysql", "no port"},
	} {
		t.Run(row.name, func(t *testing.T) {
			server := start(t, row.change)
			host := pool(t, server.Key, remote.Options{}).Host(target(server))
			_, err := host.Dial(t.Context(), remote.Endpoint{Network: row.network, Address: row.address})
			if errors.Is(err, remote.ErrUnreachable) || !errors.Is(err, remote.ErrForward) {
				t.Fatalf("got %v", err)
			}
			if !strings.Contains(err.Error(), row.want) {
				t.Errorf("%q does not say %q", err, row.want)
			}
		})
	}
}

// Where sshd forwards nothing, a bridge on the host does, for root as well.
func TestForwardingForbidden(t *testing.T) {
	server := start(t, func(s *remotetest.Server) {
		s.NoStreamLocal, s.NoTCP, s.Noise = true, true, "Welcome!\nconnected\n"
	})
	host := pool(t, server.Key, remote.Options{}).Host(target(server))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(conn, conn) }()
		}
	}()
	for _, endpoint := range []remote.Endpoint{{Network: "unix", Address: echoSocket(t)}, {Network: "tcp", Address: listener.Addr().String()}} {
		for range 2 {
			echo(t, host, endpoint, strings.Repeat("pong\x00", 40000))
		}
	}
}

// echo sends text to what echoes it, and reads it back.
func echo(t *testing.T, host remote.Host, endpoint remote.Endpoint, text string) {
	t.Helper()
	conn, err := host.Dial(t.Context(), endpoint)
	if err != nil {
		t.Errorf("%s: %v", endpoint.Network, err)
		return
	}
	defer func() { _ = conn.Close() }()
	go func() { _, _ = io.WriteString(conn, text) }()
	answer := make([]byte, len(text))
	if n, err := io.ReadFull(conn, answer); err != nil || string(answer) != text {
		t.Errorf("%s: %d bytes of %d came back, %v", endpoint.Network, n, len(text), err)
	}
}
