// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package remote

import (
	"errors"
	"fmt"
	"net"
	"strings"
)

// The classes of failure. Every error of this package that is not the
// caller's own cancellation is one of these (errors.Is) or a *CommandError.
// None of them ever means "the thing does not exist".
var (
	// ErrUnreachable: no connection could be had, or it broke.
	ErrUnreachable = errors.New("host is unreachable")
	// ErrLost: the provider block declares the host lost, so it was not tried.
	ErrLost = errors.New("host is declared lost")
	// ErrAuthentication: sshd refused the key.
	ErrAuthentication = errors.New("authentication refused")
	// ErrHostKeyUnknown: the target gives no host key.
	ErrHostKeyUnknown = errors.New("host key is not known")
	// ErrHostKeyMismatch: the host shows another key than the pinned one.
	ErrHostKeyMismatch = errors.New("host key has changed")
	// ErrPrivilege: the login user may not become root.
	ErrPrivilege = errors.New("cannot become root")
	// ErrForward: the host is well, and a socket or port on its side cannot be
	// opened from it: nothing listens there, or its sshd forbids forwarding.
	ErrForward = errors.New("the other end cannot be opened")
	// ErrSession: sshd lets us in and runs no command: it gives no session, or the
	// login shell ends.
	ErrSession = errors.New("sshd runs no command for us")
	// ErrMute: the host is well, and what was asked there runs and does not answer.
	ErrMute = errors.New("it runs and does not answer")
	// ErrRefused: the host is well, and what was asked there runs and answers with an
	// error of its own.
	ErrRefused = errors.New("it runs and refuses to answer")
	// ErrDenied: an ErrRefused that lets nobody in as whom Atoll comes. What mends it stands
	// in the error.
	ErrDenied error = deniedError{}
	// ErrReadOnly: the pool is open for reading only, and this would change
	// something. Nothing was sent.
	ErrReadOnly = errors.New("may only be read")
	// ErrConfiguration: the target or the pool's keys make no sense.
	ErrConfiguration = errors.New("connection is not configured")
)

// MuteCode is the exit code by which the script of a question says ErrMute. What it says
// on standard error stands in the error.
const MuteCode = 75

// RefusedCode is the one that says ErrRefused.
const RefusedCode = 76

// DeniedCode is the one that says ErrDenied.
const DeniedCode = 77

type deniedError struct{}

func (deniedError) Error() string { return ErrRefused.Error() }
func (deniedError) Unwrap() error { return ErrRefused }

// refusedError is how a host is unreachable that is there: it is an ErrUnreachable in
// all but its words, which would say both that it answers and that it does not.
type refusedError struct{}

func (refusedError) Error() string { return "connection refused" }
func (refusedError) Unwrap() error { return ErrUnreachable }

// refused says of a port that nothing listens on where the other one is declared. from
// is the jump host that tried, "" for this machine.
func refused(address, from string) *Error {
	_, port, _ := net.SplitHostPort(address) // it was dialled
	detail := "the machine answers, and nothing listens on port " + port
	if from != "" {
		detail += " for " + from
	}
	return &Error{Kind: refusedError{}, Address: address, Detail: detail + ". Is its sshd at another port? Give that as ssh.port. Or it is still booting"}
}

// Error is a failure of the connection to one host.
type Error struct {
	// Kind is one of the sentinels above, or wraps one.
	Kind error
	// Address is "host:port" of the hop that failed.
	Address string
	// Detail says what happened and, where there is one, the way out.
	Detail string
	// Shown is the key that a host showed and that was refused, in
	// authorized_keys form; "" where it is not about a key.
	Shown string
	// Err is the cause; may be nil.
	Err error
}

// Error gives the address, the class and the detail in one line.
func (e *Error) Error() string {
	verb := "connect"
	switch {
	case errors.Is(e.Kind, ErrForward):
		verb = "forward from"
	case errors.Is(e.Kind, ErrSession), errors.Is(e.Kind, ErrReadOnly):
		verb = "use"
	}
	text := fmt.Sprintf("%s %s: %s", verb, e.Address, e.Kind)
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap lets errors.Is see the class and the cause.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Err}
}

// CommandError is a script that ran on the host and ended with a non-zero
// exit code. The connection is fine.
type CommandError struct {
	// Host is the address of the machine, Name the command's name.
	Host, Name string
	ExitCode   int
	// Stderr is what the script wrote to standard error, whole.
	Stderr string
}

// stderrShown is how much of the standard error the message quotes, in bytes.
const stderrShown = 600

// end is what a message quotes of what was said: the cause stands last there.
func end(text string) string {
	text = strings.TrimSpace(text)
	if len(text) > stderrShown {
		text = "…" + text[len(text)-stderrShown:]
	}
	return text
}

// Error quotes the end of the standard error.
func (e *CommandError) Error() string {
	text := end(e.Stderr)
	if text == "" {
		text = "no output on standard error"
	}
	return fmt.Sprintf("%s on %s: exit code %d: %s", e.Name, e.Host, e.ExitCode, text)
}
