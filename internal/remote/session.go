// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflog"
	"golang.org/x/crypto/ssh"
)

// Run runs one script as root: short questions on the shared shell, the others on
// a session of their own.
func (h *host) Run(ctx context.Context, command Command) (Result, error) {
	if err := h.mayDo(command.Reads, command.Name); err != nil {
		return Result{}, err
	}
	if command.Program == "" {
		if err := h.mayAsk(command.Name); err != nil {
			return Result{}, err
		}
	}
	live, err := h.connection(ctx)
	if err != nil {
		return Result{}, err
	}
	h.counters.requests.Add(1)
	start := time.Now()
	result, err := h.runOn(ctx, live, command)
	for try := 1; errors.Is(err, errFull) && try <= others; try++ {
		// Nothing of it has begun.
		if live, err = h.another(ctx, live); err == nil {
			result, err = h.runOn(ctx, live, command)
		}
	}
	err = h.explain(err)
	tflog.Debug(ctx, "ran a command", map[string]any{
		"host": h.target.Address(), "command": command.Name, "took": time.Since(start).String(),
		"exit_code": result.ExitCode, "bytes": len(result.Stdout),
	})
	if err != nil {
		return result, fmt.Errorf("%s: %w", command.Name, err)
	}
	if result.ExitCode != 0 {
		return result, &CommandError{Host: h.target.Address(), Name: command.Name, ExitCode: result.ExitCode, Stderr: string(result.Stderr)}
	}
	return result, nil
}

// others is how many other connections are tried where one gives no session: two,
// since the first may be one that others fill.
const others = 2

// explain says what it means that no connection gives a session.
func (h *host) explain(err error) error {
	if !errors.Is(err, errFull) {
		return err
	}
	return &Error{Kind: ErrSession, Address: h.target.Address(), Detail: "it refuses even a single session: MaxSessions in its sshd_config must be 1 or more"}
}

// runOn chooses where a command runs. What changes something does not share the
// shell: there another's end may leave it open whether a command began, and a
// question can be asked twice.
func (h *host) runOn(ctx context.Context, live *connection, command Command) (Result, error) {
	if command.Program != "" {
		return h.runProgram(ctx, live, command.Program)
	}
	if command.Reads && command.Stdin == nil && !command.Long {
		return h.runInShell(ctx, live, command)
	}
	return h.runInSession(ctx, live, command)
}

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

// runInSession streams the command over a session of its own.
func (h *host) runInSession(ctx context.Context, live *connection, command Command) (Result, error) {
	marker := newMarker()
	running, err := h.start(ctx, live, h.program(launch(greeting(marker)+command.Script)))
	if err != nil {
		return Result{}, err
	}
	result := make(chan ran, 1)
	go func() { result <- running.collect() }()
	go h.feed(running, command.Stdin)
	var got ran
	select {
	case got = <-result:
		running.end()
	case <-ctx.Done():
		running.abandon()
		return Result{}, ctx.Err()
	case <-live.done:
		// What came before the end counts, as when a machine goes down.
		select {
		case got = <-result:
		case <-time.After(time.Second):
		}
		running.release()
	}
	stdout, began := after(got.stdout, marker)
	switch {
	case !got.ended:
		return Result{}, h.cut(ctx, live)
	case !began:
		return Result{}, h.notBegun(got)
	}
	stderr, _ := after(got.stderr, marker)
	return Result{Stdout: stdout, Stderr: stderr, ExitCode: got.code}, nil
}

// runProgram runs a program as the login user, and gives all that it said.
func (h *host) runProgram(ctx context.Context, live *connection, program string) (Result, error) {
	running, err := h.start(ctx, live, program)
	if err != nil {
		return Result{}, err
	}
	_ = running.CloseWrite()
	result := make(chan ran, 1)
	go func() { result <- running.collect() }()
	select {
	case got := <-result:
		running.end()
		if !got.ended {
			return Result{}, h.cut(ctx, live)
		}
		return Result{Stdout: got.stdout, Stderr: got.stderr, ExitCode: got.code}, nil
	case <-ctx.Done():
		running.abandon()
		return Result{}, ctx.Err()
	case <-live.done:
		running.release()
		return Result{}, h.cut(ctx, live)
	}
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

// cut says why a session went away without an exit code: mostly the connection
// broke, and if it did not, sshd has ended the session.
func (h *host) cut(ctx context.Context, live *connection) error {
	if err := live.alive(ctx, h.pool.options.DialTimeout); err != nil {
		return err
	}
	return &Error{Kind: ErrSession, Address: live.address, Detail: "it ended the session while the command ran, and the connection stands"}
}

// notBegun says why nothing of a command ran.
func (h *host) notBegun(got ran) error {
	user := h.target.Login()
	said := strings.TrimSpace(string(got.stderr))
	if user != "root" && strings.Contains(said, "sudo") {
		return &Error{Kind: ErrPrivilege, Address: h.target.Address(), Detail: fmt.Sprintf("sudo for user %s: %s", user, end(said))}
	}
	said = strings.TrimSpace(string(got.stdout) + "\n" + said)
	return &Error{Kind: ErrSession, Address: h.target.Address(), Detail: fmt.Sprintf(
		"the login shell of user %s ended with exit code %d before the command began; it said %q", user, got.code, end(said))}
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
