// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqlroot

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot/machinetest"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// standing is a machine whose server takes connections and never says a word.
type standing struct {
	*machinetest.Machine
	address string
}

func (s standing) Dial(ctx context.Context, _ remote.Endpoint) (net.Conn, error) {
	var dialer net.Dialer
	return dialer.DialContext(ctx, "tcp", s.address)
}

// A server that stands still is found by what looks and by what changes, whatever they
// wait for; the error names it, and what helps.
func TestServerThatStandsStill(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	for what, do := range map[string]func(*Session) error{
		"looking":  func(s *Session) error { _, err := s.Text(t.Context(), "looking", "SELECT 1"); return err },
		"listing":  func(s *Session) error { _, err := s.List(t.Context(), "listing", "SELECT 1"); return err },
		"stopping": func(s *Session) error { return s.Run(t.Context(), "stopping", "STOP GROUP_REPLICATION") },
		"awaiting": func(s *Session) error {
			_, err := s.Await(t.Context(), "awaiting", "SELECT GET_LOCK('a', 300)")
			return err
		},
		"changing": func(s *Session) error {
			return s.Change(t.Context(), "changing", func(context.Context, *sql.Tx) error { return nil })
		},
	} {
		session, err := Connect("hk1", standing{machinetest.New(t, ""), listener.Addr().String()})
		if err != nil {
			t.Fatal(err)
		}
		session.bounds = bounds{look: 20 * time.Millisecond, change: time.Millisecond}
		err = do(session)
		if !errors.Is(err, remote.ErrMute) || !strings.Contains(err.Error(), what+" on member hk1: it runs and does not answer") || !strings.Contains(err.Error(), "systemctl restart mysql.service") {
			t.Errorf("%s: %v", what, err)
		}
		session.Close()
	}
}

// lasting answers others, and a statement for as long as nobody has been told of it.
type lasting struct{ told chan string }

func (l lasting) Connect(context.Context) (driver.Conn, error) { return l, nil }
func (lasting) Driver() driver.Driver                          { return nil }
func (lasting) Prepare(string) (driver.Stmt, error)            { return nil, errors.ErrUnsupported }
func (lasting) Begin() (driver.Tx, error)                      { return nil, errors.ErrUnsupported }
func (lasting) Close() error                                   { return nil }

func (l lasting) ExecContext(ctx context.Context, _ string, _ []driver.NamedValue) (driver.Result, error) {
	// Told twice: it was asked in between, and goes on.
	for range 2 {
		select {
		case <-l.told:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return driver.RowsAffected(0), nil
}

func (lasting) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	return nil, &mysql.MySQLError{Number: 1040, Message: "Too many connections"}
}

// What a server is well with goes on, and whoever looks is told on whom it waits.
func TestStatementThatLasts(t *testing.T) {
	slow := lasting{make(chan string)}
	session := &Session{Name: "hk1", DB: sql.OpenDB(slow), connector: slow, bounds: bounds{look: time.Minute, change: time.Millisecond}}
	defer session.Close()
	session.Tell = func(text string) {
		if !strings.HasPrefix(text, "waiting for member hk1: stopping, for ") {
			t.Errorf("told %q", text)
		}
		select {
		case slow.told <- text:
		case <-t.Context().Done():
		}
	}
	if err := session.Run(t.Context(), "stopping", "STOP GROUP_REPLICATION"); err != nil {
		t.Error(err)
	}
}
