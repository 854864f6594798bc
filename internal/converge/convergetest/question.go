// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package convergetest tests what plugins hand to package converge.
package convergetest

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Says is a machine that answers every command with one output.
type Says struct {
	Output   string
	ExitCode int
}

// Target is an address that nobody has.
func (Says) Target() remote.Target { return remote.Target{Host: "203.0.113.1"} }

// Run gives the output, or the error of a command that failed.
func (s Says) Run(_ context.Context, command remote.Command) (remote.Result, error) {
	result := remote.Result{Stdout: []byte(s.Output), ExitCode: s.ExitCode}
	if s.ExitCode != 0 {
		return result, &remote.CommandError{Host: "203.0.113.1", Name: command.Name, ExitCode: s.ExitCode, Stderr: "the reason"}
	}
	return result, nil
}

// Dial has nothing to dial.
func (Says) Dial(context.Context, remote.Endpoint) (net.Conn, error) {
	return nil, errors.New("nothing to dial")
}

// Await finds the machine there.
func (Says) Await(context.Context, time.Duration) error { return nil }

// Prove is let in.
func (Says) Prove(context.Context) error { return nil }

// Exclusive waits for nobody.
func (Says) Exclusive(context.Context) (func(), error) { return func() {}, nil }

// FailsClosed proves that a question has a value for each good answer and an
// error for one that is missing, cut anywhere, garbled, or comes from a script
// that failed.
func FailsClosed[T any](t *testing.T, q converge.Question[T], good ...string) {
	t.Helper()
	fails := func(what string, machine Says) {
		t.Helper()
		if value, err := converge.Ask(t.Context(), machine, q); !errors.Is(err, converge.ErrNoAnswer) {
			t.Errorf("%s, %s: %+v, %v", q.Name, what, value, err)
		}
	}
	for _, output := range good {
		if _, err := converge.Ask(t.Context(), Says{Output: output}, q); err != nil {
			t.Errorf("%s: a good answer: %v", q.Name, err)
		}
		whole := strings.TrimRight(output, "\n")
		for end := range len(whole) {
			fails("cut after "+whole[:end], Says{Output: whole[:end]})
		}
		fails("exit code 1", Says{output, 1})
		fails("killed", Says{output, 137})
		fails("garbled", Says{Output: strings.Map(garble, output)})
		fails("with something else before it", Says{Output: "Segmentation fault\n" + output})
	}
	if _, err := q.Answer(converge.Observation{}); !errors.Is(err, converge.ErrNoAnswer) {
		t.Errorf("%s: not asked, and yet: %v", q.Name, err)
	}
}

// garble makes another letter of each.
func garble(r rune) rune {
	if r == '\n' || r == '\t' || r == ' ' {
		return r
	}
	return r ^ 1
}
