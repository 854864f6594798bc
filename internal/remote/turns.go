// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package remote

import (
	"context"
	"fmt"
	"sync"
)

// Turns lets those who change a machine take turns, machine by machine. The
// zero value is ready, and it is safe for concurrent use.
type Turns struct {
	mu       sync.Mutex
	machines map[string]chan struct{}
}

// Take waits for the turn at the machine of that address. release may be called
// more than once.
func (t *Turns) Take(ctx context.Context, address string) (release func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	t.mu.Lock()
	if t.machines == nil {
		t.machines = map[string]chan struct{}{}
	}
	turn, known := t.machines[address]
	if !known {
		turn = make(chan struct{}, 1)
		t.machines[address] = turn
	}
	t.mu.Unlock()
	select {
	case turn <- struct{}{}:
		return sync.OnceFunc(func() { <-turn }), nil
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for another change of %s to end: %w", address, ctx.Err())
	}
}

// Exclusive waits for the turn at the machine.
func (h *host) Exclusive(ctx context.Context) (release func(), err error) {
	return h.pool.turns.Take(ctx, h.target.Host)
}

// mayDo refuses what changes something through a pool that is for reading.
func (h *host) mayDo(reads bool, what string) error {
	if reads || !h.pool.options.ReadOnly {
		return nil
	}
	return &Error{Kind: ErrReadOnly, Address: h.target.Address(), Detail: what + " is not known to change nothing"}
}

// mayAsk refuses what somebody is not let to ask who may only run one program.
func (h *host) mayAsk(what string) error {
	if h.pool.options.Watcher == "" {
		return nil
	}
	return &Error{Kind: ErrPrivilege, Address: h.target.Address(), Detail: fmt.Sprintf("user %s may not ask this: %s", h.target.Login(), what)}
}
