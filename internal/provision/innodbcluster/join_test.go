// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
)

// entrance is a group whose primary says who is in its view, and whose joiners take a
// second to be in it and another one to see that.
type entrance struct {
	mu sync.Mutex
	// view has the addresses of those who are in, entering counts those on their way.
	view           map[string]bool
	entering, most int
}

// session is one on the joiner of that address, or on the primary.
func (e *entrance) session(address string) *server {
	return &server{&mysqlroot.Session{Name: address, DB: sql.OpenDB(entering{e, address})}}
}

type entering struct {
	group   *entrance
	address string
}

func (s entering) Connect(context.Context) (driver.Conn, error) { return s, nil }
func (entering) Driver() driver.Driver                          { return nil }
func (entering) Prepare(string) (driver.Stmt, error)            { return nil, errors.ErrUnsupported }
func (entering) Begin() (driver.Tx, error)                      { return nil, errors.ErrUnsupported }
func (entering) Close() error                                   { return nil }

func (s entering) ExecContext(context.Context, string, []driver.NamedValue) (driver.Result, error) {
	s.group.mu.Lock()
	s.group.entering++
	s.group.most = max(s.group.most, s.group.entering)
	s.group.mu.Unlock()
	time.Sleep(time.Second)
	s.group.mu.Lock()
	s.group.entering--
	s.group.view[s.address] = true
	s.group.mu.Unlock()
	time.Sleep(time.Second)
	return driver.RowsAffected(0), nil
}

func (s entering) QueryContext(_ context.Context, _ string, args []driver.NamedValue) (driver.Rows, error) {
	s.group.mu.Lock()
	defer s.group.mu.Unlock()
	address, _ := args[0].Value.(string)
	return &states{seen: s.group.view[address]}, nil
}

// states is the row of a member that is in the view, or none.
type states struct{ seen bool }

func (*states) Columns() []string { return []string{"member_state"} }
func (*states) Close() error      { return nil }
func (s *states) Next(row []driver.Value) error {
	if !s.seen {
		return io.EOF
	}
	row[0], s.seen = "RECOVERING", false
	return nil
}

// Two that a group adds in one moment keep each other out of it; the next one begins as
// soon as the one before is in, and does not wait for what follows.
func TestOneEntersAfterAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		group := &entrance{view: map[string]bool{}}
		r := begin(three(), nil)
		primary := group.session("10.0.0.1")
		defer primary.Close()
		began := time.Now()
		var all sync.WaitGroup
		for _, key := range []string{"b", "c"} {
			member := r.cluster.Members[key]
			joiner := group.session(member.Address)
			defer joiner.Close()
			all.Go(func() {
				if err := r.enter(t.Context(), primary, joiner, member); err != nil {
					t.Errorf("%s: %v", key, err)
				}
			})
		}
		all.Wait()
		if group.most != 1 || len(group.view) != 2 {
			t.Errorf("%d entered at once, and %d are in", group.most, len(group.view))
		}
		if took := time.Since(began); took < 3*time.Second || took >= 4*time.Second {
			t.Errorf("both were in after %s, and each needs two seconds, of which the other waits for one", took)
		}
	})
}
