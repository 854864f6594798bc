// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package group

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	model "github.com/atollhq/terraform-provider-atoll/internal/model/group"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
)

var (
	// ErrTurn says that somebody else works on the group for too long.
	ErrTurn = errors.New("another run is working on the group")
	// ErrNoTurn says that too few members answered to take turns at all.
	ErrNoTurn = errors.New("too few members of the group can be asked for the turn")
)

// Lease is a group's turn: whoever takes members down or in holds it, on this
// machine or on any other. It is a lock by name on the members themselves, held
// by sessions, so it ends with its holder however that ends. Whoever has it on
// more than half of the members has it alone; all take the members in the order
// of their UUIDs, so nobody waits in a circle.
type Lease struct {
	release func()
	lost    func(context.Context) error
	once    sync.Once
}

// Release lets the next one have its turn. It may be called more than once.
func (l *Lease) Release() { l.once.Do(l.release) }

// Lost is an error when the lease has ended before its release: the line to the
// sessions broke. Whoever is about to take a member down asks first.
func (l *Lease) Lost(ctx context.Context) error { return l.lost(ctx) }

// holder says for what the turn is and whose it is, for those who wait. It goes
// between quotes into a statement, so it has none of its own.
func holder(purpose string) string {
	said := fmt.Sprintf("%s, applied by %s since %s", purpose, converge.Whoami(), time.Now().UTC().Format(time.RFC3339))
	return strings.NewReplacer("'", "", `\`, "", "\n", " ").Replace(said)
}

// holderQuery says who has a lock, as told by the holder itself.
const holderQuery = `SELECT IFNULL(MAX(v.variable_value), '') FROM performance_schema.metadata_locks l
 JOIN performance_schema.user_variables_by_thread v ON v.thread_id = l.owner_thread_id AND v.variable_name = '` + model.HolderVariable + `'
 WHERE l.object_type = 'USER LEVEL LOCK' AND l.lock_status = 'GRANTED' AND l.object_name = `

// Seat is where one member's lock is taken: a session on it as root, of which
// nothing else is asked.
type Seat struct {
	// ID decides the order: the server's UUID.
	ID      string
	Session *mysqlroot.Session
}

// Take waits for the turn of a group whose machines are all known, by sessions
// of its own, which it closes; members counts those that there are.
func Take(ctx context.Context, group, purpose string, members int, seats []Seat) (*Lease, error) {
	seats = slices.SortedFunc(slices.Values(seats), func(a, b Seat) int { return cmp.Compare(a.ID, b.ID) })
	held, name, who := []Seat{}, model.LockName(group), holder(purpose)
	lease := &Lease{
		lost: func(ctx context.Context) error {
			var problems []error
			for _, seat := range held {
				problems = append(problems, seat.lost(ctx, name))
			}
			return errors.Join(problems...)
		},
		release: func() {
			for _, seat := range seats {
				seat.Session.Close()
			}
		},
	}
	var refused []error
	for _, seat := range seats {
		err := seat.lock(ctx, name, who)
		switch {
		case ctx.Err() != nil || errors.Is(err, ErrTurn):
			lease.Release()
			return nil, err
		case err != nil:
			refused = append(refused, err)
		default:
			held = append(held, seat)
		}
	}
	if len(held)*2 <= members {
		lease.Release()
		return nil, errors.Join(append([]error{fmt.Errorf("%w: %d of %d", ErrNoTurn, len(held), members)}, refused...)...)
	}
	return lease, nil
}

// lost asks whether the lock is still the session's.
func (s Seat) lost(ctx context.Context, name string) error {
	ours, err := s.Session.Text(ctx, "asking for the turn", "SELECT IFNULL(IS_USED_LOCK(?) = CONNECTION_ID(), 0)", name)
	if err == nil && ours != "1" {
		err = fmt.Errorf("%w: the session on member %s has ended", ErrNoTurn, s.Session.Name)
	}
	return err
}

// lock waits for one member's lock, and says who has it when it gives up.
func (s Seat) lock(ctx context.Context, name, who string) error {
	if err := s.Session.Run(ctx, "preparing for the turn", "SET SESSION wait_timeout = 31536000, @"+model.HolderVariable+" = "+mysqlroot.Literal(who)); err != nil {
		return err
	}
	other := ""
	for {
		got, err := s.Session.Text(ctx, "waiting for the turn", "SELECT GET_LOCK(?, 5)", name)
		switch {
		case ctx.Err() != nil:
			return givenUp(ctx, other)
		case err != nil || got == "1":
			return err
		case got == "":
			return fmt.Errorf("%w: member %s did not say why", ErrNoTurn, s.Session.Name)
		}
		if other, err = s.Session.Text(ctx, "asking who has the turn", holderQuery+mysqlroot.Literal(name)); err == nil {
			tflog.Info(ctx, "waiting for the group's turn", map[string]any{"holder": other})
		}
	}
}

// givenUp is the error of a wait that ended with its context.
func givenUp(ctx context.Context, other string) error {
	if other == "" {
		other = "somebody who has not said for what"
	}
	return fmt.Errorf("%w: held by %s: wait until that has ended and apply again: %w", ErrTurn, other, ctx.Err())
}
