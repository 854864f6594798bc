// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mover

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const oneDay = "2020/02/01"

// at has something done when a run comes to a point, once.
func (r *replica) at(point string, what func()) {
	done := false
	r.Point = func(name string) error {
		if name == point && !done {
			done = true
			what()
		}
		return nil
	}
}

func TestOneNodeIsDown(t *testing.T) {
	all := replicas(t, "one", "two", "three")
	want := fill(all, 1, 5)
	all[2].down = errors.New("connection refused")
	for range 3 {
		for _, node := range all[:2] {
			outcome := node.run()[oneDay]
			if outcome.Step != Wait || !strings.Contains(outcome.Why, "three does not answer: connection refused") {
				t.Fatalf("%s: %+v", node.name, outcome)
			}
			if node.flipped(oneDay) {
				t.Fatal("a node flipped while another was down")
			}
		}
	}
	// A node that is up again and has not begun is no better.
	all[2].down = nil
	if outcome := all[0].run()[oneDay]; outcome.Step != Wait || !strings.Contains(outcome.Why, "three has no copy yet") {
		t.Fatalf("%+v", outcome)
	}
	settled(t, all, want)
	checkMoved(t, all, want)
}

// Replicas that do not have the same wait, and take over what comes.
func TestReplicasDiffer(t *testing.T) {
	all := replicas(t, "one", "two")
	want := fill(all, 1, 5)
	all[0].write(oneDay+"/dir0/only here", "x")
	for range 2 {
		for _, node := range all {
			node.run()
		}
	}
	for _, node := range all {
		if outcome := node.run()[oneDay]; outcome.Step != Wait || !strings.Contains(outcome.Why, "has another copy") {
			t.Fatalf("%s: %+v", node.name, outcome)
		}
	}
	all[1].write(oneDay+"/dir0/only here", "x")
	want[oneDay+"/dir0/only here"] = "x"
	settled(t, all, want)
	checkMoved(t, all, want)
}

// One node flipped long ago; what is written on the other until it flips, too,
// is in its own archive.
func TestNodesFlipHoursApart(t *testing.T) {
	all := replicas(t, "one", "two")
	want := fill(all, 1, 5)
	for range 2 {
		all[0].run()
		all[1].at("flipping", func() { all[1].write(oneDay+"/dir0/late", "late") })
		_, err := all[1].Run(context.Background())
		do(t, err)
	}
	all[1].Point = nil
	settled(t, all, nil)
	if text, err := os.ReadFile(all[1].hot(oneDay, "dir0/late")); err != nil || string(text) != "late" {
		t.Errorf("%q, %v", text, err)
	}
	checkFiles(t, all[:1], want)
}

// Somebody who stands in the directory, or holds a file open, writes on after
// the flip: it is carried over, and nothing is removed under their hands.
func TestLateWrites(t *testing.T) {
	all := replicas(t, "one")
	one := all[0]
	want := fill(all, 1, 5)
	log := oneDay + "/dir0/file 0"
	var writer *os.File
	one.at("flipping", func() {
		var err error
		writer, err = os.OpenFile(one.hot(log), os.O_APPEND|os.O_WRONLY, 0)
		do(t, err)
		inside, err := os.Open(one.hot(oneDay, "dir1"))
		do(t, err)
		t.Cleanup(func() { _ = inside.Close() })
		one.Point = func(name string) error {
			if name == "settled" {
				_, err = writer.WriteString("and more")
				fd, openErr := unix.Openat(int(inside.Fd()), "late", unix.O_CREAT|unix.O_WRONLY, 0o644)
				do(t, err, openErr, unix.Close(fd))
			}
			return nil
		}
	})
	one.stillInUse()
	one.Point = nil
	// It is to be seen at once, also while it is still being written.
	want[log] += "and more"
	want[oneDay+"/dir1/late"] = ""
	checkFiles(t, all, want)
	_, err := writer.WriteString("!")
	do(t, err)
	want[log] += "!"
	one.stillInUse()
	checkFiles(t, all, want)
	do(t, writer.Close())
	settled(t, all, nil)
	checkMoved(t, all, want)
}

// What cannot be carried over does not hold up the rest, and stays.
func TestLateSocket(t *testing.T) {
	all := replicas(t, "one")
	one := all[0]
	want := fill(all, 1, 5)
	old := one.hot(private, "2020%2F02%2F01.old-1")
	one.at("settled", func() {
		do(t, unix.Mknod(old+"/a socket", unix.S_IFSOCK|0o600, 0), os.WriteFile(old+"/late", []byte("late"), 0o600))
	})
	one.stillInUse()
	want[oneDay+"/late"] = "late"
	checkFiles(t, all, want)
	if _, err := os.Lstat(old + "/a socket"); err != nil {
		t.Error(err)
	}
}

// A manifest that is not whole is as good as none.
func TestManifestsThatRotted(t *testing.T) {
	all := replicas(t, "one", "two")
	one := all[0]
	one.Config.Grace = 3600
	want := fill(all, 1, 5)
	one.run()
	do(t, os.Truncate(one.cold(private, "2020%2F02%2F01.copy"), 300))
	settled(t, all, want)
	do(t, os.Truncate(one.hot(private, "2020%2F02%2F01.old-1.manifest"), 300))
	one.Config.Grace = 0
	settled(t, all, nil)
	checkMoved(t, all, want)
}

// The way of a file through the archive that only late writers know.
func TestBothWriteLate(t *testing.T) {
	all := replicas(t, "one")
	one := all[0]
	one.Config.Grace = 3600
	want := fill(all, 1, 5)
	one.run()
	name := oneDay + "/dir0/file 0"
	old := one.hot(private, "2020%2F02%2F01.old-1")
	do(t, os.WriteFile(filepath.Join(old, "dir0/file 0"), []byte("late"), 0o600), os.Chtimes(filepath.Join(old, "dir0/file 0"), time.Time{}, time.Unix(100, 0)))
	do(t, os.WriteFile(one.hot(name), []byte("through the link"), 0o600))
	result, err := one.Run(context.Background())
	do(t, err)
	if len(result.Conflicts) != 1 {
		t.Fatalf("conflicts: %+v", result.Conflicts)
	}
	want[name] = "through the link"
	want[oneDay+"/"+result.Conflicts[0].Aside] = "late"
	checkFiles(t, all, want)
	if outcome := one.run()[oneDay]; outcome.Step != Wait || !strings.Contains(outcome.Why, "is kept for another") {
		t.Errorf("%+v", outcome)
	}
	one.Config.Grace = 0
	settled(t, all, nil)
	checkMoved(t, all, want)
}

// A directory took the link's place, as an rsync from elsewhere makes it.
func TestDayThatGrowsAgain(t *testing.T) {
	all := replicas(t, "one", "two")
	one := all[0]
	want := fill(all, 1, 5)
	settled(t, all, want)
	do(t, os.Remove(one.hot(oneDay)))
	one.write(oneDay+"/dir0/new", "new")
	one.write(oneDay+"/dir0/file 0", "other")
	settled(t, all, nil)
	if text, err := os.ReadFile(one.hot(oneDay, "dir0/new")); err != nil || string(text) != "new" {
		t.Errorf("%q, %v", text, err)
	}
	checkFiles(t, all[1:], want)
	for path, content := range one.files() {
		// What the archive had is kept, under its own name or beside it.
		before, _, _ := strings.Cut(path, ".conflict-")
		if content != want[before] && content != "new" && content != "other" {
			t.Errorf("%q is %.40q", path, content)
		}
	}
	for path := range want {
		if _, err := os.Stat(one.hot(path)); err != nil {
			t.Error(err)
		}
	}
	if left := one.left(); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// The same within the grace time, when the first directory still waits and its
// manifest lists all that the new one lacks.
func TestDayThatGrowsAgainAtOnce(t *testing.T) {
	for _, cut := range []string{"exchanged", "settling", "moving the manifest", "settled", "swept"} {
		t.Run(cut, func(t *testing.T) {
			all := replicas(t, "one")
			one := all[0]
			one.Config.Grace = 3600
			want := fill(all, 1, 5)
			one.Point = func(name string) error {
				if name == cut {
					return ErrCut
				}
				return nil
			}
			if _, err := one.Run(context.Background()); !errors.Is(err, ErrCut) {
				t.Fatal(err)
			}
			one.Point = nil
			do(t, os.Remove(one.hot(oneDay)))
			one.write(oneDay+"/new", "new")
			want[oneDay+"/new"] = "new"
			one.run()
			checkFiles(t, all, want)
			one.Config.Grace = 0
			settled(t, all, nil)
			checkMoved(t, all, want)
		})
	}
}

// The archive has the day already, or a part of it, or another one.
func TestArchiveHasTheDay(t *testing.T) {
	all := replicas(t, "one")
	one := all[0]
	want := fill(all, 1, 5)
	same, differs, other := oneDay+"/dir0/file 0", oneDay+"/dir1/file 1", oneDay+"/dir2/of the archive"
	do(t, os.MkdirAll(one.cold(oneDay, "dir0"), 0o755), os.MkdirAll(one.cold(oneDay, "dir1"), 0o755), os.MkdirAll(one.cold(oneDay, "dir2"), 0o755))
	do(t, os.WriteFile(one.cold(same), []byte(want[same]), 0o644), os.WriteFile(one.cold(differs), []byte("another"), 0o644), os.WriteFile(one.cold(other), []byte("kept"), 0o644))
	result, err := one.Run(context.Background())
	do(t, err)
	if len(result.Conflicts) != 1 || result.Conflicts[0].Path != "dir1/file 1" {
		t.Fatalf("conflicts: %+v", result.Conflicts)
	}
	want[other], want[oneDay+"/"+result.Conflicts[0].Aside] = "kept", "another"
	checkMoved(t, all, want)
}

// A node that was made anew gets its links back.
func TestOnlyTheArchiveHasTheDay(t *testing.T) {
	all := replicas(t, "one", "two")
	want := fill(all, 1, 5)
	settled(t, all, want)
	do(t, os.RemoveAll(all[0].hot("2020")))
	all[0].run()
	checkMoved(t, all, want)
}

func TestTreeThatIsNotMounted(t *testing.T) {
	all := replicas(t, "one")
	one := all[0]
	want := fill(all, 1, 5)
	one.run()
	away := one.Config.Hot + " is not mounted"
	do(t, os.Rename(one.Config.Hot, away), os.Mkdir(one.Config.Hot, 0o755))
	var refused *NotPreparedError
	if _, err := one.Run(context.Background()); !errors.As(err, &refused) {
		t.Errorf("%v", err)
	}
	if _, err := report(context.Background(), one.Config, []string{oneDay}); !errors.As(err, &refused) {
		t.Errorf("the report says %v", err)
	}
	if entries, err := os.ReadDir(one.Config.Hot); err != nil || len(entries) > 0 {
		t.Errorf("in the place of the mount: %v, %v", entries, err)
	}
	do(t, os.Remove(one.Config.Hot), os.Rename(away, one.Config.Hot))
	checkMoved(t, all, want)
	other := one.Config
	other.Tier = "another"
	if err := Prepare(other); !errors.As(err, &refused) || refused.Found != "files" {
		t.Errorf("a tree of another tier is taken: %v", err)
	}
}

// Whoever owns the tree puts another directory, or a link, in the day's place
// in the very last moment.
func TestSwapAtTheFlip(t *testing.T) {
	for name, swap := range map[string]func(string) error{
		"another directory": func(day string) error {
			return errors.Join(os.Rename(day, day+" away"), os.Mkdir(day, 0o755), os.WriteFile(day+"/theirs", nil, 0o600))
		},
		"a link out": func(day string) error { return errors.Join(os.Rename(day, day+" away"), os.Symlink("/etc", day)) },
	} {
		t.Run(name, func(t *testing.T) {
			one := replicas(t, "one")[0]
			fill([]*replica{one}, 1, 5)
			one.at("flipping", func() { do(t, swap(one.hot(oneDay))) })
			outcome := one.run()[oneDay]
			if outcome.Step != Wait || !strings.Contains(outcome.Why, "took the day's place") {
				t.Errorf("%+v", outcome)
			}
			if _, err := os.Stat(one.hot(oneDay, "theirs")); name == "another directory" && err != nil {
				t.Error(err)
			}
			if text, _ := os.Readlink(one.hot(oneDay)); name == "a link out" && text != "/etc" {
				t.Errorf("the link is %q now", text)
			}
			if files, err := os.ReadDir(one.hot(oneDay) + " away"); err != nil || len(files) != 3 {
				t.Errorf("%v, %v", files, err)
			}
		})
	}
}

// The clock of one node is a day ahead: it copies a day that is too young for the
// others, and nobody flips it before it is old enough for all.
func TestClockOfOneNodeIsADayAhead(t *testing.T) {
	all := replicas(t, "one", "two", "ahead")
	want := fill(all, 1, 5)
	now := time.Now().UTC()
	for _, node := range all {
		node.Config.HotDays = int(now.Sub(time.Date(2020, 2, 1, 0, 0, 0, 0, time.UTC)).Hours() / 24)
		node.Now = func() time.Time { return now }
	}
	all[2].Now = func() time.Time { return now.AddDate(0, 0, 1) }
	for range 3 {
		for _, node := range all {
			node.run()
			if node.flipped(oneDay) {
				t.Fatalf("%s flipped a day that is too young for the others", node.name)
			}
		}
		checkFiles(t, all, want)
	}
	if outcome := all[0].run()[oneDay]; outcome.Step != Nothing {
		t.Errorf("to the others it is %+v", outcome)
	}
	if outcome := all[2].run()[oneDay]; outcome.Step != Wait || !strings.Contains(outcome.Why, "has no copy yet") {
		t.Errorf("to the one ahead it is %+v", outcome)
	}
	now = now.AddDate(0, 0, 1)
	settled(t, all, want)
	checkMoved(t, all, want)
}
