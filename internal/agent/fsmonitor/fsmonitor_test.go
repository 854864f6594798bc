// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package fsmonitor

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func write(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(time.Now().String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A change that happens while nobody waits must be there for the next WAIT,
// and must not be told before it: unison drops what comes unasked.
func TestChangeBetweenChangesAndWait(t *testing.T) {
	u := begin(t, t.TempDir(), quick)
	if paths := u.changes(); len(paths) > 0 {
		t.Fatalf("changes %q in a tree at rest", paths)
	}
	write(t, filepath.Join(u.root, "late"))
	u.silent(20 * quick.quiet)
	u.send("WAIT", "hash")
	u.expect("CHANGES hash")
	if paths := u.changes(); !slices.Equal(paths, []string{"late"}) {
		t.Fatalf("changes %q", paths)
	}
}

func TestCommandCancelsWait(t *testing.T) {
	u := begin(t, t.TempDir(), quick)
	u.send("WAIT", "hash")
	if paths := u.changes(); len(paths) > 0 {
		t.Fatalf("changes %q in a tree at rest", paths)
	}
	write(t, filepath.Join(u.root, "later"))
	u.silent(20 * quick.quiet)
}

func TestWaitIsAnsweredOnce(t *testing.T) {
	u := begin(t, t.TempDir(), quick)
	u.send("WAIT", "hash")
	write(t, filepath.Join(u.root, "one"))
	u.expect("CHANGES hash")
	write(t, filepath.Join(u.root, "two"))
	u.silent(20 * quick.quiet)
}

// One monitor serves both trees where they are on the same machine.
func TestTwoReplicas(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	u := start(t, first, quick)
	for hash, root := range map[string]string{"one": first, "two": second} {
		u.send("START", hash, root, "")
		u.expect("OK")
		u.send("DIR", "")
		u.expect("OK")
		u.send("DONE")
	}
	u.send("WAIT", "one")
	u.send("WAIT", "two")
	write(t, filepath.Join(second, "file"))
	u.expect("CHANGES two")
	u.send("CHANGES", "one")
	u.expect("DONE")
	u.send("CHANGES", "two")
	u.expect("RECURSIVE file")
	u.expect("DONE")
}

func TestFileThatNeverRests(t *testing.T) {
	u := begin(t, t.TempDir(), pace{quiet: time.Hour, patience: 50 * time.Millisecond})
	stop := make(chan struct{})
	defer close(stop)
	log, err := os.Create(filepath.Join(u.root, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	go func() {
		for {
			select {
			case <-stop:
				return
			default:
				_, _ = log.WriteString("x")
			}
		}
	}()
	for deadline := time.Now().Add(patient); !slices.Equal(u.changes(), []string{"log"}); {
		if time.Now().After(deadline) {
			t.Fatal("a file that is written all the time is never told")
		}
		time.Sleep(time.Millisecond)
	}
}

func TestTemporaryNamesAreUnisonsOwn(t *testing.T) {
	u := begin(t, t.TempDir(), quick)
	temporary := filepath.Join(u.root, ".unison.file.0123.unison.tmp")
	write(t, temporary)
	u.send("WAIT", "hash")
	u.silent(20 * quick.quiet)
	if err := os.Rename(temporary, filepath.Join(u.root, "file")); err != nil {
		t.Fatal(err)
	}
	u.expect("CHANGES hash")
	if paths := u.changes(); !slices.Equal(paths, []string{"file"}) {
		t.Fatalf("changes %q", paths)
	}
}

// The kernel drops events when nobody fetches them: all is read again.
func TestOverflow(t *testing.T) {
	top, names := t.TempDir(), []string{"one", "two"}
	for _, name := range names {
		write(t, filepath.Join(top, name))
	}
	u := begin(t, top, quick)
	text, err := os.ReadFile("/proc/sys/fs/inotify/max_queued_events")
	if err != nil {
		t.Fatal(err)
	}
	var queued int
	if _, err := fmt.Sscan(string(text), &queued); err != nil {
		t.Fatal(err)
	}
	// The monitor stands still in an answer that nobody reads: the first one waits for
	// its reader, the second for the first, and when a third command has been read, the
	// second was taken up. Before that it would fetch what is to fill the queue.
	for range 3 {
		u.send("CHANGES", "unknown")
	}
	// Events that follow one another are made one where they are the same.
	for i := range queued + 4096 {
		if err := os.Chmod(filepath.Join(top, names[i%2]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		u.expect("DONE")
	}
	for deadline := time.Now().Add(patient); ; {
		paths := u.changes()
		if slices.Contains(paths, "") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the queue ran over, and the tree is not told as a whole")
		}
		time.Sleep(time.Millisecond)
	}
	u.scan("")
	u.follow()
}

func TestDirectoryAboveTheTreeMoves(t *testing.T) {
	top := t.TempDir()
	root := filepath.Join(top, "above", "between", "tree")
	if err := os.MkdirAll(root, 0o700); err != nil {
		t.Fatal(err)
	}
	u := begin(t, root, quick)
	u.send("WAIT", "hash")
	if err := os.Rename(filepath.Join(top, "above"), filepath.Join(top, "away")); err != nil {
		t.Fatal(err)
	}
	u.expect("CHANGES hash")
	if paths := u.changes(); !slices.Equal(paths, []string{""}) {
		t.Fatalf("changes %q", paths)
	}
	// Another tree in its place is watched after the next scan.
	if err := os.MkdirAll(root, 0o700); err != nil {
		t.Fatal(err)
	}
	u.scan("")
	write(t, filepath.Join(root, "new"))
	u.follow()
}

func TestTreeThatIsNotThere(t *testing.T) {
	u := start(t, filepath.Join(t.TempDir(), "unmounted"), quick)
	u.send("START", "hash", u.root, "")
	line := u.line()
	if message, _ := unquote(line); !strings.HasPrefix(message, "ERROR ") || !strings.Contains(message, "if it is a mount point, mount it") {
		t.Fatal(message)
	}
	if err := <-u.ended; err == nil {
		t.Fatal("the monitor goes on")
	}
}

func TestUnknownCommands(t *testing.T) {
	for _, line := range []string{"FLY", "DIR a", "START hash /", "START hash %zz /", "WAIT", "WAIT a b"} {
		u := start(t, t.TempDir(), quick)
		u.send(line)
		if got := u.line(); !strings.HasPrefix(got, "ERROR ") {
			t.Errorf("%q is answered by %q", line, got)
		}
	}
}

func TestEndsWithUnison(t *testing.T) {
	u := begin(t, t.TempDir(), quick)
	if err := u.in.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-u.ended:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(patient):
		t.Fatal("the monitor outlives unison")
	}
}

func TestFollowedLink(t *testing.T) {
	top := t.TempDir()
	root, target := filepath.Join(top, "tree"), filepath.Join(top, "target")
	if err := os.Mkdir(root, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, target)
	if err := os.Symlink(target, filepath.Join(root, "link")); err != nil {
		t.Fatal(err)
	}
	u := start(t, root, quick)
	u.send("START", "hash", root, "")
	u.expect("OK")
	u.send("DIR", "")
	u.expect("OK")
	u.send("LINK", "link")
	u.expect("OK")
	u.send("DONE")
	u.send("WAIT", "hash")
	write(t, target)
	u.expect("CHANGES hash")
	if paths := u.changes(); !slices.Equal(paths, []string{"link"}) {
		t.Fatalf("changes %q", paths)
	}
}
