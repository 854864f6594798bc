// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package archive

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

func testSide(t *testing.T) *side {
	t.Helper()
	top := t.TempDir()
	config := tier.Archive{Tier: "files", Peer: "b", Dials: "a", Cold: filepath.Join(top, "cold"), State: filepath.Join(top, "state")}
	for _, dir := range []string{config.State, config.Cold, filepath.Join(config.Cold, tier.Private)} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	s, err := begin(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.end)
	return s
}

// These are the lines that rsync 3.5.1 sends for what this package runs.
const (
	asksForNames = "rsync --server --sender -bnde.LsfxCIvu --timeout=60 --bwlimit=2048 --backup-dir .tier-archive/replaced/2026-11-26T053000 . ./"
	asksToSend   = "rsync --server --sender -bulHogtpAXrSe.iLsfxCIvu --timeout=60 --backup-dir .tier-archive/replaced/2026-11-26T053000 . ./"
	asksToTake   = "rsync --server -bulOHtpAXrSe.iLsfxCIvu --timeout=60 --bwlimit=2048 --backup-dir .tier-archive/replaced/2026-11-26T053000 --temp-dir .tier-archive/incoming-a --fsync . ./"
)

// A peer gets what its agent asks for, and nothing else that rsync can do.
func TestAsked(t *testing.T) {
	s := testSide(t)
	for _, row := range []struct {
		line     string
		receives bool
		refused  bool
	}{
		{asksForNames, false, false},
		{asksToSend, false, false},
		{asksToTake, true, false},
		{strings.Replace(asksToTake, "T053000", "T053000-told", 1), true, false},
		{strings.Replace(asksToTake, "T053000", "T053000-else", 1), true, true},
		{strings.Replace(asksToTake, "--server", "--server --delete", 1), true, true},
		{strings.Replace(asksToTake, " --fsync", " --delete-before", 1), true, true},
		{strings.Replace(asksToTake, "--temp-dir .tier-archive/incoming-a ", "", 1), true, true},
		{strings.Replace(asksToTake, "--fsync . ./", "--backup-dir . ./", 1), true, true},
		{strings.Replace(asksToTake, " -bul", " -ul", 1), true, true},
		{strings.Replace(asksToTake, "-bul", "-bsul", 1), true, true},
		{strings.Replace(asksToTake, "-bul", "-bKul", 1), true, true},
		{strings.Replace(asksToTake, "incoming-a", "incoming-c", 1), true, true},
		{strings.Replace(asksToTake, "replaced/2026", "replaced/../../2026", 1), true, true},
		{strings.Replace(asksToTake, " ./", " /etc", 1), true, true},
		{strings.Replace(asksToSend, " . ./", " . ../", 1), false, true},
		{strings.Replace(asksToSend, "--timeout=60", "--files-from=/etc/passwd", 1), false, true},
		{strings.Replace(asksToSend, "--timeout=60", "--rsync-path=/bin/sh", 1), false, true},
		{strings.Replace(asksToSend, " --sender", " --sender --daemon", 1), false, true},
		{"rsync --server --daemon .", false, true},
		{"rsync --server . ./", false, true},
		{"sh -c id", false, true},
		{"", false, true},
	} {
		words, receives, err := s.asked(row.line)
		switch {
		case (err != nil) != row.refused:
			t.Errorf("%q: %v", row.line, err)
		case err == nil && (receives != row.receives || "rsync "+strings.Join(words, " ") != row.line):
			t.Errorf("%q: %v, %v", row.line, words, receives)
		}
	}
}

// What follows the line is rsync's.
func TestReadLine(t *testing.T) {
	from := strings.NewReader("rsync x\nrest")
	line, err := readLine(from, longest)
	rest, _ := io.ReadAll(from)
	if err != nil || line != "rsync x" || string(rest) != "rest" {
		t.Errorf("%q, %q, %v", line, rest, err)
	}
	for _, wrong := range []string{"", "no end", strings.Repeat("x", longest+1)} {
		if _, err := readLine(strings.NewReader(wrong), longest); err == nil {
			t.Errorf("%.10q is taken", wrong)
		}
	}
}

// A run leaves nothing in an archive but what it replaced, and takes away what one
// that was killed left.
func TestWorkshop(t *testing.T) {
	s := testSide(t)
	words := s.words(time.Date(2026, 11, 26, 5, 30, 0, 0, time.UTC))
	if !slices.Contains(words, "--backup-dir=.tier-archive/replaced/2026-11-26T053000") || !slices.Contains(words, "--exclude=/.tier") {
		t.Fatalf("the words are %q", words)
	}
	left, kept := filepath.Join(s.Cold, ".tier-archive/incoming-a/x"), filepath.Join(s.Cold, ".tier-archive/replaced/2026-11-26T053000")
	for range 2 {
		if err := errors.Join(os.MkdirAll(kept, 0o700), os.MkdirAll(filepath.Dir(left), 0o700), os.Chmod(filepath.Join(s.Cold, tier.Workshop), 0o700), os.WriteFile(left, nil, 0o600), s.prepare()); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Lstat(left); err == nil {
			t.Error("what a killed run left is still there")
		}
		s.leave(words)
		if _, err := os.Lstat(kept); err == nil {
			t.Error("a directory for what was replaced stays, and nothing was")
		}
	}
	if err := errors.Join(os.MkdirAll(kept, 0o700), os.WriteFile(filepath.Join(kept, "old"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	s.leave(words)
	if _, err := os.Lstat(filepath.Join(kept, "old")); err != nil {
		t.Error("what was replaced is gone:", err)
	}
}

// An archive that is not mounted is not touched, and two runs do not meet in one.
func TestBegin(t *testing.T) {
	s := testSide(t)
	if _, err := begin(s.Archive); !errors.Is(err, errBusy) {
		t.Errorf("a second run begins: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := await(ended, s.Archive); !errors.Is(err, errBusy) {
		t.Errorf("one that was told to stop begins beside another: %v", err)
	}
	time.AfterFunc(time.Second, func() { _ = s.lock.Close() })
	second, err := await(t.Context(), s.Archive)
	if err != nil {
		t.Fatalf("one that waits does not begin when the other has ended: %v", err)
	}
	second.end()
	if err := os.Remove(filepath.Join(s.Cold, tier.Private)); err != nil {
		t.Fatal(err)
	}
	if _, err := begin(s.Archive); err == nil || !strings.Contains(err.Error(), "if it is a mount point, mount it") {
		t.Errorf("an archive without the tier's mark: %v", err)
	}
}

func TestRoom(t *testing.T) {
	s := testSide(t)
	if err := s.room(); err != nil {
		t.Error(err)
	}
	s.ReserveMiB = 1 << 40
	var full *FullError
	if err := s.room(); !errors.As(err, &full) {
		t.Errorf("there is room for everything: %v", err)
	}
	if err := s.run(t.Context(), nil, true, nil, io.Discard, io.Discard); !errors.As(err, &full) {
		t.Errorf("a full archive takes something: %v", err)
	}
	s.statements = true
	if err := s.run(t.Context(), nil, true, nil, io.Discard, io.Discard); errors.As(err, &full) {
		t.Errorf("a full archive takes no statement: %v", err)
	}
	s.statements, s.ReserveMiB, s.ReserveInodes = false, 0, 1<<60
	if err := s.room(); !errors.As(err, &full) || !strings.Contains(err.Error(), "(cold_reserve_inodes)") {
		t.Errorf("there are inodes for everything: %v", err)
	}
}

// Only a run that carried all is one without an error.
func TestFailure(t *testing.T) {
	s := testSide(t)
	const said = "rsync: [sender] send_files failed to open \"/srv/cold/a b\": Permission denied (13)\nrsync error: some files (code 23)\n"
	for _, row := range []struct {
		code, left int
		said, want string
	}{
		{0, 0, "", ""},
		{24, 0, "file has vanished: \"/srv/cold/x\"\n", ""},
		{23, 1, said, "not all could be carried: rsync: [sender] send_files failed"},
		{23, 0, "", "it says nothing of why"},
		{12, 0, "ssh: connect to host 10.77.0.1 port 22: No route to host\nrsync error: x\n", "rsync ended with code 12: ssh: connect to host 10.77.0.1 port 22: No route to host"},
	} {
		left, err := s.failure(exec.Command("/bin/sh", "-c", "exit "+string(rune('0'+row.code/10))+string(rune('0'+row.code%10))).Run(), []byte(row.said))
		if len(left) != row.left || (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
			t.Errorf("%d: %v, %v", row.code, left, err)
		}
	}
}

// What is deleted is what was named, and no link leads out of the archive.
func TestDelete(t *testing.T) {
	s := testSide(t)
	outside := t.TempDir()
	for _, err := range []error{
		os.MkdirAll(filepath.Join(s.Cold, "2026/01"), 0o700), os.WriteFile(filepath.Join(s.Cold, "2026/01/x"), nil, 0o600), os.WriteFile(filepath.Join(s.Cold, "2026/y"), nil, 0o600),
		os.WriteFile(filepath.Join(outside, "z"), nil, 0o600), os.Symlink(outside, filepath.Join(s.Cold, "link")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := remove(s.Cold, "2026/01", true); err == nil {
		t.Error("what is there is not seen")
	}
	if err := errors.Join(remove(s.Cold, "2026/01", false), remove(s.Cold, "2026/01", true), remove(s.Cold, "2026/02/never", false)); err != nil {
		t.Error(err)
	}
	if err := remove(s.Cold, "link/z", false); err == nil {
		t.Error("a link is followed")
	}
	if err := remove(s.Cold, "link", false); err != nil {
		t.Error(err)
	}
	for _, stays := range []string{filepath.Join(s.Cold, "2026/y"), filepath.Join(outside, "z")} {
		if _, err := os.Lstat(stays); err != nil {
			t.Error(err)
		}
	}
}

// With a day its link goes out of the tree, and nothing else that is there under the name.
func TestDeleteTakesTheLink(t *testing.T) {
	s := testSide(t)
	hot := filepath.Join(filepath.Dir(s.Cold), "hot")
	for _, err := range []error{
		os.MkdirAll(filepath.Join(hot, "2026/01/file"), 0o700), os.Symlink("../../../cold/2026/01/day", filepath.Join(hot, "2026/01/day")),
		os.Symlink("../../../cold/2026/01/day", filepath.Join(hot, "2026/01/other")), os.Symlink("/etc", filepath.Join(hot, "etc")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	take, look := links{hot: hot, cold: s.Cold}, links{hot: hot, cold: s.Cold, check: true}
	if err := look.remove("2026/01/day", 0); err == nil {
		t.Error("a link that leads nowhere is not seen")
	}
	if err := look.remove("2026", 2); err == nil {
		t.Error("a link that leads nowhere is not seen by its year")
	}
	if err := errors.Join(take.remove("2026/01/day", 0), look.remove("2026/01/day", 0)); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"2026/01/other", "2026/01/file", "2026/01/never", "2027/never", "etc", "etc/passwd", "etc/ssl/certs"} {
		if err := errors.Join(take.remove(name, 0), look.remove(name, 0), take.remove(name, 1)); err != nil {
			t.Error(err)
		}
	}
	for name, below := range map[string]int{"2026": 2, "2026/01": 1} {
		if err := os.Symlink("../../../cold/2026/01/day", filepath.Join(hot, "2026/01/day")); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(take.remove(name, below), look.remove(name, below)); err != nil {
			t.Error(err)
		}
	}
	left, err := filepath.Glob(filepath.Join(hot, "2026/01/*"))
	if want := []string{filepath.Join(hot, "2026/01/file"), filepath.Join(hot, "2026/01/other")}; err != nil || !slices.Equal(left, want) {
		t.Errorf("the tree has %q, %v", left, err)
	}
}

// Statements of nodes are carried from an archive into another, the later one stays
// by its count, and nothing else is carried or kept.
func TestStatements(t *testing.T) {
	if _, err := os.Stat(program); err != nil {
		t.Skip("there is no rsync here")
	}
	s := testSide(t)
	s.statements = true
	other := t.TempDir()
	put := func(root, node, text string, count int64) {
		t.Helper()
		file := filepath.Join(root, tier.Statements, node)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(text), 0o600), os.Chtimes(file, time.Time{}, time.Unix(count, 0))); err != nil {
			t.Fatal(err)
		}
	}
	put(other, "b.json", "b says 9", 9)
	put(other, "a.json", "a said 3", 3)
	put(s.Cold, "a.json", "a says 4", 4)
	put(s.Cold, "b.json", "b said 8", 8)
	if err := os.WriteFile(filepath.Join(other, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.prepare(); err != nil {
		t.Fatal(err)
	}
	words := s.words(time.Now())
	if _, err := s.carry(t.Context(), true, words, other+"/", s.Cold+"/"); err != nil {
		t.Fatal(err)
	}
	s.leave(words)
	for node, want := range map[string]string{"a.json": "a says 4", "b.json": "b says 9"} {
		if text, err := os.ReadFile(filepath.Join(s.Cold, tier.Statements, node)); err != nil || string(text) != want {
			t.Errorf("%s: %q, %v", node, text, err)
		}
	}
	if _, err := os.Lstat(filepath.Join(s.Cold, "file")); err == nil {
		t.Error("a file is carried with the statements")
	}
	if kept, err := os.ReadDir(filepath.Join(s.Cold, tier.Workshop, tier.Replaced)); err != nil || len(kept) > 0 {
		t.Errorf("kept are %v, %v", kept, err)
	}
}
