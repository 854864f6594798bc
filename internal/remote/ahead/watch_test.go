// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package ahead

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// watcher is a process of somebody who may run the one program.
func watcher(on *shell) remote.Host {
	return New(pool{on}, Options{ReadOnly: true, Watcher: true}).Host(remote.Target{Host: "h"})
}

func TestWatcherAsksWhatIsKept(t *testing.T) {
	keepHere(t)
	on, file := &shell{program: string(Answers())}, filepath.Join(t.TempDir(), "value")
	if err := os.WriteFile(file, []byte("one"), 0o600); err != nil {
		t.Fatal(err)
	}
	first, second, fails := question("a/1", "echo first"), question("b", "cat "+file), question("c", "exit 3")
	_, run := process(t, on)
	run(remote.Command{Name: "change", Script: ":"})
	run(first)
	run(second)
	if err := os.WriteFile(File("c"), []byte(fails.Script), 0o600); err != nil {
		t.Fatal(err)
	}

	on.trips = 0
	host := watcher(on)
	ask := func(command remote.Command) (string, error) {
		result, err := host.Run(t.Context(), command)
		return string(result.Stdout), err
	}
	for command, want := range map[string]string{first.Script: "first\n", second.Script: "one"} {
		if got, err := ask(question("x", command)); err != nil || got != want {
			t.Errorf("%q, %v", got, err)
		}
	}
	if _, err := ask(question("d", "cat /etc/shadow")); !errors.Is(err, remote.ErrPrivilege) || !strings.Contains(err.Error(), "not what was applied") {
		t.Errorf("what nobody has asked before: %v", err)
	}
	var failed *remote.CommandError
	if _, err := ask(fails); !errors.As(err, &failed) || failed.ExitCode != 3 {
		t.Errorf("a question that fails: %v", err)
	}
	// The second trip looked whether the unknown one has come meanwhile.
	if on.trips != 2 {
		t.Errorf("%d trips", on.trips)
	}
	// Who asks again wants to know what it is now.
	if err := os.WriteFile(file, []byte("two"), 0o600); err != nil {
		t.Fatal(err)
	}
	age(host, fresh+time.Second)
	if got, err := ask(second); err != nil || got != "two" {
		t.Errorf("asked again: %q, %v", got, err)
	}
}

// What does not come whole is no answer, and a sudo that refuses is said.
func TestWatcherFailsClosed(t *testing.T) {
	keepHere(t)
	for name, row := range map[string]struct {
		program, says string
		privilege     bool
	}{
		"cut":     {"echo 'kept a b c'", "not whole", false},
		"nothing": {"", "not whole", false},
		"sudo":    {"echo 'sudo: a password is required' >&2; exit 1", "a password is required", true},
	} {
		_, err := watcher(&shell{program: row.program}).Run(t.Context(), question("a", "echo a"))
		if err == nil || !strings.Contains(err.Error(), row.says) || errors.Is(err, remote.ErrPrivilege) != row.privilege {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A question that is new, or that another version of the provider has left, is kept
// by a plan as well; one of which this version has kept another form is not.
func TestPlanKeepsWhatIsNew(t *testing.T) {
	keepHere(t)
	on := &shell{}
	plan := func(version string, commands ...remote.Command) {
		t.Helper()
		host := New(pool{on}, Options{Version: version}).Host(remote.Target{Host: "h"})
		for _, command := range commands {
			if _, err := host.Run(t.Context(), command); err != nil {
				t.Fatal(err)
			}
		}
	}
	holds := func(asker, want string) {
		t.Helper()
		if got, err := os.ReadFile(File(asker)); err != nil || string(got) != want {
			t.Errorf("%s keeps %q, %v; want %q", asker, got, err, want)
		}
	}
	plan("1", question("a", "echo a"), question("b", "echo b"))
	holds("a", "echo a")
	holds("b", "echo b")
	plan("1", question("a", "echo planned"), question("b", "echo planned"))
	holds("a", "echo a")
	holds("b", "echo b")
	plan("2", question("a", "echo a2"), question("b", "echo b2"))
	holds("a", "echo a2")
	holds("b", "echo b2")
	// A machine on which nothing was ever applied stays as it is.
	directory = filepath.Join(t.TempDir(), "nothing", "questions")
	plan("2", question("a", "echo a"))
	if _, err := os.Stat(filepath.Dir(directory)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a plan has left something: %v", err)
	}
}
