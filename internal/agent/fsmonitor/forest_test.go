// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package fsmonitor

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// Below a directory that is told as a whole nothing more is told.
func TestOutermost(t *testing.T) {
	got := outermost([]string{"a/b", "a-b", "a", "ab/c", "a/b/c", "ab", "z/y", "z-"})
	if want := []string{"a", "a-b", "ab", "z/y", "z-"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := outermost([]string{"a", "", "b/c"}); !slices.Equal(got, []string{""}) {
		t.Errorf("%q", got)
	}
}

// recorder is a kernel that only keeps the books.
type recorder struct {
	*inotify
	open map[int]string
}

func newRecorder(t *testing.T) *recorder {
	t.Helper()
	queue, err := newInotify()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = queue.close() })
	return &recorder{queue, map[int]string{}}
}

// scanned has the forest watch directories below a place, as unison's scan does.
func scanned(t *testing.T, f *forest, root, start string, directories ...string) {
	t.Helper()
	s, err := f.begin("hash", root, start)
	for _, directory := range directories {
		if err == nil {
			err = s.enter(directory, false)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	s.end()
}

func (r *recorder) add(path string, mask uint32) (int, error) {
	watch, err := r.inotify.add(path, mask)
	if err == nil {
		r.open[watch] = path
	}
	return watch, err
}

func (r *recorder) remove(watch int) {
	delete(r.open, watch)
	r.inotify.remove(watch)
}

// What left the tree is not watched any longer once unison has seen that.
func TestWatchesAreGivenBack(t *testing.T) {
	top := t.TempDir()
	root := filepath.Join(top, "tree")
	if err := os.MkdirAll(filepath.Join(root, "day", "deep"), 0o700); err != nil {
		t.Fatal(err)
	}
	r := newRecorder(t)
	f := newForest(r)
	read := func(start string, directories ...string) {
		t.Helper()
		scanned(t, f, root, start, directories...)
	}
	read("", "", "day", "day/deep")
	before := len(r.open)
	if err := os.Rename(filepath.Join(root, "day"), filepath.Join(top, "away")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../away", filepath.Join(root, "day")); err != nil {
		t.Fatal(err)
	}
	read("day")
	if len(r.open) != before-2 {
		t.Errorf("watched before %d, after the move %v", before, r.open)
	}
	f.reset("hash")
	if len(r.open) != 0 || len(f.watches) != 0 || len(f.replicas) != 0 || len(f.above) != 0 {
		t.Errorf("left after a reset: %v, %v", r.open, f.watches)
	}
	if f.tell(event{watch: 1, mask: unix.IN_MODIFY, name: "late"}); len(f.watches) != 0 {
		t.Error("an event of a watch that ended is taken for news")
	}
}
