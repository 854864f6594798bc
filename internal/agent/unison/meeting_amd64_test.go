// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package unison

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// patient is how long a test waits for what has to come at last.
const patient = 2 * time.Minute

// meeting are two nodes on this machine whose trees meet for the first time: both sides
// are the agent's own roles with a real unison, and where SSH is between nodes there is a
// relay and a socket, as behind it.
type meeting struct {
	t *testing.T
	// top has all of it, bin the agent, and unison is the program.
	top, bin, unison string
	here, there      tier.Pair
	listener         *net.UnixListener
	// stepped has the next agent that serves be ended at that step; 0 for never.
	mu      sync.Mutex
	stepped int
	served  chan *steps
	group   sync.WaitGroup
}

// meets are the profiles of a tier, but for what is done about conflicts.
const meets = `root = %[1]s
root = ssh://other/%[2]s
sshcmd = %[3]s
sshargs = %[4]s
batch = true
auto = true
times = true
ignore = Path .tier
mountpoint = .tier
ignore = Path .tier-probe-*
log = false
dumbtty = true
contactquietly = true
`

// agents makes a directory with the agent, unison's helper, and what stands where ssh is.
// It is made once for all: what is still open to be written to, if only in a process that
// another test is about to start, cannot be started.
func agents(t *testing.T) (bin string) {
	t.Helper()
	bin = t.TempDir()
	agent := filepath.Join(bin, agentName)
	self, err := os.Executable()
	var text []byte
	if err == nil {
		text, err = os.ReadFile(self)
	}
	if err = errors.Join(err, os.WriteFile(agent, text, 0o700), os.Symlink(agentName, filepath.Join(bin, "unison-fsmonitor")),
		os.WriteFile(filepath.Join(bin, "ssh"), fmt.Appendf(nil, relays, agent), 0o700)); err != nil {
		t.Fatal(err)
	}
	return bin
}

// relays goes to the socket that is among the words for ssh, which differ by version.
const relays = `#!/bin/sh
for word; do
  case $word in */socket) exec %s relay "$word" ;; esac
done
`

func newMeeting(t *testing.T, bin, unison string) *meeting {
	t.Helper()
	m := &meeting{t: t, top: t.TempDir(), bin: bin, unison: unison, served: make(chan *steps, 1)}
	at := func(name string) string { return filepath.Join(m.top, name) }
	m.here = tier.Pair{Tier: "files", Node: "files.here", Peer: "there", Hot: at("here"), State: at("state-here")}
	m.there = tier.Pair{Tier: "files", Node: "files.there", Peer: "here", Hot: at("there"), State: at("state-there")}
	m.here.Profile = fmt.Sprintf(meets, m.here.Hot, m.there.Hot, filepath.Join(bin, "ssh"), at("socket"))
	for _, dir := range []string{"here/.tier", "there/.tier", "here/a", "there/b", "state-here", "state-there"} {
		m.must(os.MkdirAll(at(dir), 0o700))
	}
	for name, text := range map[string]string{"here/a/one": "one", "there/b/two": "two", "here/same": "same", "there/same": "same", "here/both": "from here", "there/both": "from there"} {
		m.must(os.WriteFile(at(name), []byte(text), 0o600))
	}
	when := time.Unix(1700000000, 0)
	m.must(errors.Join(os.Chtimes(at("here/same"), when, when), os.Chtimes(at("there/same"), when, when), os.Symlink("one", at("here/a/link"))))
	var err error
	m.listener, err = net.ListenUnix("unix", &net.UnixAddr{Name: at("socket"), Net: "unix"})
	m.must(err)
	m.group.Go(m.listen)
	t.Cleanup(func() { _ = m.listener.Close(); m.group.Wait() })
	return m
}

func (m *meeting) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

// agent is one of either node's.
func (m *meeting) agent(role string, pair tier.Pair) *exec.Cmd {
	config := filepath.Join(m.top, role+".json")
	text, err := json.Marshal(pair)
	if err = errors.Join(err, os.WriteFile(config, text, 0o600)); err != nil {
		m.t.Error(err)
	}
	command := exec.Command(filepath.Join(m.bin, agentName), role, "--config", config)
	command.Env = []string{programVariable + "=" + m.unison, "PATH=" + os.Getenv("PATH")}
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return command
}

// listen serves whoever dials, as systemd does behind a socket.
func (m *meeting) listen() {
	for {
		connection, err := m.listener.AcceptUnix()
		if err != nil {
			return
		}
		file, err := connection.File()
		_ = connection.Close()
		if err != nil {
			m.t.Error(err)
			return
		}
		command := m.agent("serve", m.there)
		command.Stdin, command.Stdout = file, file
		m.mu.Lock()
		last := m.stepped
		m.stepped = 0
		m.mu.Unlock()
		if last > 0 {
			m.served <- upTo(m.t, command, last)
		} else if err := command.Start(); err != nil {
			m.t.Error(err)
		} else {
			// It ends when its line does.
			m.group.Go(func() { _ = command.Wait() })
		}
		_ = file.Close()
	}
}

// status is what the agent that dials tells.
func (m *meeting) status() (status tier.PairStatus) {
	text, err := os.ReadFile(filepath.Join(m.here.State, tier.StatusFile))
	if err == nil {
		_ = json.Unmarshal(text, &status)
	}
	return status
}

// holds is what a tree has: names, and what is in them. What a unison that was killed had
// of a file so far is nobody's.
func (m *meeting) holds(root string) map[string]string {
	found := map[string]string{}
	m.must(filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		name, _ := filepath.Rel(root, path)
		switch {
		case errors.Is(err, fs.ErrNotExist), strings.HasPrefix(entry.Name(), ".unison."), strings.HasPrefix(entry.Name(), tier.ProbePrefix):
		case err != nil:
			return err
		case name == tier.Private:
			return fs.SkipDir
		case entry.Type() == fs.ModeSymlink:
			found[name], _ = os.Readlink(path)
		case entry.Type().IsRegular():
			text, _ := os.ReadFile(path)
			found[name] = string(text)
		}
		return nil
	}))
	return found
}

// finish starts the agent anew, as systemd would, and waits until the trees are in step
// and hold what they are to hold.
func (m *meeting) finish(from bool) {
	m.t.Helper()
	skipped := 1 // the path that differs, for a person
	if from {
		skipped = 0
	}
	m.settles(skipped, func() string { return m.lacks(from) })
}

// settles starts the agent anew and waits until it tells that so many paths are left and
// everything else is in step, and nothing lacks. It gives what lacked when that was told
// for the first time.
func (m *meeting) settles(skipped int, lacks func() string) (early string) {
	m.t.Helper()
	command, began, told := m.agent("sync", m.here), time.Now(), false
	var said said
	command.Stderr = &said
	m.must(command.Start())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = command.Wait()
	}()
	defer func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		<-ended
	}()
	for deadline := time.Now().Add(patient); ; {
		status, lacks := m.status(), lacks()
		if status.Since.After(began) && status.Stage == tier.Watching && len(status.Skipped) == skipped && len(status.Failed) == 0 {
			if !told {
				told, early = true, lacks
			}
			if lacks == "" {
				return early
			}
		}
		if time.Now().After(deadline) {
			m.t.Fatalf("never in step: %+v\n%s\n%s", status, lacks, said.String())
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// said is what a process says, while it does.
type said struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *said) Write(text []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(text)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// lacks says what is wrong with what the trees hold: in the end that is all files of both,
// none of them lost, and of the one that differed both versions.
func (m *meeting) lacks(from bool) string {
	m.t.Helper()
	for root, own := range map[string]string{m.here.Hot: "from here", m.there.Hot: "from there"} {
		want := map[string]string{"a/one": "one", "a/link": "one", "b/two": "two", "same": "same", "both": own}
		found, beside := m.holds(root), 0
		if from {
			want["both"] = "from here"
			maps.DeleteFunc(found, func(name, text string) bool {
				is := strings.Contains(name, "conflict") && text == "from there"
				if is {
					beside++
				}
				return is
			})
			if beside == 0 {
				return root + " has nowhere what was written there of the path that differs"
			}
		}
		if !maps.Equal(found, want) {
			return fmt.Sprintf("%s holds %q, want %q", root, found, want)
		}
	}
	return ""
}

// identity is which file a name is, and when it was last changed in any way.
func (m *meeting) identity() (found [2]unix.Stat_t) {
	for i, root := range []string{m.here.Hot, m.there.Hot} {
		m.must(unix.Stat(filepath.Join(root, "same"), &found[i]))
		found[i].Atim = unix.Timespec{}
	}
	return found
}
