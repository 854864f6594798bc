// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package group

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// client stands in for MySQL's: a named lock of a server is one of a file, and
// a server that refuses says so.
const client = `#!/bin/bash
host=self
all=$*
case $all in *member_state*) host=${all#*member_host = \'}; [ ! -e "$ATOLL_LOCKS/${host%%\'*}.gone" ]; echo $((1 - $?)); exit 0 ;; esac
for argument in "$@"; do case $argument in --host=*) host=${argument#--host=} ;; -e) printf 'recovery\tsecret\n'; exit 0 ;; esac; done
if [ "$host" != self ]; then for argument in "$@"; do case $argument in --defaults-file=*) grep -q 'password="secret"' "${argument#*=}" || exit 1 ;; esac; done; fi
[ "$host" = self ] && host=$ATOLL_SELF
[ ! -e "$ATOLL_LOCKS/$host.refuses" ] || { echo "ERROR 1045 (28000): Access denied"; exit 1; }
read -r _; read -r _
exec 9>"$ATOLL_LOCKS/$host"
flock 9
echo 1
cat >/dev/null
`

type turnTest struct {
	*testing.T
	locks, programs string
	// holder is who takes the turn.
	holder string
}

// take runs the script as one member's machine would; end closes its input.
func (f turnTest) take(self string) (status func() string, end func(), ended <-chan struct{}) {
	f.Helper()
	v := view("ONLINE", "ONLINE", "ONLINE")
	v.Self = self
	directory := filepath.Join(f.TempDir(), "run", "turn")
	process := exec.Command("sh", "-c", v.turnCommand(directory, "atoll.turn.g", f.holder))
	process.Env = append(os.Environ(), "PATH="+f.programs+":"+os.Getenv("PATH"), "ATOLL_LOCKS="+f.locks, "ATOLL_SELF=10.0.0."+string(rune('1'+self[0]-'a')))
	stdin, writer := io.Pipe()
	process.Stdin = stdin
	if err := process.Start(); err != nil {
		f.Fatal(err)
	}
	done := make(chan struct{})
	go func() { _ = process.Wait(); close(done) }()
	go keepAlive(writer, done)
	end = func() { _ = writer.Close(); <-done }
	f.Cleanup(end)
	return func() string {
		said, _ := os.ReadFile(filepath.Join(directory, "status"))
		return strings.TrimSpace(string(said))
	}, end, done
}

func (f turnTest) eventually(want string, status func() string) {
	f.Helper()
	for ctx, deadline := f.Context(), time.Now().Add(time.Minute); status() != want; {
		if ctx.Err() != nil || time.Now().After(deadline) {
			f.Fatalf("it says %q, want %q", status(), want)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func newTurnTest(t *testing.T) turnTest {
	t.Helper()
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("needs bash: ", err)
	}
	f := turnTest{t, t.TempDir(), t.TempDir(), "testing"}
	if err := os.WriteFile(filepath.Join(f.programs, "mysql"), []byte(client), 0o755); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestTurnEndsWithItsHolder(t *testing.T) {
	f := newTurnTest(t)
	first, end, _ := f.take("b")
	f.eventually("held 3 of 3", first)
	second, _, _ := f.take("c")
	f.eventually("waiting 10.0.0.1:3306", second)
	end()
	f.eventually("held 3 of 3", second)
}

func TestTurnNeedsMoreThanHalf(t *testing.T) {
	f := newTurnTest(t)
	// More than a pipe holds: a client that is refused has ended before it read that.
	f.holder = strings.Repeat("x", 100_000)
	refuse := func(host string) {
		if err := os.WriteFile(filepath.Join(f.locks, host+".refuses"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	refuse("10.0.0.1")
	two, end, _ := f.take("b")
	f.eventually("held 2 of 3", two)
	end()
	refuse("10.0.0.3")
	one, _, _ := f.take("b")
	f.eventually("failed 1 of 3: 10.0.0.1:3306: ERROR 1045 (28000): Access denied; 10.0.0.3:3306: ERROR 1045 (28000): Access denied", one)
}

// A member that loses its power while others wait there says nothing for ever. When
// the group has lost it, the turn is taken from the others.
func TestTurnOfASilentMember(t *testing.T) {
	f := newTurnTest(t)
	silent := exec.Command("flock", filepath.Join(f.locks, "10.0.0.1"), "cat")
	input, err := silent.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := silent.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = input.Close(); _ = silent.Wait() }()
	status, _, _ := f.take("b")
	f.eventually("waiting 10.0.0.1:3306", status)
	time.Sleep(4 * time.Second)
	if said := status(); said != "waiting 10.0.0.1:3306" {
		t.Errorf("while the group has it: %s", said)
	}
	if err := os.WriteFile(filepath.Join(f.locks, "10.0.0.1.gone"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	f.eventually("held 2 of 3", status)
}

// Holders that gave up without a word leave nobody waiting.
func TestAbandonedTurn(t *testing.T) {
	f := newTurnTest(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	first, _, ended := f.take("a")
	f.eventually("held 3 of 3", first)
	// One lock may go, as that of a member that is restarted; with the second
	// one another holder could have the majority, so the turn is given up.
	kill := exec.CommandContext(ctx, "sh", "-c", `fuser -s -k "$0" 2>/dev/null || for p in /proc/[0-9]*; do ls -l $p/fd 2>/dev/null | grep -q "$0\$" && kill ${p#/proc/}; done; :`, filepath.Join(f.locks, "10.0.0.1"))
	if err := kill.Run(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
		t.Fatal("it gave the turn up with two of three locks")
	case <-time.After(2 * time.Second):
	}
	kill = exec.CommandContext(ctx, "sh", "-c", kill.Args[2], filepath.Join(f.locks, "10.0.0.2"))
	if err := kill.Run(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-ctx.Done():
		t.Error("it keeps a turn that it has not")
	}
}
