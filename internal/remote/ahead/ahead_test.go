// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package ahead

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// shell is a host whose scripts run in a real sh here, and counts the trips.
type shell struct {
	remote.Host
	mu    sync.Mutex
	trips int
	// program is what stands on the host for those who may run nothing else.
	program string
}

func (s *shell) Target() remote.Target { return remote.Target{Host: "h"} }

func (s *shell) Run(ctx context.Context, command remote.Command) (remote.Result, error) {
	s.mu.Lock()
	s.trips++
	s.mu.Unlock()
	script := command.Script
	if command.Program != "" {
		script = s.program
	}
	program := exec.CommandContext(ctx, "sh", "-c", script)
	var stdout, stderr bytes.Buffer
	program.Stdout, program.Stderr = &stdout, &stderr
	err := program.Run()
	result := remote.Result{Stdout: stdout.Bytes(), Stderr: stderr.Bytes(), ExitCode: program.ProcessState.ExitCode()}
	if err != nil {
		err = &remote.CommandError{Host: "h", Name: command.Name, ExitCode: result.ExitCode, Stderr: stderr.String()}
	}
	return result, err
}

func (s *shell) Dial(context.Context, remote.Endpoint) (net.Conn, error) {
	return nil, errors.New("nothing listens")
}

// pool has one host.
type pool struct{ shell *shell }

func (p pool) Host(remote.Target) remote.Host { return p.shell }

func question(name, script string) remote.Command {
	return remote.Command{Name: name, Question: name, Reads: true, Script: script}
}

// process is a provider process that works with the host.
func process(t *testing.T, on *shell) (remote.Host, func(command remote.Command) string) {
	t.Helper()
	host := New(pool{on}, Options{}).Host(remote.Target{Host: "h"})
	return host, func(command remote.Command) string {
		t.Helper()
		result, err := host.Run(t.Context(), command)
		if err != nil {
			t.Fatalf("%s: %v", command.Name, err)
		}
		return string(result.Stdout)
	}
}

func keepHere(t *testing.T) {
	t.Helper()
	before := directory
	directory = filepath.Join(t.TempDir(), "questions")
	t.Cleanup(func() { directory = before })
}

func TestLaterQuestionsComeWithTheFirst(t *testing.T) {
	keepHere(t)
	on, file := &shell{}, filepath.Join(t.TempDir(), "value")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("one")
	first, second, third := question("a/1", "echo first"), question("b/2", "cat "+file), question("c", "printf 'x\\ny'; exit 0")

	// An apply changes something and reads it back.
	_, run := process(t, on)
	run(remote.Command{Name: "change", Script: ":"})
	for _, one := range []remote.Command{first, second, third} {
		run(one)
	}
	if mode, err := os.Stat(directory); err != nil || mode.Mode().Perm() != 0o700 {
		t.Fatalf("the directory of the questions: %v %v", mode, err)
	}

	// The next plan asks once.
	on.trips = 0
	_, run = process(t, on)
	if got := run(first) + run(third) + run(second); got != "first\nx\nyone" {
		t.Errorf("the answers are %q", got)
	}
	if on.trips != 1 {
		t.Errorf("%d trips for three questions", on.trips)
	}
	// Who asks again wants to know what it is now.
	write("two")
	if got := run(second); got != "two" || on.trips != 2 {
		t.Errorf("asked again: %q after %d trips", got, on.trips)
	}
}

// What an answer says of the present is of when it was given, however late somebody
// asks for it.
func TestAnswersTellWhenTheyCame(t *testing.T) {
	keepHere(t)
	on := &shell{}
	clock := question("b", "date +%s%N")
	_, run := process(t, on)
	run(remote.Command{Name: "change", Script: ":"})
	run(clock)

	host, run := process(t, on)
	begun := time.Now()
	run(question("a", "echo a"))
	came := time.Now()
	time.Sleep(10 * time.Millisecond) // so that a time of its own would be later
	result, err := host.Run(t.Context(), clock)
	if err != nil {
		t.Fatal(err)
	}
	told, err := strconv.ParseInt(strings.TrimSpace(string(result.Stdout)), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if now := time.Unix(0, told); result.Asked.Before(begun) || result.Came.After(came) || now.Before(result.Asked) || now.After(result.Came) {
		t.Errorf("asked at %s, came at %s, and is of %s; the first question was under way from %s to %s", result.Asked, result.Came, now, begun, came)
	}
}

func TestNoAnswerFromBeforeAChange(t *testing.T) {
	keepHere(t)
	on, file := &shell{}, filepath.Join(t.TempDir(), "value")
	read, other := question("b", "cat "+file+" 2>/dev/null || :"), question("a", "echo a")
	_, run := process(t, on)
	run(remote.Command{Name: "change", Script: ":"})
	run(read)
	run(other)

	hosts := New(pool{on}, Options{})
	host := hosts.Host(remote.Target{Host: "h"})
	ask := func(command remote.Command) string {
		result, err := host.Run(t.Context(), command)
		if err != nil {
			t.Fatal(err)
		}
		return string(result.Stdout)
	}
	ask(other) // brings the answer to read: nothing is there
	ask(remote.Command{Name: "change", Script: "echo new >" + file})
	if got := ask(read); got != "new\n" {
		t.Errorf("after a change: %q", got)
	}

	// A connection that may change something ends it as well, on every host.
	hosts = New(pool{on}, Options{})
	host = hosts.Host(remote.Target{Host: "h"})
	ask(other)
	if _, err := hosts.Host(remote.Target{Host: "elsewhere"}).Dial(t.Context(), remote.Endpoint{Network: "unix", Address: "/s"}); err == nil {
		t.Fatal("the test's host has no sockets")
	}
	if err := os.WriteFile(file, []byte("by hand"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := ask(read); got != "by hand" {
		t.Errorf("after a connection: %q", got)
	}
}

func TestOldAnswersAreAskedAgain(t *testing.T) {
	keepHere(t)
	on := &shell{}
	_, run := process(t, on)
	run(remote.Command{Name: "change", Script: ":"})
	run(question("b", "echo b"))
	host, run := process(t, on)
	run(question("a", "echo a"))
	age(host, fresh+time.Second)
	on.trips = 0
	if got := run(question("b", "echo b")); got != "b\n" || on.trips != 1 {
		t.Errorf("%q after %d trips", got, on.trips)
	}
}

// age makes the answers older than they are.
func age(on remote.Host, by time.Duration) {
	if wrapped, ok := on.(*host); ok {
		wrapped.machine.at = wrapped.machine.at.Add(-by)
	}
}

func answersOf(on remote.Host) map[string]answer {
	if wrapped, ok := on.(*host); ok {
		return wrapped.machine.ahead.answers
	}
	return nil
}

// What is kept and fails, hangs or differs is asked by whom it concerns; a
// failure of one's own is one's own, with its standard error.
func TestKeptQuestionsThatDoNotAnswer(t *testing.T) {
	keepHere(t)
	patience = 1
	t.Cleanup(func() { patience = 10 })
	on := &shell{}
	for name, script := range map[string]string{"fails": "echo half; exit 3", "garbled": "printf '\\000\\377kept own\\n'", "hangs": "echo half; sleep 60; echo whole"} {
		if err := os.MkdirAll(directory, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(File(name), []byte(script), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	host, run := process(t, on)
	if got := run(question("own", "echo mine")); got != "mine\n" {
		t.Errorf("the first answer is %q", got)
	}
	_, err := host.Run(t.Context(), question("fails", "echo half; exit 3"))
	var command *remote.CommandError
	if !errors.As(err, &command) || command.ExitCode != 3 {
		t.Errorf("a question that fails: %v", err)
	}
	if got := run(question("garbled", "printf '\\000\\377kept own\\n'")); got != "\x00\xffkept own\n" {
		t.Errorf("bytes come back as %q", got)
	}
	for _, left := range answersOf(host) {
		if left.code == 0 {
			t.Errorf("an answer is left: %v", left)
		}
	}
	host, _ = process(t, on)
	if _, err = host.Run(t.Context(), question("own", "echo why >&2; exit 4")); !errors.As(err, &command) || command.ExitCode != 4 || !strings.Contains(command.Stderr, "why") {
		t.Errorf("the first question fails: %v", err)
	}
	if _, _, err := parseFirst("kept a b\nown Zm9v"); err == nil {
		t.Error("an answer that was cut is taken")
	}
}

func TestReadOnlyLeavesNothing(t *testing.T) {
	keepHere(t)
	on := &shell{}
	hosts := New(pool{on}, Options{ReadOnly: true})
	hosts.changed.Store(true)
	if _, err := hosts.Host(remote.Target{}).Run(t.Context(), question("a", "echo a")); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(directory); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a question was kept: %v", err)
	}
}
