// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflog"
	"golang.org/x/crypto/ssh"
)

// Run runs one script as root: short ones on the shared shell, the others on a
// session of their own.
func (h *host) Run(ctx context.Context, command Command) (Result, error) {
	if err := h.mayDo(command.Reads, command.Name); err != nil {
		return Result{}, err
	}
	live, err := h.connection(ctx)
	if err != nil {
		return Result{}, err
	}
	h.counters.requests.Add(1)
	start := time.Now()
	var result Result
	if command.Stdin == nil && !command.Long {
		result, err = h.runInShell(ctx, live, command)
	} else {
		result, err = h.runInSession(ctx, live, command)
	}
	tflog.Debug(ctx, "ran a command", map[string]any{
		"host": h.target.Address(), "command": command.Name, "took": time.Since(start).String(),
		"exit_code": result.ExitCode, "bytes": len(result.Stdout),
	})
	if err != nil {
		return result, fmt.Errorf("%s: %w", command.Name, err)
	}
	return h.judge(command, result)
}

// judge turns a non-zero exit code into an error.
func (h *host) judge(command Command, result Result) (Result, error) {
	if result.ExitCode == 0 {
		return result, nil
	}
	if h.target.Login() != "root" && refusedBySudo(result) {
		return result, &Error{Kind: ErrPrivilege, Address: h.target.Address(), Detail: fmt.Sprintf(
			"sudo for user %s: %s", h.target.Login(), bytes.TrimSpace(result.Stderr))}
	}
	return result, &CommandError{Host: h.target.Address(), Name: command.Name, ExitCode: result.ExitCode, Stderr: string(result.Stderr)}
}

// open takes a session channel and starts program on it without waiting for
// sshd's word: what it refuses shows as an ended channel.
func (h *host) open(ctx context.Context, live *connection, program string) (ssh.Channel, <-chan *ssh.Request, func(), error) {
	select {
	case live.sessions <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, nil, ctx.Err()
	case <-live.done:
		return nil, nil, nil, live.broken(nil)
	}
	release := sync.OnceFunc(func() { <-live.sessions })
	channel, requests, err := live.client.OpenChannel("session", nil)
	if err != nil {
		release()
		return nil, nil, nil, live.broken(err)
	}
	h.counters.channels.Add(1)
	if _, err := channel.SendRequest("exec", false, ssh.Marshal(struct{ Command string }{program})); err != nil {
		release()
		return nil, nil, nil, live.broken(errors.Join(err, channel.Close()))
	}
	return channel, requests, release, nil
}

// runInSession streams the command over a channel of its own.
func (h *host) runInSession(ctx context.Context, live *connection, command Command) (Result, error) {
	program := h.program("sh -c " + Quote(command.Script))
	channel, requests, release, err := h.open(ctx, live, program)
	if err != nil {
		return Result{}, err
	}
	defer release()
	stop := context.AfterFunc(ctx, func() {
		// The signal ends the script, the close everything that it left.
		_, _ = channel.SendRequest("signal", false, ssh.Marshal(struct{ Name string }{"TERM"}))
		_ = channel.Close()
	})
	defer stop()
	defer func() { _ = channel.Close() }()
	go h.feed(channel, command.Stdin)

	var stdout, stderr bytes.Buffer
	var readers sync.WaitGroup
	readers.Go(func() { _, _ = io.Copy(&stdout, channel) })
	readers.Go(func() { _, _ = io.Copy(&stderr, channel.Stderr()) })
	code, ended := exitCode(requests)
	readers.Wait()
	result := Result{Stdout: stdout.Bytes(), Stderr: stderr.Bytes(), ExitCode: code}
	switch {
	case ctx.Err() != nil:
		return result, ctx.Err()
	case !ended:
		return result, live.broken(nil)
	}
	return result, nil
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
