// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package converge

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Question is a read-only script and how its answer is read. An answer that is
// missing, was cut, cannot be read or comes from a script that failed is an
// error and never a value: silence says nothing about the thing asked for.
type Question[T any] struct {
	// Name says in a few words what is asked for ("the node's public key"); in
	// one manifest each question has a name of its own.
	Name string
	// Script is run by a POSIX sh without standard input and has to exit 0. What
	// is not there it says in words of its own.
	Script string
	// Asker names who asks this at every refresh, when it is asked alone: its
	// answer then comes along with the host's first, see package ahead. An owner's
	// name, or one that begins with it and a dot, so that it goes with the owner.
	// "" keeps it to this once.
	Asker string
	// Read makes a value of the output. It refuses an output that lacks
	// something: a script whose end could be missed ends with a mark of its own.
	Read func(output string) (T, error)
}

// ErrNoAnswer is in every error of a question that has no value.
var ErrNoAnswer = errors.New("there is no answer to go by")

// unanswered is what a script says by its exit code alone.
var unanswered = map[int]error{remote.MuteCode: remote.ErrMute, remote.RefusedCode: remote.ErrRefused, remote.DeniedCode: remote.ErrDenied}

// errorsOfAnswers are those of an answer that came whole and is none: they say it
// themselves.
var errorsOfAnswers = []error{remote.ErrMute, remote.ErrRefused, ErrNoAnswer}

// cameWhole says whether an error is of an answer that came.
func cameWhole(err error) bool {
	return slices.ContainsFunc(errorsOfAnswers, func(kind error) bool { return errors.Is(err, kind) })
}

// Asked is a question, whatever its type.
type Asked interface {
	Item
	name() string
	script() string
}

func (q Question[T]) name() string   { return q.Name }
func (q Question[T]) script() string { return q.Script }

func (Question[T]) kind() engine { return questionKind }

// questionKind finds what the script left, good or bad: whoever needs the answer
// meets its error then.
var questionKind = &kind[Asked, reply]{
	name: "question", function: "question", shell: questionShell,
	arguments: func(q Asked) []string { return []string{q.script()} },
	read:      func(_ Asked, words []string) (reply, error) { return readReply(words) },
}

// questionShell gives output, exit code and complaint as one text, so that
// nothing in them can be taken for ours.
const questionShell = `
question() { # index script
  printf '%s .%s\n' "$1" "$({
    said=$( (eval "$2") </dev/null 2>&1 >&3 3>&-)
    printf '\n%d .%s' $? "$(printf %s "$said" | tail -c 600 | base64 -w0)" >&3
  } 3>&1 | base64 -w0)"
}
`

// Answer reads the answer that came with the observation of a manifest which
// asks the question.
func (q Question[T]) Answer(o Observation) (T, error) {
	for number, item := range o.items {
		asked, is := item.(Asked)
		if !is || asked.name() != q.Name || number >= len(o.states) {
			continue
		}
		if got, is := o.states[number].(reply); is {
			value, err := q.read(got)
			if err != nil {
				err = fmt.Errorf("%s: %w", o.host, err)
			}
			return value, err
		}
	}
	var none T
	return none, fmt.Errorf("asking for %s: %w: it was not asked", q.Name, ErrNoAnswer)
}

func (q Question[T]) read(got reply) (T, error) {
	var none T
	if kind := unanswered[got.exitCode]; kind != nil {
		return none, fmt.Errorf("asking for %s: %w: %s", q.Name, kind, strings.TrimSpace(got.stderr))
	}
	if got.exitCode != 0 {
		return none, fmt.Errorf("asking for %s: %w: exit code %d: %s", q.Name, ErrNoAnswer, got.exitCode, cmp.Or(strings.TrimSpace(got.stderr), "no output on standard error"))
	}
	value, err := q.Read(got.output)
	if err != nil {
		return none, fmt.Errorf("asking for %s: %w: %w", q.Name, ErrNoAnswer, err)
	}
	return value, nil
}

// Ask asks one question alone: one round trip.
func Ask[T any](ctx context.Context, host remote.Host, q Question[T]) (T, error) {
	var none T
	result, err := host.Run(ctx, remote.Command{Name: "asking for " + q.Name, Script: q.Script, Reads: true, Question: q.Asker})
	var failed *remote.CommandError
	switch {
	case errors.As(err, &failed) && unanswered[failed.ExitCode] != nil:
		_, err = q.read(reply{exitCode: failed.ExitCode, stderr: failed.Stderr})
		return none, fmt.Errorf("%s: %w", host.Target().Host, err)
	case errors.As(err, &failed):
		return none, fmt.Errorf("%w: %w", ErrNoAnswer, err)
	}
	if err != nil {
		return none, err
	}
	value, err := q.read(reply{output: string(result.Stdout)})
	if err != nil {
		err = fmt.Errorf("%s: %w", host.Target().Host, err)
	}
	return value, err
}

// reply is what a script left on the host.
type reply struct {
	output, stderr string
	exitCode       int
}

// readReply reads what the host's function question prints: the output and a
// last line with the exit code and what was said on standard error.
func readReply(fields []string) (reply, error) {
	text, err := decodeText(strings.Join(fields, " "))
	if err != nil {
		return reply{}, err
	}
	cut := strings.LastIndexByte(text, '\n')
	end := strings.Fields(text[cut+1:])
	if cut < 0 || len(end) != 2 {
		return reply{}, errNotWhole
	}
	code, err := strconv.Atoi(end[0])
	if err != nil || code < 0 {
		return reply{}, fmt.Errorf("an exit code of %q", end[0])
	}
	said, err := decodeText(end[1])
	return reply{text[:cut], said, code}, err
}

// decodeText reads base64 behind a dot, which stands for a text that may be empty.
func decodeText(field string) (string, error) {
	encoded, dotted := strings.CutPrefix(field, ".")
	if !dotted {
		return "", errors.New("a text without its beginning")
	}
	decoded, err := base64.StdEncoding.DecodeString(encoded)
	return string(decoded), err
}

// errNotWhole says that a reader missed something.
var errNotWhole = errors.New("the answer is not whole")

// Whole gives an output without the line by which a script says that it came to
// its end, and an error where that is missing.
func Whole(output string) (string, error) {
	body, whole := strings.CutSuffix(strings.TrimRight(output, "\n"), WholeMark)
	if !whole || body != "" && !strings.HasSuffix(body, "\n") {
		return "", errNotWhole
	}
	return body, nil
}

// WholeMark is the last line of scripts whose answers Whole reads.
const WholeMark = "-- that is all"
