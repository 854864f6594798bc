// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package remote

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// session is one program that sshd runs for us.
type session struct {
	ssh.Channel
	requests <-chan *ssh.Request
	release  func()
}

// end closes the session and gives its place to the next, in this order, which
// is the one that sshd sees.
func (s *session) end() {
	_ = s.Close()
	s.release()
}

// abandon lets go of what runs, without waiting for a line that may hold us.
func (s *session) abandon() {
	go func() {
		// The signal ends the script, but OpenSSH passes none on where root has
		// logged in: there it goes on until it writes to nobody.
		_, _ = s.SendRequest("signal", false, ssh.Marshal(struct{ Name string }{"TERM"}))
		s.end()
	}()
}

const (
	// refusals is how often a session is asked for when none is open: what just
	// ended may not have left sshd's count yet.
	refusals     = 5
	refusalPause = 50 * time.Millisecond
)

// start waits for a session and starts program on it.
func (h *host) start(ctx context.Context, live *connection, program string) (*session, error) {
	for try := 1; ; try++ {
		if err := live.slots.take(ctx, live); err != nil {
			return nil, live.unlessSuperseded(err)
		}
		started, alone, err := h.startNow(ctx, live, program, false)
		var refused *ssh.OpenChannelError
		if !errors.As(err, &refused) {
			return started, live.unlessSuperseded(err)
		}
		if alone && try >= refusals {
			return nil, errFull
		}
		if alone {
			if err := Pause(ctx, refusalPause<<(try-1)); err != nil {
				return nil, err
			}
		}
	}
}

// startNow starts program on a session that is taken, without waiting for sshd's
// word about the program: what it refuses shows as an ended channel. A refused
// session is given back; alone says that it was the only one.
func (h *host) startNow(ctx context.Context, live *connection, program string, bridge bool) (started *session, alone bool, err error) {
	got := live.open(ctx, "session", nil, func(error) { live.slots.give(bridge) })
	var refused *ssh.OpenChannelError
	switch {
	case got.late:
		return nil, false, got.err
	case errors.As(got.err, &refused):
		limit, alone := live.slots.refuse(bridge)
		h.sessions.Store(int64(limit))
		return nil, alone, got.err
	case got.err != nil:
		live.slots.give(bridge)
		return nil, false, got.err
	}
	channel := got.channel
	h.counters.channels.Add(1)
	started = &session{Channel: channel, requests: got.requests, release: sync.OnceFunc(func() {
		live.slots.give(bridge)
		h.dismiss(live)
	})}
	sent := make(chan error, 1)
	go func() {
		_, err := channel.SendRequest("exec", false, ssh.Marshal(struct{ Command string }{program}))
		sent <- err
	}()
	select {
	case err = <-sent:
		if err != nil {
			err = live.broken(err)
		}
	case <-ctx.Done():
		err = ctx.Err()
	case <-live.done:
		err = live.broken(nil)
	}
	if err != nil {
		go ssh.DiscardRequests(got.requests)
		started.abandon()
		return nil, false, err
	}
	return started, false, nil
}

// ran is how a program on a session ended.
type ran struct {
	stdout, stderr []byte
	code           int
	// ended is false when the session went away without an exit code.
	ended bool
}

// collect reads until the program has ended.
func (s *session) collect() ran {
	var stdout, stderr bytes.Buffer
	var readers sync.WaitGroup
	readers.Go(func() { _, _ = io.Copy(&stdout, s) })
	readers.Go(func() { _, _ = io.Copy(&stderr, s.Stderr()) })
	code, ended := exitCode(s.requests)
	readers.Wait()
	return ran{stdout: stdout.Bytes(), stderr: stderr.Bytes(), code: code, ended: ended}
}

// exitCode waits for the end of the program. ended is false when the channel
// went away without one, as it does when the connection breaks.
func exitCode(requests <-chan *ssh.Request) (code int, ended bool) {
	for request := range requests {
		switch request.Type {
		case "exit-status":
			var status struct{ Code uint32 }
			if ssh.Unmarshal(request.Payload, &status) == nil {
				code, ended = int(status.Code), true
			}
		case "exit-signal":
			var signal struct {
				Name       string
				CoreDumped bool
				Message    string
				Language   string
			}
			if ssh.Unmarshal(request.Payload, &signal) == nil {
				code, ended = 128, true
			}
		}
		if request.WantReply {
			_ = request.Reply(false, nil)
		}
	}
	return code, ended
}
