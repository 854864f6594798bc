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

// Await connects to a machine that may be booting: it tries again while nothing
// answers, for as long as patience lasts, and gives the last error. What another
// attempt cannot mend (a key, a login) ends it at once.
func Await(ctx context.Context, machine Host, patience time.Duration) error {
	awaited, ok := machine.(*host)
	if !ok {
		return nil // a Host of a test is there
	}
	deadline := time.Now().Add(patience)
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		_, err := awaited.connection(ctx)
		if err == nil || !errors.Is(err, ErrUnreachable) || time.Now().Add(pause).After(deadline) {
			return err
		}
		if err := Pause(ctx, pause); err != nil {
			return err
		}
		awaited.forgive(err)
	}
}

// Prove shows that the machine lets us in now, over a connection of its own: the
// one that stands was let in by what may since have changed.
func Prove(ctx context.Context, machine Host) error {
	proved, ok := machine.(*host)
	if !ok {
		return nil // a Host of a test is there
	}
	connection, err := proved.dial(ctx)
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

// forgive lets the next caller dial again, unless another has met a new failure.
func (h *host) forgive(known error) {
	h.gate <- struct{}{}
	defer func() { <-h.gate }()
	if errors.Is(h.failed, known) {
		h.failed = nil
	}
}
