// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package remote

import (
	"context"
	"errors"
	"time"
)

// The pauses between attempts double from the first to the longest: a sshd that
// is starting is met soon, and one that punishes hasty clients (OpenSSH's
// PerSourcePenalties) is left in peace.
const (
	firstPause   = 500 * time.Millisecond
	longestPause = 8 * time.Second
)

// Await connects to a machine that may be booting. A connection that stands may
// be to the machine as it was before, so it is asked.
func (h *host) Await(ctx context.Context, patience time.Duration) error {
	deadline := time.Now().Add(patience)
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		live, err := h.connection(ctx)
		if err == nil {
			err = live.alive(ctx, h.pool.options.DialTimeout)
		}
		if err == nil || !errors.Is(err, ErrUnreachable) || time.Now().Add(pause).After(deadline) {
			return err
		}
		if err := Pause(ctx, pause); err != nil {
			return err
		}
		if err := h.forgive(ctx, err); err != nil {
			return err
		}
	}
}

// Prove opens a connection and closes it.
func (h *host) Prove(ctx context.Context) error {
	if h.pool.lost[h.target.Host] {
		return &Error{Kind: ErrLost, Address: h.target.Address()}
	}
	via, err := h.jump(ctx)
	if err != nil {
		return err
	}
	connection, err := h.dial(ctx, via)
	if err != nil {
		return err
	}
	return connection.client.Close()
}

// Pause waits that long, or ends with the context and its error.
func Pause(ctx context.Context, pause time.Duration) error {
	select {
	case <-time.After(pause):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// forgive lets the next caller dial again, unless another has met a new failure,
// and so for the hosts on the way.
func (h *host) forgive(ctx context.Context, known error) error {
	select {
	case h.gate <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	if errors.Is(h.failed, known) {
		h.failed = nil
	}
	<-h.gate
	if through, jumps := h.target.before(); jumps {
		return h.pool.host(through).forgive(ctx, known)
	}
	return nil
}
