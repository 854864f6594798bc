// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package guardian

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/model/group"
)

// lease is the turn of the group and of its cluster, the same that an apply takes
// before it does anything to a member. A guardian does not wait for it: where
// anybody else has it on any member, the guardian steps aside.
type lease struct {
	peers *Peers
	lines []*line
	own   *sql.Conn
}

// take takes the turn on more than half of the members that self counts on.
func (p *Peers) take(ctx context.Context, self Facts, purpose string) (*lease, error) {
	names := []string{group.LockName(self.Group)}
	if self.Cluster != "" {
		names = append([]string{group.LockName(self.Cluster)}, names...)
	}
	who := quiet(fmt.Sprintf("the guardian of %s, %s, since %s", self.Endpoint, purpose, time.Now().UTC().Format(time.RFC3339)))
	lock := func(ctx context.Context, conn *sql.Conn) error { return lockAll(ctx, conn, names, who) }
	l := &lease{peers: p}
	own, err := p.server.session(ctx)
	if err != nil {
		return nil, err
	}
	l.own = own
	if err := l.ask(ctx, lock); err != nil {
		l.release()
		return nil, err
	}
	held, problems := 1, []string{}
	for _, line := range p.to(self) {
		err := p.speak(ctx, line, lock)
		if err == nil {
			held++
			l.lines = append(l.lines, line)
			continue
		}
		if errors.Is(err, ErrTurn) {
			l.release()
			return nil, err
		}
		problems = append(problems, err.Error())
	}
	if total := len(self.declared()); held*2 <= total {
		l.release()
		return nil, fmt.Errorf("the turn was to be had on %d of %d members only: %s", held, total, strings.Join(problems, "; "))
	}
	return l, nil
}

// ask does something in the session on the own server, which may stand still.
func (l *lease) ask(ctx context.Context, do func(context.Context, *sql.Conn) error) error {
	ctx, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	return do(ctx, l.own)
}

func lockAll(ctx context.Context, conn *sql.Conn, names []string, who string) error {
	if _, err := conn.ExecContext(ctx, "SET @"+group.HolderVariable+" = '"+who+"'"); err != nil {
		return err
	}
	for _, name := range names {
		var got sql.NullInt64
		if err := conn.QueryRowContext(ctx, "SELECT GET_LOCK(?, 0)", name).Scan(&got); err != nil {
			return err
		}
		if got.Int64 != 1 {
			return ErrTurn
		}
	}
	return nil
}

// kept is an error where the turn was lost on the way.
func (l *lease) kept(ctx context.Context, self Facts) error {
	ours := func(ctx context.Context, conn *sql.Conn) error {
		var held sql.NullBool
		err := conn.QueryRowContext(ctx, "SELECT IS_USED_LOCK(?) = CONNECTION_ID()", group.LockName(self.Group)).Scan(&held)
		if err == nil && !held.Bool {
			err = ErrTurn
		}
		return err
	}
	count := 0
	if l.ask(ctx, ours) == nil {
		count++
	}
	for _, line := range l.lines {
		if l.peers.speak(ctx, line, ours) == nil {
			count++
		}
	}
	if total := len(self.declared()); count*2 <= total {
		return fmt.Errorf("%w: the turn is held on %d of %d members only", ErrTurn, count, total)
	}
	return nil
}

// release lets the next one have its turn. A session that cannot be told so is
// given up, which lets go of it, too.
func (l *lease) release() {
	ctx, cancel := context.WithTimeout(context.Background(), call)
	defer cancel()
	unlock := func(ctx context.Context, conn *sql.Conn) error {
		_, err := conn.ExecContext(ctx, "DO RELEASE_ALL_LOCKS()")
		return err
	}
	_ = l.own.Close()
	for _, line := range slices.Backward(l.lines) {
		_ = l.peers.speak(ctx, line, unlock)
	}
}
