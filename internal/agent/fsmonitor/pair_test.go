// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package fsmonitor

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// pair is two trees that a unison keeps in step, over something that looks to
// it like SSH.
type pair struct {
	t                *testing.T
	client           string
	top, here, there string
	environment      []string
	command          *exec.Cmd
	ended            chan error
	log              string
}

const profile = `root = %[1]s
root = ssh://other/%[2]s
sshcmd = %[3]s
servercmd = %[4]s
batch = true
repeat = watch
auto = true
times = true
prefer = newer
log = false
ignore = Path .tier
nodeletionpartial = Path 20?? -> %[1]s
nodeletionpartial = Path 20?? -> ssh://other/%[2]s
nodeletionpartial = Path 20??/?? -> %[1]s
nodeletionpartial = Path 20??/?? -> ssh://other/%[2]s
nodeletionpartial = Path 20??/??/?? -> %[1]s
nodeletionpartial = Path 20??/??/?? -> ssh://other/%[2]s
`

// transport stands where ssh is: it drops what is meant for ssh and runs the rest here.
const transport = `#!/bin/sh
while [ "$1" != -e ]; do shift; done
shift 2
unset ATOLL_TEST_AHEAD
export UNISON=%q UNISONLOCALHOSTNAME=there
exec sh -c "$*"
`

// ahead gives the unison of one side a clock that is a day ahead of that of the other.
// What it is told of files stays as it is: their times are the kernel's.
func (p *pair) ahead(side string) {
	p.t.Helper()
	clock := []string{"ATOLL_TEST_AHEAD=1", "FAKETIME=+1d", "NO_FAKE_STAT=1"}
	if side == "here" {
		p.environment = append(p.environment, clock...)
		return
	}
	ssh := filepath.Join(p.top, "bin/ssh")
	text, err := os.ReadFile(ssh)
	if err == nil {
		err = os.WriteFile(ssh, bytes.Replace(text, []byte("\nexport "), []byte("\nexport "+strings.Join(clock, " ")+" "), 1), 0o700)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// says adds a line to the profile, and saysNot takes one out.
func (p *pair) says(line string) { p.profile(func(text string) string { return text + line + "\n" }) }

func (p *pair) saysNot(line string) {
	p.profile(func(text string) string { return strings.Replace(text, line+"\n", "", 1) })
}

func (p *pair) profile(change func(string) string) {
	p.t.Helper()
	file := filepath.Join(p.top, "state-here/tier.prf")
	text, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(file, []byte(change(string(text))), 0o600)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

func newPair(t *testing.T, client, server string) *pair {
	t.Helper()
	top := t.TempDir()
	p := &pair{t: t, client: client, top: top, here: filepath.Join(top, "here/hot"), there: filepath.Join(top, "there/hot"), log: filepath.Join(top, "log")}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"bin", "state-here", "state-there", "here/hot/.tier", "there/hot/.tier", "here/cold", "there/cold"} {
		if err := os.MkdirAll(filepath.Join(top, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	ssh := filepath.Join(top, "bin/ssh")
	err = errors.Join(
		os.Symlink(self, filepath.Join(top, "bin/unison-fsmonitor")),
		os.WriteFile(ssh, fmt.Appendf(nil, transport, filepath.Join(top, "state-there")), 0o700),
		os.WriteFile(filepath.Join(top, "state-here/tier.prf"), fmt.Appendf(nil, profile, p.here, p.there, ssh, server), 0o600),
	)
	if err != nil {
		t.Fatal(err)
	}
	p.environment = append(os.Environ(), "UNISON="+filepath.Join(top, "state-here"), "UNISONLOCALHOSTNAME=here",
		"PATH="+filepath.Join(top, "bin")+":"+os.Getenv("PATH"), "LC_ALL=C.UTF-8")
	t.Cleanup(p.end)
	return p
}

func (p *pair) start() {
	p.t.Helper()
	log, err := os.Create(p.log)
	if err != nil {
		p.t.Fatal(err)
	}
	// Both sides hold the one end as long as they live.
	life, held, err := os.Pipe()
	if err != nil {
		p.t.Fatal(err)
	}
	command := exec.Command(p.client, "tier", "-ui", "text")
	command.Env, command.Stdout, command.Stderr = p.environment, log, log
	command.ExtraFiles = []*os.File{held}
	if err := errors.Join(command.Start(), log.Close(), held.Close()); err != nil {
		p.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		defer life.Close()
		err := command.Wait()
		if _, gone := life.Read(make([]byte, 1)); !errors.Is(gone, io.EOF) {
			err = errors.Join(err, gone)
		}
		ended <- err
	}()
	p.command, p.ended = command, ended
}

// said is what unison said since it was started.
func (p *pair) said() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		p.t.Error(err)
	}
	return string(text)
}

// stop ends unison in a moment in which it has nothing in hand. One that ends while it puts
// its archives in place leaves that of one side alone, and the next one asks what to do:
// that is for the agent to answer, whose tests end it anywhere.
func (p *pair) stop() {
	p.t.Helper()
	p.until("unison has nothing in hand", p.rests)
	p.end()
}

// rests holds unison still, and lets it go on where it has something in hand. From the last
// line of a run to the first one of the next it touches no archive.
func (p *pair) rests() bool {
	signal := func(signal os.Signal) {
		if err := p.command.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
			p.t.Fatal(err)
		}
	}
	signal(unix.SIGSTOP)
	for still := false; !still; {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.command.Process.Pid))
		_, state, _ := strings.Cut(string(stat), ") ")
		if err != nil || strings.HasPrefix(state, "Z") {
			return false // It has ended, which until tells of.
		}
		still = strings.HasPrefix(state, "T")
	}
	said := p.said()
	run := said[strings.LastIndex(said, "Looking for changes")+1:]
	if strings.Contains(run, "Nothing to do: ") || strings.Contains(run, "Synchronization ") { //nolint:misspell // its own word
		return true
	}
	signal(unix.SIGCONT)
	return false
}

// end has unison end wherever it is.
func (p *pair) end() {
	if p.command == nil {
		return
	}
	_ = p.command.Process.Kill()
	select {
	case err := <-p.ended:
		p.t.Logf("unison was ended: %v", err)
	case <-time.After(patient):
		p.t.Error("the other side does not end")
	}
	p.command = nil
	// Both are gone: a lock that is left is left for good.
	locks, _ := filepath.Glob(filepath.Join(p.top, "state-*/lk*"))
	for _, lock := range locks {
		_ = os.Remove(lock)
	}
}

// until waits for a condition, and shows what unison said where it does not come.
func (p *pair) until(what string, holds func() bool) time.Duration {
	p.t.Helper()
	began := time.Now()
	for !holds() {
		select {
		case err := <-p.ended:
			p.ended <- err
			p.t.Fatalf("unison ended before %s: %v\n%s", what, err, p.said())
		case <-time.After(10 * time.Millisecond):
		}
		if time.Since(began) > 3*patient {
			p.t.Fatalf("never: %s\n%s", what, p.said())
		}
	}
	return time.Since(began)
}

func (p *pair) exists(path string) func() bool {
	return func() bool { _, err := os.Stat(path); return err == nil }
}

// contents gives all of a tree that unison keeps in step here.
func contents(t *testing.T, root string) map[string]string {
	found := map[string]string{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || temporary(filepath.Base(path)) {
			return nil
		}
		if err != nil {
			return err
		}
		relative, _ := filepath.Rel(root, path)
		switch {
		case entry.IsDir():
			if relative == ".tier" {
				return fs.SkipDir
			}
			found[relative] = "directory"
		case entry.Type()&fs.ModeSymlink != 0:
			target, _ := os.Readlink(path)
			found[relative] = "link " + target
		default:
			text, _ := os.ReadFile(path)
			found[relative] = "file " + string(text)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return found
}

func (p *pair) same() bool {
	return maps.Equal(contents(p.t, p.here), contents(p.t, p.there))
}
