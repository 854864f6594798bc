// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package converge

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// here runs scripts on this machine; stop ends one after that many bytes of
// standard input, as a cut line does.
type here struct {
	stop int
}

// turns is one for all, since every here is this machine.
var turns remote.Turns

func (h here) Target() remote.Target { return remote.Target{Host: "here"} }
func (h here) Dial(context.Context, remote.Endpoint) (net.Conn, error) {
	return nil, errors.New("nothing to dial")
}
func (h here) Await(ctx context.Context, _ time.Duration) error { return ctx.Err() }
func (h here) Prove(context.Context) error                      { return errors.New("nothing to log in to") }
func (h here) Exclusive(ctx context.Context) (func(), error)    { return turns.Take(ctx, "here") }

func (h here) Run(ctx context.Context, command remote.Command) (remote.Result, error) {
	process := exec.CommandContext(ctx, "sh", "-c", command.Script)
	var stdout, stderr bytes.Buffer
	process.Stdout, process.Stderr = &stdout, &stderr
	if command.Stdin != nil {
		var all bytes.Buffer
		if _, err := all.ReadFrom(command.Stdin); err != nil {
			return remote.Result{}, err
		}
		if h.stop > 0 && h.stop < all.Len() {
			all.Truncate(h.stop)
		}
		process.Stdin = &all
	}
	err := process.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return remote.Result{}, &remote.CommandError{Host: "here", Name: command.Name, ExitCode: exit.ExitCode(), Stderr: stderr.String()}
	}
	return remote.Result{Stdout: stdout.Bytes()}, err
}

// root skips where the real scripts cannot do their work.
func root(t *testing.T) {
	t.Helper()
	if current, err := user.Current(); err != nil || current.Uid != "0" {
		t.Skip("needs root: owners are set")
	}
}

func TestFileStep(t *testing.T) {
	root(t)
	content := "line\nwith 'quotes' and \x00 bytes, no end"
	path := filepath.Join(t.TempDir(), "it's a file")
	step := fileStep(File{Path: path, Mode: 0o640, Content: []byte(content)})
	if err := Apply(t.Context(), here{}, Manifest{Owner: "t"}, []Step{step, {Title: "behind", Script: "cat"}}); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != content {
		t.Errorf("got %q, %v", got, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// Wherever the stream ends, the file is the old one or the new one, and
// nothing else lies beside it.
func TestFileStepCutAnywhere(t *testing.T) {
	root(t)
	before, after := strings.Repeat("old", 50), strings.Repeat("new!", 60)
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	step := fileStep(File{Path: path, Mode: 0o644, Content: []byte(after)})
	length := len(applyScript("t", []Step{step})) + len(after)
	for _, stop := range []int{length - 1, length - 10, length - len(after), length - len(after) - 1, length / 2, 20} {
		if err := os.WriteFile(path, []byte(before), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := Apply(t.Context(), here{stop: stop}, Manifest{Owner: "t"}, []Step{step}); err == nil {
			t.Errorf("cut after %d of %d bytes: no error", stop, length)
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != before {
			t.Errorf("cut after %d of %d bytes: the file is now %q, %v", stop, length, got, err)
		}
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) != 1 {
			t.Errorf("cut after %d of %d bytes: %d entries lie there, %v", stop, length, len(entries), err)
		}
	}
}

func TestFailedStepNamesItself(t *testing.T) {
	root(t)
	steps := []Step{{Title: "begin", Script: "true"}, {Title: "go wrong", Script: "echo the reason >&2; exit 4"}, {Title: "never", Script: "touch " + filepath.Join(t.TempDir(), "x")}}
	err := Apply(t.Context(), here{}, Manifest{Owner: "t"}, steps)
	var failed *StepError
	if !errors.As(err, &failed) || failed.Title != "go wrong" {
		t.Fatalf("got %v", err)
	}
	if text := err.Error(); !strings.Contains(text, "the reason") || strings.Contains(text, "atoll-step") {
		t.Errorf("the error reads %q", text)
	}
}

// A run that is killed at a step boundary is finished by the next, and what the
// record does not list stays.
func TestConvergeAfterAKillAtEveryStep(t *testing.T) {
	root(t)
	t.Cleanup(func() { _ = os.RemoveAll(recordPath("killed/test")) })
	for kill := range 6 {
		dir := t.TempDir()
		foreign := filepath.Join(dir, "foreign")
		if err := os.WriteFile(foreign, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		manifest := Manifest{
			Owner: "killed/test",
			Items: []Item{
				Directory{Path: filepath.Join(dir, "d"), Mode: 0o755},
				File{Path: filepath.Join(dir, "d/a"), Mode: 0o644, Content: []byte("a")}, File{Path: filepath.Join(dir, "d/b"), Mode: 0o600, Content: []byte("b")},
				Link{Path: filepath.Join(dir, "l"), Target: "d/a"},
			},
		}
		observation := observeHere(t, manifest)
		steps := Diff(manifest, observation).Steps
		if kill < len(steps) {
			steps = steps[:kill]
		}
		if err := Apply(t.Context(), here{}, manifest, steps); err != nil {
			t.Fatal(err)
		}
		if err := Apply(t.Context(), here{}, manifest, Diff(manifest, observeHere(t, manifest)).Steps); err != nil {
			t.Fatal(err)
		}
		if drift := Diff(manifest, observeHere(t, manifest)).Drift; len(drift) != 0 {
			t.Errorf("killed after %d steps: still %v", kill, drift)
		}
		if err := Apply(t.Context(), here{}, manifest, DiffRemoval(observeHere(t, manifest).Record).Steps); err != nil {
			t.Fatal(err)
		}
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) != 1 || entries[0].Name() != "foreign" {
			t.Errorf("after the removal there is %v, %v", entries, err)
		}
	}
}

// observeHere asks this machine; that it may have no systemd is not the point.
func observeHere(t *testing.T, manifest Manifest) Observation {
	t.Helper()
	observation, err := Observe(t.Context(), here{}, manifest)
	if err != nil {
		t.Fatal(err)
	}
	observation.System.Systemd = true
	return observation
}

// Who has to wait is told for whom: the resource, the person and the machine.
// Whoever can open the lock can hold it, and name another as its holder.
func TestNobodyButRootReachesTheLock(t *testing.T) {
	root(t)
	file := filepath.Join(t.TempDir(), "f")
	if err := Apply(t.Context(), here{}, Manifest{Owner: "t"}, []Step{{Title: "make a file", Script: "echo x >" + file}}); err != nil {
		t.Fatal(err)
	}
	if made, err := os.Stat("/run/atoll"); err != nil || made.Mode().Perm() != 0o700 {
		t.Errorf("the directory of the lock: %v, %v", made, err)
	}
	if made, err := os.Stat(file); err != nil || made.Mode().Perm() != 0o644 {
		t.Errorf("what a step makes: %v, %v", made, err)
	}
}

func TestLockNamesItsHolder(t *testing.T) {
	script := applyScript("mesh-peer/site", nil)
	if who := Whoami(); !strings.Contains(who, "@") || !strings.Contains(script, "mesh-peer/site, applied by "+who) || !strings.Contains(script, "holder") {
		t.Errorf("%s is not named in\n%s", who, script)
	}
}

// Questions in a manifest are answered by the real shell, each for itself.
func TestObserveAnswersQuestions(t *testing.T) {
	read := func(output string) (string, error) { return output, nil }
	ask := func(name, script string) Question[string] {
		return Question[string]{Name: name, Script: script, Read: read}
	}
	good, bad, empty := ask("good", "printf 'two\\nlines\\n'; echo noise >&2"), ask("bad", "echo half; echo 'the reason' >&2; exit 3"), ask("empty", ":")
	killed := ask("killed", "echo half; kill -9 $(sh -c 'echo $PPID')")
	o := observeHere(t, Manifest{Owner: "t", Items: []Item{good, bad, empty, killed}})
	if got, err := good.Answer(o); got != "two\nlines\n" || err != nil {
		t.Errorf("good: %q, %v", got, err)
	}
	if got, err := empty.Answer(o); got != "" || err != nil {
		t.Errorf("empty: %q, %v", got, err)
	}
	if _, err := bad.Answer(o); !errors.Is(err, ErrNoAnswer) || !strings.Contains(err.Error(), "exit code 3: the reason") {
		t.Errorf("bad: %v", err)
	}
	if _, err := killed.Answer(o); !errors.Is(err, ErrNoAnswer) {
		t.Errorf("killed: %v", err)
	}
	if _, err := ask("other", ":").Answer(o); !errors.Is(err, ErrNoAnswer) {
		t.Errorf("not asked: %v", err)
	}
}

// The real script tells a directory that is not there from one that cannot be read.
func TestOwnersOfThisMachine(t *testing.T) {
	root(t)
	q := OwnersQuestion()
	for _, row := range []struct {
		name  string
		make  func(directory string) error
		fails bool
	}{
		{"none", func(string) error { return nil }, false},
		{"empty", func(directory string) error { return os.Mkdir(directory, 0o755) }, false},
		{"a file in its place", func(directory string) error { return os.WriteFile(directory, nil, 0o600) }, true},
		{"a link to itself", func(directory string) error { return os.Symlink(directory, directory) }, true},
	} {
		directory := filepath.Join(t.TempDir(), "owners")
		if err := row.make(directory); err != nil {
			t.Fatal(err)
		}
		asked := q
		asked.Script = strings.ReplaceAll(q.Script, recordRoot, directory)
		if got, err := Ask(t.Context(), here{}, asked); row.fails != (err != nil) || len(got) > 0 {
			t.Errorf("%s: %q, %v", row.name, got, err)
		}
	}
}

func TestFactsOfThisMachine(t *testing.T) {
	o := observeHere(t, Manifest{Owner: "t", Items: []Item{MachineFacts()}})
	facts, err := MachineFacts().Answer(o)
	if err != nil || facts.CPUs < 1 || facts.Virtualisation == "" || facts.Clock.Sub(o.At).Abs() > time.Minute {
		t.Errorf("%+v, %v", facts, err)
	}
}

// The reason why a unit does not start stands between what systemd says of each try.
func TestUnitThatDoesNotStartSaysWhy(t *testing.T) {
	dir := t.TempDir()
	for name, script := range map[string]string{
		"systemctl":  `[ "$1" != start ]`,
		"journalctl": `case "$*" in *--since*) cat "$ATOLL_SAID" ;; *) tail -n 15 "$ATOLL_SAID" ;; esac`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	said := filepath.Join(dir, "said")
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	t.Setenv("ATOLL_SAID", said)
	tries := strings.Repeat("u.service: Scheduled restart job, restart counter is at 7.\nStarting u.service\n", 10)
	for text, want := range map[string]string{
		"metadata_cache INFO [7f] ERROR_LOG is off\nmetadata_cache ERROR [7f] Failed connecting: Access denied\n" + tries: "metadata_cache ERROR [7f] Failed connecting: Access denied",
		tries + "u: no such file\n": strings.TrimSpace(strings.Repeat("u.service: Scheduled restart job, restart counter is at 7.\nStarting u.service\n", 7) + "u: no such file"),
	} {
		if err := os.WriteFile(said, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		output, err := exec.CommandContext(t.Context(), "sh", "-c", activeStep("u.service", true).Script).CombinedOutput()
		if got := strings.TrimSpace(string(output)); err == nil || got != want {
			t.Errorf("it says %q, %v, want %q", got, err, want)
		}
	}
}
