// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package guardian

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/model/group"
)

// session ends with the guardian that it is of.
type session struct {
	world     *world
	at        string
	user      string
	life      *life
	variables map[string]string
	told      time.Time
	locks     []string
}

// connector leads to a server for a life.
type connector struct {
	world    *world
	at, user string
	life     *life
}

var errOver = errors.New("the line is down")

func (c connector) Driver() driver.Driver { return nil }

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	server := c.world.servers[c.at]
	if server != nil && server.dead {
		c.world.mu.Unlock()
		<-ctx.Done()
		c.world.mu.Lock()
		return nil, ctx.Err()
	}
	if c.life != nil && c.life.over || server == nil {
		return nil, errOver
	}
	s := &session{world: c.world, at: c.at, user: c.user, life: c.life, variables: map[string]string{}}
	server.sessions[s] = true
	return s, nil
}

func (s *session) Prepare(string) (driver.Stmt, error) { return nil, errors.ErrUnsupported }
func (s *session) Begin() (driver.Tx, error)           { return nil, errors.ErrUnsupported }

func (s *session) Close() error {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	delete(s.world.servers[s.at].sessions, s)
	return nil
}

// burns counts a statement, and says whether its guardian is gone.
func (s *session) burns() bool {
	if s.life == nil || s.life.over {
		return s.life != nil
	}
	if s.world.said++; s.world.said != s.world.fuse {
		return false
	}
	s.world.kill(s.life)
	return true
}

// stands waits where the server stands still: until it goes on, or nobody waits for
// it any more. The lock is given back meanwhile. Others than its own guardian are
// refused instead: they share a line by a lock, which stops the test's clock.
func (s *session) stands(ctx context.Context, counts bool) error {
	w, own := s.world, s.world.servers[s.at]
	if counts {
		if w.asked++; w.asked == w.stands {
			own.still = make(chan struct{})
			// What is looked for from here on are minutes: all look once a second, and not
			// five times, which is most of what the test costs.
			w.expelTimeout = 10
			time.AfterFunc(w.stillness, func() { close(own.still) })
		}
	}
	switch {
	case own.still == nil:
		return nil
	case s.user != "root":
		return errOver
	}
	w.mu.Unlock()
	defer w.mu.Lock()
	select {
	case <-own.still:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ExecContext carries statements out one after another; between them a guardian
// can be killed, too.
func (s *session) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	for statement := range strings.SplitSeq(text, "; ") {
		s.world.mu.Lock()
		if err := s.stands(ctx, !strings.HasPrefix(statement, "SET @"+reportVariable+" ")); err != nil {
			s.world.mu.Unlock()
			return nil, err
		}
		burnt := !strings.HasPrefix(statement, "SET @"+reportVariable+" ") && s.burns()
		if burnt && !s.world.late {
			s.world.mu.Unlock()
			return nil, errOver
		}
		wait, err := s.exec(statement, args)
		s.world.mu.Unlock()
		time.Sleep(wait)
		if burnt {
			return nil, errOver
		}
		if err != nil {
			return nil, err
		}
	}
	return driver.RowsAffected(0), nil
}

// exec carries out one, and says how long it takes.
func (s *session) exec(statement string, args []driver.NamedValue) (time.Duration, error) {
	own := s.world.servers[s.at]
	name, value, _ := strings.Cut(statement, " = ")
	switch {
	case statement == "START GROUP_REPLICATION":
		return s.world.start(own)
	case statement == "STOP GROUP_REPLICATION":
		own.stops++
		own.state = "OFFLINE"
		return time.Second, nil
	case name == "SET GLOBAL group_replication_bootstrap_group":
		own.armed = value == "ON"
	case name == "SET PERSIST group_replication_start_on_boot":
		own.boots = value == "ON"
	case statement == "SET GLOBAL group_replication_autorejoin_tries = 0":
		own.tries = 0
	case statement == "SET GLOBAL max_connections = @atoll_connections":
		own.connections = group.LeastConnections + len(own.sessions)
	case name == "SET GLOBAL group_replication_member_expel_timeout", name == "SET GLOBAL offline_mode":
	case strings.HasPrefix(name, "SET @"):
		if len(args) > 0 {
			value, _ = args[0].Value.(string)
		}
		s.variables[strings.TrimPrefix(name, "SET @")], s.told = value, time.Now()
	case statement == "DO RELEASE_ALL_LOCKS()":
		s.locks = nil
	default:
		s.world.t.Errorf("a statement that this world does not know: %s", statement)
	}
	return 0, nil
}

// QueryContext answers one question.
func (s *session) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	if err := s.stands(ctx, strings.Contains(text, "_LOCK(")); err != nil {
		return nil, err
	}
	if s.life != nil && s.life.over || text == "SELECT GET_LOCK(?, 0)" && s.burns() {
		return nil, errOver
	}
	document := func(value any) (driver.Rows, error) {
		encoded, err := json.Marshal(value)
		return &row{values: []driver.Value{string(encoded)}}, err
	}
	w, own := s.world, s.world.servers[s.at]
	switch {
	case text == viewQuery:
		return document(w.view(s.at))
	case text == factsQuery:
		return document(map[string]any{
			"id": own.id, "endpoint": s.at, "version": "9.7.4", "group": source, "weight": 50, "expel_timeout": s.world.expelTimeout, "boots": own.boots, "tries": own.tries, "armed": own.armed,
			"connections": own.connections, "place": s.at, "executed": own.executed, "stops": own.stops, "starts": own.starts, "view": w.view(s.at), "seeds": "",
		})
	case strings.HasPrefix(text, "SELECT JSON_OBJECT('cluster'"):
		registered := []Registration{}
		for endpoint, server := range w.servers {
			registered = append(registered, Registration{server.id, endpoint})
		}
		return document(map[string]any{"cluster": "main", "registered": registered})
	case text == reportsQuery:
		return document(w.reports(own))
	case strings.HasPrefix(text, "SELECT user_name, user_password"):
		return &row{values: []driver.Value{"mysql_innodb_cluster_1", "secret", ""}}, nil
	case text == "SELECT GET_LOCK(?, 0)":
		name, _ := args[0].Value.(string)
		return &row{values: []driver.Value{s.lock(own, name)}}, nil
	case text == "SELECT IS_USED_LOCK(?) = CONNECTION_ID()":
		name, _ := args[0].Value.(string)
		return &row{values: []driver.Value{slices.Contains(s.locks, name)}}, nil
	}
	w.t.Errorf("a question that this world does not know: %s", text)
	return nil, errors.ErrUnsupported
}

func (s *session) lock(own *server, name string) int64 {
	for other := range own.sessions {
		if other != s && slices.Contains(other.locks, name) {
			return 0
		}
	}
	s.locks = append(s.locks, name)
	return 1
}

// row is an answer of one.
type row struct {
	values []driver.Value
	read   bool
}

func (r *row) Columns() []string { return make([]string, len(r.values)) }
func (r *row) Close() error      { return nil }

func (r *row) Next(target []driver.Value) error {
	if r.read {
		return io.EOF
	}
	r.read = true
	copy(target, r.values)
	return nil
}
