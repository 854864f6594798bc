// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqltunnel

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	_ "github.com/go-sql-driver/mysql"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/innodbcluster"
)

// echo is a member that says back what it hears.
func echo(t *testing.T) Dial {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(conn, conn); _ = conn.Close() }()
		}
	}()
	return func(context.Context) (net.Conn, error) { return net.Dial("tcp", listener.Addr().String()) }
}

func opened(t *testing.T, dial Dial) *Tunnel {
	t.Helper()
	tunnel, err := Open(t.Context(), dial)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tunnel.Close() })
	return tunnel
}

// What goes in comes out at the other end, on the loopback alone, until the
// tunnel is closed: then nothing listens and nothing runs through it any more.
func TestTunnelCarriesUntilItIsClosed(t *testing.T) {
	var registry Registry
	tunnel := opened(t, echo(t))
	registry.Keep(tunnel)
	if host, _, err := net.SplitHostPort(tunnel.Address()); err != nil || host != "127.0.0.1" {
		t.Errorf("it listens on %s", tunnel.Address())
	}
	client, err := net.Dial("tcp", tunnel.Address())
	if err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 5)
	if _, err := client.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(client, answer); err != nil || string(answer) != "hello" {
		t.Fatalf("%q, %v", answer, err)
	}
	for range 2 {
		if err := registry.Close(tunnel.Address()); err != nil {
			t.Error(err)
		}
	}
	if n, err := client.Read(answer); err == nil {
		t.Errorf("%d bytes came through a closed tunnel", n)
	}
	if again, err := net.Dial("tcp", tunnel.Address()); err == nil {
		_ = again.Close()
		t.Error("it still listens")
	}
}

// A client that cannot be led anywhere hears why, from its own driver.
func TestRefusalIsRead(t *testing.T) {
	long := errors.New("b: OFFLINE, want ONLINE" + strings.Repeat(".", 3*longestRefusal))
	tunnel := opened(t, func(context.Context) (net.Conn, error) { return nil, long })
	db, err := sql.Open("mysql", "root@tcp("+tunnel.Address()+")/")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if err := db.PingContext(t.Context()); err == nil || !strings.Contains(err.Error(), "Error 1105") || !strings.Contains(err.Error(), "Atoll: b: OFFLINE, want ONLINE") {
		t.Errorf("the driver says %v", err)
	}
}

func TestChoose(t *testing.T) {
	is := func(state, role string, lag int64) innodbcluster.Status {
		return innodbcluster.Status{State: state, Role: role, Lag: lag}
	}
	for name, row := range map[string]struct {
		role    string
		members map[string]innodbcluster.Status
		want    string
	}{
		"primary":                   {Primary, map[string]innodbcluster.Status{"a": is("ONLINE", "SECONDARY", 0), "b": is("ONLINE", "PRIMARY", 0)}, "b"},
		"no primary":                {Primary, map[string]innodbcluster.Status{"a": is("ONLINE", "SECONDARY", 0), "b": is("UNREACHABLE", "PRIMARY", 0)}, ""},
		"the one that lags least":   {Secondary, map[string]innodbcluster.Status{"a": is("ONLINE", "SECONDARY", 7), "b": is("ONLINE", "PRIMARY", 0), "c": is("ONLINE", "SECONDARY", 3)}, "c"},
		"never one that recovers":   {Secondary, map[string]innodbcluster.Status{"a": is("RECOVERING", "SECONDARY", 0), "c": is("ONLINE", "SECONDARY", 3)}, "c"},
		"never the primary instead": {Secondary, map[string]innodbcluster.Status{"a": is("OFFLINE", "", 0), "b": is("ONLINE", "PRIMARY", 0)}, ""},
	} {
		got, err := choose(row.role, innodbcluster.Diagnosis{Members: row.members})
		if got != row.want || (err == nil) != (row.want != "") || err != nil && !errors.Is(err, ErrNoMember) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}
