// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package remote

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflog"
)

// others is how many other connections are tried where one gives no session: two,
// since the first may be one that others fill.
const others = 2

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
