// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package remote

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// shellSlot holds the connection's one long-lived shell. gate holds the right
// to start one.
type shellSlot struct {
	gate chan struct{}

	mu   sync.Mutex
	live *shell
}

func newShellSlot() *shellSlot { return &shellSlot{gate: make(chan struct{}, 1)} }

var (
	// errNotStarted: the shell ended while the request still waited behind another.
	errNotStarted = errors.New("the shell ended before the command began")
	// errNoShell: the shell ended before it read anything.
	errNoShell = errors.New("the shell did not begin")
	// errShellEnded: the shell ended while it ran the command.
	errShellEnded = errors.New("the shell ended while the command ran")
)

// runInShell asks the shared shell, and starts one when there is none.
func (h *host) runInShell(ctx context.Context, live *connection, command Command) (Result, error) {
	for {
		worker, asked, err := h.ask(ctx, live, command.Script)
		if err != nil {
			return Result{}, err
		}
		if live.slots.crowded() {
			live.makeRoom()
		}
		select {
		case <-asked.done:
		case <-ctx.Done():
			live.shell.retire(worker, asked)
			return Result{}, ctx.Err()
		case <-live.done:
			// What came before the end counts, as when a machine goes down.
			select {
			case <-asked.done:
			case <-time.After(time.Second):
				return Result{}, live.broken(nil)
			}
		}
		switch {
		case asked.err == nil:
			return asked.result, nil
		case errors.Is(asked.err, errNotStarted):
			continue
		case !asked.shell.ended:
			return Result{}, h.cut(ctx, live)
		case errors.Is(asked.err, errNoShell):
			return Result{}, h.notBegun(asked.shell)
		default:
			return Result{}, &Error{Kind: ErrSession, Address: live.address, Err: asked.err, Detail: fmt.Sprintf("exit code %d", asked.shell.code)}
		}
	}
}

// ask puts a question to the live shell, and starts one when there is none.
func (h *host) ask(ctx context.Context, live *connection, script string) (*shell, *question, error) {
	slot := live.shell
	select {
	case slot.gate <- struct{}{}:
		defer func() { <-slot.gate }()
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	case <-live.done:
		return nil, nil, live.unlessSuperseded(live.broken(nil))
	}
	if worker := slot.current(); worker != nil {
		if asked, err := worker.ask(script); err == nil {
			return worker, asked, nil
		}
		slot.drop(worker)
	}
	worker := &shell{marker: newMarker(), more: make(chan struct{}, 1)}
	asked, err := worker.ask(script)
	if err != nil {
		return nil, nil, err
	}
	// Before sshd has started the program it takes no input for it (the channel's
	// window is 0), which is a round trip: so the first question comes with the
	// program, and the shell reads what follows. Where sudo wants a password first
	// that is input, too, and a wrong one is followed by what sudo takes for others.
	begin, preface := greeting(worker.marker)+string(worker.pending), h.preface()
	program := launch(begin + "exec sh\n")
	worker.pending = nil
	if preface != "" || len(program) > longestProgram {
		program, worker.pending = "sh", []byte(preface+begin)
	}
	if worker.session, err = h.start(ctx, live, h.program(program)); err != nil {
		return nil, nil, err
	}
	slot.mu.Lock()
	slot.live = worker
	slot.mu.Unlock()
	go worker.write()
	go worker.serve(slot)
	return worker, asked, nil
}

// longestProgram is what surely fits into one argument on Linux, in bytes: the
// limit is 128 KiB (MAX_ARG_STRLEN, execve(2)).
const longestProgram = 96 << 10

// makeRoom lets the shared shell end, where sshd gives only one session.
func (c *connection) makeRoom() {
	if !c.slots.crowded() {
		return
	}
	if worker := c.shell.current(); worker != nil {
		c.shell.drop(worker)
		worker.leave()
	}
}

// retire puts a shell aside whose caller gave up. When its command is the one
// that runs, the shell is over for all, so that nobody waits behind it: those
// that wait ask another, and this one ends when it has nobody to answer to.
func (slot *shellSlot) retire(worker *shell, abandoned *question) {
	slot.drop(worker)
	worker.mu.Lock()
	running := len(worker.queue) > 0 && worker.queue[0] == abandoned
	worker.mu.Unlock()
	if running {
		worker.session.abandon()
		worker.end(true, ran{})
		return
	}
	worker.leave()
}

func (slot *shellSlot) current() *shell {
	slot.mu.Lock()
	defer slot.mu.Unlock()
	return slot.live
}

func (slot *shellSlot) drop(worker *shell) {
	slot.mu.Lock()
	defer slot.mu.Unlock()
	if slot.live == worker {
		slot.live = nil
	}
}
