// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package fsmonitor

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// patient is how long a test waits for what has to come at last. Nothing
// depends on it but how late a failure is seen.
const patient = time.Minute

// unison is a reader that does what unison does: it knows a tree by its
// archive, reads what it is told to, and nothing else.
type unison struct {
	t       *testing.T
	root    string
	in      io.WriteCloser
	lines   chan string
	ended   chan error
	archive map[string]string
	scanned int
}

func start(t *testing.T, root string, p pace) *unison {
	t.Helper()
	commands, in := io.Pipe()
	out, replies := io.Pipe()
	u := &unison{t: t, root: root, in: in, lines: make(chan string), ended: make(chan error, 1)}
	go func() {
		u.ended <- serve(commands, replies, p)
		_ = replies.Close()
	}()
	go func() {
		for reader := bufio.NewScanner(out); reader.Scan(); {
			u.lines <- reader.Text()
		}
		close(u.lines)
	}()
	t.Cleanup(func() { _ = in.Close() })
	u.expect("VERSION 1")
	u.send("VERSION 1")
	return u
}

func serve(in io.Reader, out io.Writer, p pace) error {
	queue, err := newInotify()
	if err != nil {
		return err
	}
	defer func() { _ = queue.close() }()
	s := &session{forest: newForest(queue), pace: p, out: bufio.NewWriter(out), log: io.Discard, trace: io.Discard}
	return s.run(context.Background(), in, queue)
}

func (u *unison) send(command string, arguments ...string) {
	u.t.Helper()
	for _, argument := range arguments {
		command += " " + quote(argument)
	}
	if _, err := io.WriteString(u.in, command+"\n"); err != nil {
		u.t.Fatalf("sending %s: %v", command, err)
	}
}

func (u *unison) line() string {
	u.t.Helper()
	select {
	case line, open := <-u.lines:
		if !open {
			u.t.Fatalf("the monitor ended: %v", <-u.ended)
		}
		return line
	case <-time.After(patient):
		u.t.Fatal("the monitor is silent")
	}
	return ""
}

// reply is the answer to a command. An answer to a WAIT that crossed it is
// passed over, as unison does.
func (u *unison) reply() string {
	u.t.Helper()
	for {
		if line := u.line(); !strings.HasPrefix(line, "CHANGES ") {
			return line
		}
	}
}

func (u *unison) expect(want string) {
	u.t.Helper()
	got := u.line()
	if want == "OK" && strings.HasPrefix(got, "CHANGES ") {
		got = u.reply()
	}
	if got != want {
		u.t.Fatalf("the monitor says %q, want %q", got, want)
	}
}

// silent checks that the monitor says nothing for a while.
func (u *unison) silent(while time.Duration) {
	u.t.Helper()
	select {
	case line := <-u.lines:
		u.t.Fatalf("the monitor says %q unasked", line)
	case <-time.After(while):
	}
}

// scan reads a part of the tree into the archive, as unison does.
func (u *unison) scan(path string) {
	u.t.Helper()
	u.scanned++
	u.send("START", "hash", u.root, path)
	u.expect("OK")
	maps.DeleteFunc(u.archive, func(known, _ string) bool {
		return path == "" || known == path || strings.HasPrefix(known, path+"/")
	})
	u.read(path, "")
	u.send("DONE")
}

func (u *unison) read(start, below string) {
	path := filepath.Join(start, below)
	seen, directory := look(filepath.Join(u.root, path))
	if seen == "" {
		return
	}
	u.archive[path] = seen
	if !directory {
		return
	}
	u.send("DIR", below)
	u.expect("OK")
	entries, err := os.ReadDir(filepath.Join(u.root, path))
	if err != nil && !os.IsNotExist(err) && !errors.Is(err, unix.ENOTDIR) {
		u.t.Errorf("reading %q: %v", path, err)
	}
	for _, entry := range entries {
		if !temporary(entry.Name()) {
			u.read(start, filepath.Join(below, entry.Name()))
		}
	}
}

// look gives what unison would notice of a path: nothing where there is nothing.
func look(path string) (seen string, directory bool) {
	var stat unix.Stat_t
	if unix.Lstat(path, &stat) != nil {
		return "", false
	}
	if stat.Mode&unix.S_IFMT == unix.S_IFDIR {
		return fmt.Sprintf("directory %o", stat.Mode), true
	}
	return fmt.Sprintf("%o %d %d %d.%d", stat.Mode, stat.Ino, stat.Size, stat.Mtim.Sec, stat.Mtim.Nsec), false
}

// full reads the whole tree without the monitor.
func (u *unison) full() map[string]string {
	u.t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(u.root, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(u.root, path)
		if relative == "." {
			relative = ""
		}
		if !temporary(filepath.Base(path)) {
			found[relative], _ = look(path)
		}
		return err
	})
	if err != nil {
		u.t.Fatal(err)
	}
	return found
}

// changes fetches the changed paths.
func (u *unison) changes() []string {
	u.t.Helper()
	u.send("CHANGES", "hash")
	var paths []string
	for {
		line := u.reply()
		if line == "DONE" {
			return paths
		}
		quoted, is := strings.CutPrefix(line, "RECURSIVE ")
		path, err := unquote(quoted)
		if !is || err != nil {
			u.t.Fatalf("the monitor says %q after CHANGES", line)
		}
		paths = append(paths, path)
	}
}

// follow waits for changes and reads them, until the archive is the tree.
func (u *unison) follow() {
	u.t.Helper()
	for deadline := time.Now().Add(patient); ; {
		u.send("WAIT", "hash")
		select {
		case line := <-u.lines:
			if line != "CHANGES hash" {
				u.t.Fatalf("the monitor says %q to WAIT", line)
			}
		case <-time.After(5 * time.Millisecond):
		}
		for _, path := range u.changes() {
			u.scan(path)
		}
		want := u.full()
		if maps.Equal(u.archive, want) {
			return
		}
		if time.Now().After(deadline) {
			u.t.Fatalf("a change was lost:\n%s", difference(u.archive, want))
		}
	}
}

func difference(got, want map[string]string) string {
	var lines []string
	for path := range want {
		if got[path] != want[path] {
			lines = append(lines, fmt.Sprintf("%q: is %q, known as %q", path, want[path], got[path]))
		}
	}
	for path := range got {
		if _, is := want[path]; !is {
			lines = append(lines, fmt.Sprintf("%q: gone, known as %q", path, got[path]))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines[:min(len(lines), 20)], "\n")
}

// begin starts a monitor and reads the tree for the first time.
func begin(t *testing.T, root string, p pace) *unison {
	t.Helper()
	u := start(t, root, p)
	u.archive = map[string]string{}
	u.scan("")
	return u
}
