// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package fsmonitor

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// never is a pace at which nothing comes to rest by itself.
var never = pace{quiet: time.Hour, patience: time.Hour, gather: time.Hour}

// until asks for changes until a path is among them, and gives all that were told.
func (u *unison) until(path string) []string {
	u.t.Helper()
	var told []string
	for deadline := time.Now().Add(patient); !slices.Contains(told, path); {
		if time.Now().After(deadline) {
			u.t.Fatalf("%q is never told, but %q", path, told)
		}
		told = append(told, u.changes()...)
		time.Sleep(time.Millisecond)
	}
	return told
}

func makeDirectory(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
}

// A directory that is being filled is not told, files that were closed are. What
// is moved is whole.
func TestNewDirectoryIsToldWhenItIsFilled(t *testing.T) {
	u := begin(t, t.TempDir(), never)
	makeDirectory(t, filepath.Join(u.root, "day", "below"))
	write(t, filepath.Join(u.root, "day", "below", "one"))
	write(t, filepath.Join(u.root, "other"))
	if told := u.until("other"); slices.Contains(told, "day") {
		t.Errorf("told %q while the directory is being filled", told)
	}
	if err := os.Rename(filepath.Join(u.root, "day"), filepath.Join(u.root, "moved")); err != nil {
		t.Fatal(err)
	}
	if told := u.until("moved"); !slices.Contains(told, "day") {
		t.Errorf("the directory went away, and told was %q", told)
	}
}

// What happens deep in a new directory is known, and it is told at last although
// it is filled all the time.
func TestDirectoryThatIsFilledForEver(t *testing.T) {
	slow := never
	slow.gather = 50 * time.Millisecond
	u := begin(t, t.TempDir(), slow)
	stop, stopped := make(chan struct{}), make(chan struct{})
	defer func() { close(stop); <-stopped }()
	go func() {
		defer close(stopped)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond): // as fast as can be, the kernel's queue may run over
				_ = os.MkdirAll(filepath.Join(u.root, "day", fmt.Sprint(i)), 0o700)
			}
		}
	}()
	u.send("WAIT", "hash")
	u.expect("CHANGES hash")
	u.until("day")
}

// A new directory is watched with all below it, and no longer once unison knows it.
func TestNewDirectoriesAreWatchedOnlyUntilTold(t *testing.T) {
	root := t.TempDir()
	r := newRecorder(t)
	f := newForest(r)
	scanned(t, f, root, "", "")
	before := len(r.open)
	makeDirectory(t, filepath.Join(root, "day", "below"))
	tell := func() {
		t.Helper()
		events, err := r.read(make([]byte, 64<<10))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			f.tell(e)
		}
	}
	tell()
	if len(r.open) != before+2 {
		t.Fatalf("watched before %d, with a new directory and one below %v", before, r.open)
	}
	makeDirectory(t, filepath.Join(root, "day", "below", "deep"))
	tell()
	if len(r.open) != before+3 {
		t.Errorf("watched before %d, with three new directories %v", before, r.open)
	}
	if paths := f.of("hash")[0].take(pace{}, time.Now()); !slices.Equal(paths, []string{"day"}) {
		t.Errorf("changes %q", paths)
	}
	if f.settle(); len(r.open) != before || len(f.arriving) != 0 {
		t.Errorf("watched before %d, afterwards %v, arriving %v", before, r.open, f.arriving)
	}
}

// When unison is to come, by what is noted.
func TestDue(t *testing.T) {
	now := time.Now()
	p := pace{quiet: time.Second, patience: 10 * time.Second, gather: 3 * time.Second}
	ago := func(first, last time.Duration) change { return change{first: now.Add(-first), last: now.Add(-last)} }
	open, filling := ago(4*time.Second, 0), ago(2*time.Second, 0)
	open.open, filling.filling = true, true
	for name, test := range map[string]struct {
		noted []change
		want  bool
	}{
		"nothing":                            {nil, false},
		"a file that was just closed":        {[]change{ago(0, 0)}, false},
		"a file that was closed before":      {[]change{ago(time.Second, time.Second)}, true},
		"one after the other, for a moment":  {[]change{ago(2*time.Second, 2*time.Second), ago(0, 0)}, false},
		"one after the other, long enough":   {[]change{ago(3*time.Second, 3*time.Second), ago(0, 0)}, true},
		"a log that is written all the time": {[]change{open}, false},
		"a closed file beside such a log":    {[]change{open, ago(time.Second, time.Second)}, true},
		"a directory that is being filled":   {[]change{filling, ago(time.Second, time.Second)}, false},
	} {
		var all outlook
		for _, c := range test.noted {
			all.add(p, c, now)
		}
		if got := all.due(p, now); got != test.want {
			t.Errorf("%s: due %t", name, got)
		}
	}
}
