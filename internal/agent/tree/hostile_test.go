// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tree

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestRootBehindALink(t *testing.T) {
	top := quickDir(t)
	do(t, os.MkdirAll(filepath.Join(top, "real/tree"), 0o700), os.Symlink("real", filepath.Join(top, "link")))
	if _, err := OpenRoot(filepath.Join(top, "link/tree")); err == nil || !strings.Contains(err.Error(), "leads through a symbolic link") {
		t.Errorf("%v", err)
	}
}

func TestPrivateIsOurs(t *testing.T) {
	top := quickDir(t)
	dir, err := root(t, top).Private(".tier")
	do(t, err)
	dir.Close()
	dir, err = root(t, top).Private(".tier")
	do(t, err)
	dir.Close()
	do(t, os.Chmod(filepath.Join(top, ".tier"), 0o750))
	if _, err := root(t, top).Private(".tier"); err == nil {
		t.Error("one that others can enter is taken")
	}
	do(t, os.Remove(filepath.Join(top, ".tier")), os.Symlink("/tmp", filepath.Join(top, ".tier")))
	if _, err := root(t, top).Private(".tier"); !errors.Is(err, unix.ELOOP) && !errors.Is(err, unix.ENOTDIR) {
		t.Errorf("a link is taken: %v", err)
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can give a directory away")
	}
	do(t, os.Remove(filepath.Join(top, ".tier")), os.Mkdir(filepath.Join(top, ".tier"), 0o700), os.Chown(filepath.Join(top, ".tier"), 12345, 12345))
	if _, err := root(t, top).Private(".tier"); err == nil || !strings.Contains(err.Error(), "user 12345 owns it") {
		t.Errorf("one of somebody else is taken: %v", err)
	}
}

// Somebody swaps a directory for a link out of the tree, and back, all the
// time, while it is copied, merged and removed. Nothing outside may be read
// into the copy, written to or removed.
func TestNobodyLeadsTheHandOut(t *testing.T) {
	top := quickDir(t)
	from, outside := filepath.Join(top, "from"), filepath.Join(top, "outside")
	do(t, os.MkdirAll(filepath.Join(from, "dir/sub"), 0o700), os.MkdirAll(filepath.Join(outside, "sub"), 0o700))
	for i := range 20 {
		name := string(rune('a' + i))
		do(t, os.WriteFile(filepath.Join(from, "dir/sub", name), []byte("inside"), 0o600), os.WriteFile(filepath.Join(outside, "sub", name), []byte("secret"), 0o600))
	}
	do(t, os.Symlink(outside, filepath.Join(top, "swap")))
	stop := make(chan struct{})
	var hostile sync.WaitGroup
	hostile.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				_ = unix.Renameat2(unix.AT_FDCWD, filepath.Join(top, "swap"), unix.AT_FDCWD, filepath.Join(from, "dir"), unix.RENAME_EXCHANGE)
				// Often there is no time for anything between two swaps, sometimes there is.
				time.Sleep(time.Duration(rand.IntN(3)) * time.Duration(rand.IntN(10_000_000)))
			}
		}
	})
	complete, into, ours := 0, filepath.Join(top, "into"), filepath.Join(top, "scratch")
	do(t, os.Mkdir(into, 0o700), os.Mkdir(ours, 0o700))
	for begin := time.Now(); complete < 5 || time.Since(begin) < time.Second; {
		to := filepath.Join(top, "to")
		do(t, os.MkdirAll(to, 0o700))
		manifest, err := manifestOf(t, root(t, from), root(t, to))
		if err == nil {
			complete++
			merge := Merge{From: root(t, from), Into: root(t, into), Scratch: root(t, ours), Was: reader(t, manifest), Out: NewManifestWriter(&strings.Builder{}), Conflict: func(string, string) {}}
			_ = merge.Run(context.Background())
			_, _ = Clean(context.Background(), root(t, top), "to", reader(t, manifest), root(t, into))
		}
		secret(t, to)
		secret(t, into)
		do(t, os.RemoveAll(to))
	}
	close(stop)
	hostile.Wait()
	for i := range 20 {
		if text, err := os.ReadFile(filepath.Join(outside, "sub", string(rune('a'+i)))); err != nil || string(text) != "secret" {
			t.Fatalf("outside: %q, %v", text, err)
		}
	}
}

func secret(t *testing.T, at string) {
	t.Helper()
	do(t, filepath.WalkDir(at, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			var text []byte
			if text, err = os.ReadFile(path); string(text) == "secret" {
				t.Fatalf("%q came from outside", path)
			}
		}
		return err
	}))
}

func TestFileThatGrowsIsNotCopied(t *testing.T) {
	from := quickDir(t)
	path := filepath.Join(from, "log")
	do(t, os.WriteFile(path, []byte("begin"), 0o600))
	stop := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				if file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0); err == nil {
					_, _ = file.WriteString("more")
					_ = file.Close()
				}
			}
		}
	})
	refused := 0
	for begin := time.Now(); refused == 0 && time.Since(begin) < 30*time.Second; {
		to := quickDir(t)
		manifest, err := manifestOf(t, root(t, from), root(t, to))
		switch {
		case errors.Is(err, ErrMoving) || errors.Is(err, ErrOpenForWriting):
			refused++
		case err != nil:
			t.Fatal(err)
		default:
			// What was copied must be a state that the file had.
			if found := differences(t, root(t, to), manifest); len(found) > 0 {
				t.Fatalf("%q", found)
			}
		}
	}
	close(stop)
	writer.Wait()
	if refused == 0 {
		t.Error("a file that grows all the time was copied each time")
	}
}

func TestCleanRemovesOnlyWhatIsKnown(t *testing.T) {
	holder := quickDir(t)
	old := filepath.Join(holder, "old")
	do(t, os.Mkdir(old, 0o700))
	zoo(t, old)
	archive := quickDir(t)
	manifest, err := manifestOf(t, root(t, old), root(t, archive))
	do(t, err)
	late, changed, open := filepath.Join(old, "deep/late"), filepath.Join(old, "empty"), filepath.Join(old, "unreadable")
	do(t, os.WriteFile(late, []byte("late"), 0o600), os.WriteFile(changed, []byte("changed"), 0o600))
	writer, err := os.OpenFile(open, os.O_RDWR, 0)
	do(t, err)
	gone, err := Clean(context.Background(), root(t, holder), "old", reader(t, manifest), root(t, archive))
	if err != nil || gone {
		t.Fatalf("all gone: %v, %v", gone, err)
	}
	var left []string
	do(t, filepath.WalkDir(old, func(path string, entry fs.DirEntry, err error) error {
		if !entry.IsDir() {
			left = append(left, path)
		}
		return err
	}))
	if strings.Join(left, " ") != strings.Join([]string{late, changed, open}, " ") {
		t.Errorf("left: %q", left)
	}
	do(t, writer.Close())
	archive = quickDir(t)
	manifest, err = manifestOf(t, root(t, old), root(t, archive))
	do(t, err)
	gone, err = Clean(context.Background(), root(t, holder), "old", reader(t, manifest), root(t, archive))
	if err != nil || !gone {
		t.Errorf("all gone: %v, %v", gone, err)
	}
}

// What the archive has not, whatever the manifest says of it, is the last of its kind.
func TestCleanKeepsWhatTheArchiveLost(t *testing.T) {
	for _, lost := range [][]string{{"empty"}, {"deep/er/plain", "deep/inside"}, {"deep"}} {
		holder, archive := quickDir(t), quickDir(t)
		old := filepath.Join(holder, "old")
		do(t, os.Mkdir(old, 0o700))
		zoo(t, old)
		manifest, err := manifestOf(t, root(t, old), root(t, archive))
		do(t, err)
		for _, name := range lost {
			do(t, os.RemoveAll(filepath.Join(archive, name)))
		}
		gone, err := Clean(context.Background(), root(t, holder), "old", reader(t, manifest), root(t, archive))
		if err != nil || gone {
			t.Fatalf("all gone: %v, %v", gone, err)
		}
		for _, name := range lost {
			if _, err := os.Lstat(filepath.Join(old, name)); err != nil {
				t.Error(err)
			}
		}
		if _, err := os.Lstat(filepath.Join(old, "large")); err == nil {
			t.Error("what the archive has is kept")
		}
		if lost[0] == "deep" {
			if _, err := os.Lstat(filepath.Join(old, "deep/er/with space")); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestFileSystemWithoutTheExchange(t *testing.T) {
	do(t, root(t, quickDir(t)).CanExchange())
	renameat2 = func(int, string, int, string, uint) error { return unix.EINVAL }
	defer func() { renameat2 = unix.Renameat2 }()
	var refused *NoExchangeError
	if err := root(t, quickDir(t)).CanExchange(); !errors.As(err, &refused) {
		t.Errorf("%v", err)
	}
}
