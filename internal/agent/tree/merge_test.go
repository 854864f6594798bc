// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tree

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// world is a source and an archive, from where a copy was made.
type world struct {
	t                   *testing.T
	from, into, scratch string
	was                 *bytes.Buffer
	conflicts           []string
	// lacks is done when the archive lacks something; nil for nothing.
	lacks func()
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, from: quickDir(t), into: quickDir(t), scratch: quickDir(t)}
	do(t, os.MkdirAll(filepath.Join(w.from, "dir"), 0o755))
	w.write(w.from, "file", "first", 1)
	w.write(w.from, "dir/below", "first", 1)
	do(t, os.Symlink("file", filepath.Join(w.from, "link")))
	var err error
	w.was, err = manifestOf(t, root(t, w.from), root(t, w.into))
	do(t, err)
	return w
}

// write gives a file a content, and a time in seconds since 1970.
func (w *world) write(root, path, content string, at int64) {
	w.t.Helper()
	path = filepath.Join(root, path)
	do(w.t, os.WriteFile(path, []byte(content), 0o600), os.Chtimes(path, time.Time{}, time.Unix(at, 0)))
}

func (w *world) merge(precedence Precedence) {
	w.t.Helper()
	var manifest bytes.Buffer
	out := NewManifestWriter(&manifest)
	merge := Merge{
		From: root(w.t, w.from), Into: root(w.t, w.into), Scratch: root(w.t, w.scratch), Was: reader(w.t, w.was), Out: out, Precedence: precedence,
		Conflict: func(kept, aside string) { w.conflicts = append(w.conflicts, kept+" | "+aside) },
		Lacks: func(string) error {
			if w.lacks != nil {
				w.lacks()
			}
			return nil
		},
	}
	do(w.t, merge.Run(context.Background()))
	_, err := out.Finish()
	do(w.t, err)
	w.was = &manifest
	left, err := os.ReadDir(w.scratch)
	do(w.t, err)
	if len(left) > 0 {
		w.t.Errorf("left in scratch: %v", left)
	}
}

// archive lists what the archive has, with contents.
func (w *world) archive() string {
	w.t.Helper()
	var found []string
	do(w.t, filepath.WalkDir(w.into, func(path string, entry fs.DirEntry, err error) error {
		name, _ := filepath.Rel(w.into, path)
		switch {
		case err != nil || name == ".":
		case entry.IsDir():
			found = append(found, name+"/")
		case entry.Type()&fs.ModeSymlink != 0:
			text, _ := os.Readlink(path)
			found = append(found, name+" -> "+text)
		default:
			text, _ := os.ReadFile(path)
			found = append(found, name+"="+string(text))
		}
		return err
	}))
	slices.Sort(found)
	return strings.Join(found, " ")
}

func TestMerge(t *testing.T) {
	const first = "dir/ dir/below=first file=first link -> file"
	for name, test := range map[string]struct {
		precedence Precedence
		forget     bool
		change     func(*world)
		want       string
		conflicts  int
	}{
		"nothing changed":  {SourceWins, false, func(*world) {}, first, 0},
		"nothing is known": {SourceWins, true, func(*world) {}, first, 0},
		"a new file":       {SourceWins, false, func(w *world) { w.write(w.from, "dir/new", "n", 2) }, "dir/ dir/below=first dir/new=n file=first link -> file", 0},
		"a new directory":  {SourceWins, false, func(w *world) { do(w.t, os.MkdirAll(w.from+"/x/y", 0o700)); w.write(w.from, "x/y/z", "n", 2) }, first + " x/ x/y/ x/y/z=n", 0},
		"a changed file":   {SourceWins, false, func(w *world) { w.write(w.from, "file", "second", 2) }, "dir/ dir/below=first file=second link -> file", 0},
		"a changed link":   {SourceWins, false, func(w *world) { do(w.t, os.Remove(w.from+"/link"), os.Symlink("dir", w.from+"/link")) }, "dir/ dir/below=first file=first link -> dir", 0},
		"a file went":      {SourceWins, false, func(w *world) { do(w.t, os.Remove(w.from+"/file")) }, "dir/ dir/below=first link -> file", 0},
		"a directory went": {SourceWins, false, func(w *world) { do(w.t, os.RemoveAll(w.from+"/dir")) }, "file=first link -> file", 0},
		"the archive lost it late": {NewerWins, false, func(w *world) {
			do(w.t, os.RemoveAll(w.into+"/dir"), os.Remove(w.into+"/file"), os.Remove(w.into+"/link"))
		}, first, 0},
		"the archive got it meanwhile": {NewerWins, false, func(w *world) {
			do(w.t, os.Remove(w.into+"/file"))
			w.lacks = func() { w.write(w.into, "file", "theirs", 1) }
		}, "dir/ dir/below=first file=theirs link -> file", 0},
		"a file went late":    {NewerWins, false, func(w *world) { do(w.t, os.Remove(w.from+"/file")) }, first, 0},
		"went, nothing known": {SourceWins, true, func(w *world) { do(w.t, os.Remove(w.from+"/file")) }, first, 0},
		"went here, changed there": {SourceWins, false, func(w *world) {
			do(w.t, os.Remove(w.from+"/file"))
			w.write(w.into, "file", "theirs", 2)
		}, "dir/ dir/below=first file=theirs link -> file", 0},
		"went here, in a directory that is used there": {SourceWins, false, func(w *world) {
			do(w.t, os.RemoveAll(w.from+"/dir"))
			w.write(w.into, "dir/theirs", "t", 2)
		}, "dir/ dir/theirs=t file=first link -> file", 0},
		"something of their own":         {SourceWins, false, func(w *world) { w.write(w.into, "dir/theirs", "t", 2) }, "dir/ dir/below=first dir/theirs=t file=first link -> file", 0},
		"it went there":                  {SourceWins, false, func(w *world) { do(w.t, os.RemoveAll(w.into+"/dir")) }, first, 0},
		"it changed there":               {SourceWins, true, func(w *world) { w.write(w.into, "file", "theirs", 9) }, "file=first file.conflict-X=theirs", 1},
		"both changed":                   {SourceWins, false, func(w *world) { w.write(w.from, "file", "ours", 2); w.write(w.into, "file", "theirs", 3) }, "file=ours file.conflict-X=theirs", 1},
		"both changed, late and older":   {NewerWins, false, func(w *world) { w.write(w.from, "file", "ours", 2); w.write(w.into, "file", "theirs", 3) }, "file=theirs file.conflict-X=ours", 1},
		"both changed, late and newer":   {NewerWins, false, func(w *world) { w.write(w.from, "file", "ours", 4); w.write(w.into, "file", "theirs", 3) }, "file=ours file.conflict-X=theirs", 1},
		"both changed alike":             {SourceWins, false, func(w *world) { w.write(w.from, "file", "same", 2); w.write(w.into, "file", "same", 3) }, "dir/ dir/below=first file=same link -> file", 0},
		"a late change":                  {NewerWins, false, func(w *world) { w.write(w.from, "file", "late", 2) }, "dir/ dir/below=first file=late link -> file", 0},
		"a link in place of a directory": {SourceWins, false, func(w *world) { do(w.t, os.RemoveAll(w.into+"/dir"), os.Symlink("/etc", w.into+"/dir")) }, "dir/ dir.conflict-X -> /etc dir/below=first", 1},
		"a directory in place of a file": {SourceWins, false, func(w *world) {
			do(w.t, os.Remove(w.into+"/file"), os.Mkdir(w.into+"/file", 0o700))
			w.write(w.into, "file/x", "t", 2)
		}, "file.conflict-X/ file.conflict-X/x=t file=first", 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			test.change(w)
			if test.forget {
				w.was = nil
			}
			// Whoever is cut off does it again, and it has to come to the same.
			for again := range 3 {
				w.merge(test.precedence)
				got := w.archive()
				if len(w.conflicts) != test.conflicts {
					t.Errorf("round %d: conflicts %q", again, w.conflicts)
				}
				for _, conflict := range w.conflicts {
					kept, aside, _ := strings.Cut(conflict, " | ")
					got = strings.ReplaceAll(got, aside, kept+".conflict-X")
				}
				if test.conflicts == 0 && got != test.want || !containsAll(got, test.want) {
					t.Errorf("round %d: the archive has %s, want %s", again, got, test.want)
				}
			}
		})
	}
}

func containsAll(got, want string) bool {
	have := strings.Split(got, " ")
	for part := range strings.SplitSeq(want, " ") {
		if part != "->" && !slices.Contains(have, part) {
			return false
		}
	}
	return true
}

// The owner of the archive may have put another name of somebody else's file
// there: its owner and permissions must never be touched.
func TestMergeWritesIntoNoFileThatIsThere(t *testing.T) {
	w := newWorld(t)
	victim := filepath.Join(quickDir(t), "victim")
	do(t, os.WriteFile(victim, []byte("first"), 0o400), os.Chtimes(victim, time.Time{}, time.Unix(5, 0)))
	do(t, os.Remove(w.into+"/file"), os.Link(victim, w.into+"/file"))
	before, err := os.Stat(victim)
	do(t, err)
	do(t, os.Chmod(w.from+"/file", 0o666))
	w.merge(SourceWins)
	after, err := os.Stat(victim)
	do(t, err)
	if text, err := os.ReadFile(victim); err != nil || string(text) != "first" || before.Mode() != after.Mode() || !before.ModTime().Equal(after.ModTime()) {
		t.Errorf("the other file is %q, %s, %v", text, after.Mode(), err)
	}
	if stat, err := os.Stat(w.into + "/file"); err != nil || stat.Mode().Perm() != 0o666 {
		t.Errorf("the archived file is %v, %v", stat, err)
	}
}

func TestMergeIsLikeACopy(t *testing.T) {
	from, into := quickDir(t), quickDir(t)
	zoo(t, from)
	w := &world{t: t, from: from, into: into, scratch: quickDir(t)}
	w.merge(SourceWins)
	found := differences(t, root(t, into), w.was)
	// What differs is the time of the directories, into which names came one by one.
	found = slices.DeleteFunc(found, func(d string) bool { return strings.HasSuffix(d, "another modification time") })
	if len(found) > 0 {
		t.Errorf("%q", found)
	}
}
