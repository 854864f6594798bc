// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqlroot

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// bounds are what a server gets before it counts as one that hangs.
type bounds struct {
	// look is for what a server knows by itself, as for a question by its client.
	look time.Duration
	// change is from when somebody is told that a statement lasts, and how often then. A
	// statement that changes something may last for as long as MySQL lets it: whether the
	// server is well is asked beside it, by a session of its own.
	change time.Duration
}

var usual = bounds{look: 30 * time.Second, change: 15 * time.Second}

// hangs says of a member that it runs and does not answer, and what helps.
func hangs(after time.Duration) error {
	return fmt.Errorf("%w: mysqld has said nothing for %s\n%s", remote.ErrMute, after.Round(time.Millisecond), wayOut)
}

// limits are the usual ones, unless a test has others.
func (s *Session) limits() bounds {
	if s.bounds == (bounds{}) {
		return usual
	}
	return s.bounds
}

// Look asks for what the server knows by itself. One that does not say it soon hangs.
func (s *Session) Look(ctx context.Context, what string, do func(context.Context) error) error {
	most := s.limits().look
	limit, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	err := do(limit)
	if err != nil && limit.Err() != nil && ctx.Err() == nil {
		err = hangs(most)
	}
	return s.Explain(what, err)
}

// While does what may last for as long as the server is well. Whoever looks is told then
// on whom it waits, and a server that does not answer anybody any more ends it.
func (s *Session) While(ctx context.Context, what string, do func(context.Context) error) error {
	limit, cancel := context.WithCancel(ctx)
	defer cancel()
	var mute atomic.Bool
	go s.watch(limit, what, func() { mute.Store(true); cancel() })
	err := do(limit)
	if err != nil && mute.Load() {
		err = hangs(s.limits().look)
	}
	return s.Explain(what, err)
}

// watch calls silent when the server does not answer beside what it does.
func (s *Session) watch(ctx context.Context, what string, silent func()) {
	begun, ticker := time.Now(), time.NewTicker(s.limits().change)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		s.say(ctx, fmt.Sprintf("waiting for member %s: %s, for %s", s.Name, what, time.Since(begun).Round(time.Second)))
		if s.silent(ctx) {
			silent()
			return
		}
	}
}

// say tells the log, and whoever wants to be told.
func (s *Session) say(ctx context.Context, what string) {
	tflog.Info(ctx, what)
	if s.Tell != nil {
		s.Tell(what)
	}
}

// silent asks by another connection whether the server is there. Only silence is yes: one
// that refuses, or that nobody can dial, has other ways to end what waits for it.
func (s *Session) silent(ctx context.Context) bool {
	if s.connector == nil {
		return false
	}
	limit, cancel := context.WithTimeout(ctx, s.limits().look)
	defer cancel()
	db := sql.OpenDB(s.connector)
	defer func() { _ = db.Close() }()
	var one int
	err := db.QueryRowContext(limit, "SELECT 1").Scan(&one)
	return err != nil && ctx.Err() == nil && errors.Is(limit.Err(), context.DeadlineExceeded)
}
