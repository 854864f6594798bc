// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tree

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func outlineOf(t *testing.T, at string) string {
	t.Helper()
	outline, err := Outline{Owners: true}.Of(context.Background(), root(t, at))
	do(t, err)
	return outline
}

// All that rsync would carry makes another outline, and nothing else does.
func TestOutline(t *testing.T) {
	const plain, link = "/deep/er/plain", "/deep/inside"
	for name, test := range map[string]struct {
		change func(string) error
		other  bool
	}{
		"nothing": {func(string) error { return nil }, false},
		"a copy": {func(at string) error {
			return exec.Command("sh", "-c", "cp -a "+at+plain+" "+at+"/x && mv "+at+"/x "+at+plain).Run()
		}, false},
		"a byte, unseen": {func(at string) error {
			return errors.Join(os.WriteFile(at+"/empty", nil, 0o600), stamp(at+"/empty", 7))
		}, false},
		"a part of a second":   {func(at string) error { return stamp(at+"/empty", 7) }, false},
		"times of a directory": {func(at string) error { return os.Chtimes(at+"/deep", time.Time{}, time.Unix(1, 0)) }, false},
		"a socket":             {func(at string) error { return unix.Mknod(at+"/socket", unix.S_IFSOCK|0o600, 0) }, false},
		"a second":             {func(at string) error { return os.Chtimes(at+"/empty", time.Time{}, time.Unix(2_000_000_000, 0)) }, true},
		"more":                 {func(at string) error { return os.WriteFile(at+"/more", nil, 0o600) }, true},
		"less":                 {func(at string) error { return os.Remove(at + plain) }, true},
		"a directory":          {func(at string) error { return os.Mkdir(at+"/more", 0o700) }, true},
		"longer": {func(at string) error {
			return errors.Join(os.WriteFile(at+"/empty", []byte("x"), 0o600), stamp(at+"/empty", 0))
		}, true},
		"a mode":                  {func(at string) error { return os.Chmod(at+plain, 0o604) }, true},
		"a directory's mode":      {func(at string) error { return os.Chmod(at+"/deep", 0o711) }, true},
		"an attribute":            {func(at string) error { return unix.Setxattr(at+plain, "user.new", []byte("x"), 0) }, true},
		"a directory's attribute": {func(at string) error { return unix.Setxattr(at+"/deep", "user.new", []byte("x"), 0) }, true},
		"a link":                  {func(at string) error { return errors.Join(os.Remove(at+link), os.Symlink("er/other", at+link)) }, true},
		"a file for a link":       {func(at string) error { return errors.Join(os.Remove(at+link), os.WriteFile(at+link, nil, 0o600)) }, true},
		"one file of two": {func(at string) error {
			return exec.Command("sh", "-c", "cp -p "+at+"/large "+at+"/x && mv "+at+"/x "+at+"/large").Run()
		}, true},
		"a name moved": {func(at string) error { return os.Rename(at+plain, at+"/deep/plain") }, true},
		"an owner":     {func(at string) error { return os.Lchown(at+plain, 12345, -1) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			at := quickDir(t)
			zoo(t, at)
			do(t, stamp(at+"/empty", 0))
			before := outlineOf(t, at)
			if err := test.change(at); errors.Is(err, unix.ENOTSUP) {
				t.Skip("there are no extended attributes here")
			} else if err != nil {
				t.Fatal(err)
			}
			if after := outlineOf(t, at); (after != before) != test.other {
				t.Errorf("the outline is another: %v, want %v", after != before, test.other)
			}
		})
	}
}

// stamp sets a file's time to one second and a part of it.
func stamp(path string, nanoseconds int64) error {
	return os.Chtimes(path, time.Time{}, time.Unix(1_700_000_000, nanoseconds))
}

func TestOutlineWithout(t *testing.T) {
	at := quickDir(t)
	zoo(t, at)
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	do(t, err)
	defer func() { _ = unix.Close(fd) }()
	_, err = unix.InotifyAddWatch(fd, filepath.Join(at, "deep"), unix.IN_OPEN)
	do(t, err)
	outline := Outline{Without: func(path string) bool { return path == "deep" }}
	before, err := outline.Of(context.Background(), root(t, at))
	do(t, err)
	if n, err := unix.Read(fd, make([]byte, 4096)); !errors.Is(err, unix.EAGAIN) {
		t.Errorf("what is left out was opened: %d bytes of events, %v", n, err)
	}
	do(t, os.RemoveAll(filepath.Join(at, "deep/er")))
	within, err := outline.Of(context.Background(), root(t, at))
	do(t, err, os.Remove(filepath.Join(at, "empty")))
	beside, err := outline.Of(context.Background(), root(t, at))
	do(t, err)
	if within != before || beside == before {
		t.Errorf("%s, %s, %s", before, within, beside)
	}
}
