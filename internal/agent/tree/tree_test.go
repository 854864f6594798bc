// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tree

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func do(t *testing.T, problems ...error) {
	t.Helper()
	if err := errors.Join(problems...); err != nil {
		t.Fatal(err)
	}
}

// quickDir is a directory in memory where there is one: these tests make much
// safe on disk, and the disk of a busy machine is slow at that.
func quickDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "atoll-tree-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func root(t *testing.T, path string) *Dir {
	t.Helper()
	dir, err := OpenRoot(path)
	do(t, err)
	t.Cleanup(dir.Close)
	return dir
}

// zoo makes a directory with all that a tier carries.
func zoo(t *testing.T, at string) {
	t.Helper()
	deep := filepath.Join(at, "deep", "er")
	do(t, os.MkdirAll(deep, 0o750))
	for _, name := range []string{"plain", "with space", "new\nline", "no\xff\xfeutf8", "quote\"'%41", "-dash", ".hidden", strings.Repeat("x", 255)} {
		do(t, os.WriteFile(filepath.Join(deep, name), []byte("content of "+name), 0o640))
	}
	do(t, os.WriteFile(filepath.Join(at, "empty"), nil, 0o600), os.WriteFile(filepath.Join(at, "large"), bytes.Repeat([]byte("0123456789abcdef"), 100_000), 0o644))
	do(t, os.WriteFile(filepath.Join(at, "unreadable"), []byte("x"), 0), os.WriteFile(filepath.Join(at, "setuid"), []byte("x"), 0o755))
	do(t, os.Chmod(filepath.Join(at, "setuid"), 0o755|os.ModeSetuid))
	do(t, os.Link(filepath.Join(at, "large"), filepath.Join(deep, "another name")))
	do(t, os.Symlink("er/plain", filepath.Join(at, "deep", "inside")), os.Symlink("/nowhere at all", filepath.Join(at, "absolute")))
	sparse, err := os.Create(filepath.Join(at, "sparse"))
	do(t, err, sparse.Truncate(8<<20))
	_, err = sparse.WriteAt([]byte("in the middle"), 4<<20)
	do(t, err, sparse.Close())
}

func manifestOf(t *testing.T, from, to *Dir) (*bytes.Buffer, error) {
	t.Helper()
	var manifest bytes.Buffer
	out := NewManifestWriter(&manifest)
	err := Copy(context.Background(), from, to, out)
	if err == nil {
		_, err = out.Finish()
	}
	return &manifest, err
}

func reader(t *testing.T, manifest *bytes.Buffer) *ManifestReader {
	t.Helper()
	if manifest == nil {
		return nil
	}
	r, err := NewManifestReader(bytes.NewReader(manifest.Bytes()))
	do(t, err)
	return r
}

func differences(t *testing.T, top *Dir, manifest *bytes.Buffer) []string {
	t.Helper()
	var found []string
	out := NewManifestWriter(&bytes.Buffer{})
	do(t, top.SyncAll(), Compare(context.Background(), top, reader(t, manifest), out, func(d Difference) { found = append(found, d.String()) }))
	do(t, ReadBack(context.Background(), top, reader(t, manifest), func(v *Visit, _ Entry, problem error) error {
		found = append(found, Difference{v.Path, problem.Error()}.String())
		return nil
	}))
	return found
}

func TestCopyIsTheSame(t *testing.T) {
	from, to := quickDir(t), quickDir(t)
	zoo(t, from)
	manifest, err := manifestOf(t, root(t, from), root(t, to))
	do(t, err)
	if found := differences(t, root(t, to), manifest); len(found) > 0 {
		t.Errorf("%q", found)
	}
	var one, other, sparse unix.Stat_t
	do(t, unix.Stat(filepath.Join(to, "large"), &one), unix.Stat(filepath.Join(to, "deep/er/another name"), &other), unix.Stat(filepath.Join(to, "sparse"), &sparse))
	if one.Ino != other.Ino {
		t.Error("two names of one file became two files")
	}
	if sparse.Blocks*512 > 1<<20 {
		t.Errorf("a sparse file of 8 MiB takes %d bytes", sparse.Blocks*512)
	}
	do(t, unix.Stat(filepath.Join(to, "setuid"), &one))
	if one.Mode&unix.S_ISUID == 0 {
		t.Error("the setuid bit is lost")
	}
	// Nothing changed, so nothing is touched; and the copy goes on where it stopped.
	touched, err := Touched(context.Background(), root(t, from), reader(t, manifest))
	if err != nil || touched != "" {
		t.Errorf("touched %q, %v", touched, err)
	}
}

func TestCopyKeepsAttributes(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	file := filepath.Join(from, "file")
	do(t, os.WriteFile(file, []byte("x"), 0o640))
	if err := unix.Setxattr(file, "user.note", []byte{0, 255}, 0); errors.Is(err, unix.ENOTSUP) {
		t.Skip("the file system of the temporary directory has no extended attributes")
	}
	// An ACL: the owner, user 12345 and others, as the kernel keeps it.
	acl := []byte{2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 2, 0, 4, 0, 57, 48, 0, 0, 4, 0, 4, 0, 255, 255, 255, 255, 16, 0, 4, 0, 255, 255, 255, 255, 32, 0, 0, 0, 255, 255, 255, 255}
	do(t, unix.Setxattr(file, "system.posix_acl_access", acl, 0), unix.Setxattr(from, "system.posix_acl_default", acl, 0))
	manifest, err := manifestOf(t, root(t, from), root(t, to))
	do(t, err)
	if found := differences(t, root(t, to), manifest); len(found) > 0 {
		t.Errorf("%q", found)
	}
	for path, name := range map[string]string{filepath.Join(to, "file"): "system.posix_acl_access", to: "system.posix_acl_default"} {
		value := make([]byte, 100)
		n, err := unix.Getxattr(path, name, value)
		if err != nil || !bytes.Equal(value[:n], acl) {
			t.Errorf("%s of the copy: %v, %v", name, value[:max(n, 0)], err)
		}
	}
	do(t, unix.Removexattr(filepath.Join(to, "file"), "user.note"))
	if found := differences(t, root(t, to), manifest); len(found) != 1 || !strings.Contains(found[0], "extended attributes") {
		t.Errorf("%q", found)
	}
}

// A copy that got stuck is finished by the next, whatever it left.
func TestCopyGoesOn(t *testing.T) {
	from, to := quickDir(t), quickDir(t)
	zoo(t, from)
	_, err := manifestOf(t, root(t, from), root(t, to))
	do(t, err)
	large, err := os.Stat(filepath.Join(from, "large"))
	do(t, err)
	do(t, os.WriteFile(filepath.Join(to, "large"), bytes.Repeat([]byte("?"), int(large.Size())), 0o600), os.Chtimes(filepath.Join(to, "large"), time.Time{}, large.ModTime()))
	do(t, os.Truncate(filepath.Join(to, "deep/er/plain"), 3), os.Remove(filepath.Join(to, "empty")))
	do(t, os.WriteFile(filepath.Join(to, "left over"), nil, 0o600), os.MkdirAll(filepath.Join(to, "also/left"), 0o700))
	do(t, os.Remove(filepath.Join(to, "absolute")), os.Mkdir(filepath.Join(to, "absolute"), 0o700))
	do(t, os.RemoveAll(filepath.Join(to, "deep/er")), os.Symlink("/etc", filepath.Join(to, "deep/er")))
	manifest, err := manifestOf(t, root(t, from), root(t, to))
	do(t, err)
	if found := differences(t, root(t, to), manifest); len(found) > 0 {
		t.Errorf("%q", found)
	}
}

func TestWhatIsNoCopyIsFound(t *testing.T) {
	for name, test := range map[string]struct {
		damage func(string) error
		says   string
	}{
		"a flipped bit": {func(at string) error {
			stat, err := os.Stat(at + "/large")
			if err != nil {
				return err
			}
			file, err := os.OpenFile(at+"/large", os.O_RDWR, 0)
			if err != nil {
				return err
			}
			_, err = file.WriteAt([]byte("x"), 77777)
			return errors.Join(err, file.Close(), os.Chtimes(at+"/large", time.Time{}, stat.ModTime()))
		}, `"large" the content is another`},
		"a shorter file":     {func(at string) error { return os.Truncate(at+"/sparse", 1000) }, "has 1000 bytes"},
		"a missing file":     {func(at string) error { return os.Remove(at + "/empty") }, `"empty" is missing`},
		"another file":       {func(at string) error { return os.WriteFile(at+"/zz", nil, 0o600) }, `"zz" is not in the manifest`},
		"another permission": {func(at string) error { return os.Chmod(at+"/empty", 0o644) }, "has the permissions 0644, want 0600"},
		"another time":       {func(at string) error { return os.Chtimes(at+"/empty", time.Time{}, time.Unix(1, 0)) }, "another modification time"},
		"another link":       {func(at string) error { return errors.Join(os.Remove(at+"/absolute"), os.Symlink("/x", at+"/absolute")) }, `"absolute" has other content`},
		"a file for a link": {func(at string) error {
			return errors.Join(os.Remove(at+"/absolute"), os.WriteFile(at+"/absolute", nil, 0o600))
		}, "is of the kind f, want l"},
		"a lost directory": {func(at string) error { return os.RemoveAll(at + "/deep") }, `"deep/er/plain" is missing`},
	} {
		t.Run(name, func(t *testing.T) {
			from, to := quickDir(t), quickDir(t)
			zoo(t, from)
			manifest, err := manifestOf(t, root(t, from), root(t, to))
			do(t, err, test.damage(to))
			found := differences(t, root(t, to), manifest)
			if !slices.ContainsFunc(found, func(d string) bool { return strings.Contains(d, test.says) }) {
				t.Errorf("%q", found)
			}
		})
	}
}

func TestManifestThatIsNotWhole(t *testing.T) {
	from := quickDir(t)
	zoo(t, from)
	manifest, err := manifestOf(t, root(t, from), root(t, quickDir(t)))
	do(t, err)
	whole, err := ReadSum(bytes.NewReader(manifest.Bytes()))
	if err != nil || whole.Entries < 15 || whole.Bytes < 8<<20 || whole.Digest == "" {
		t.Fatalf("%+v, %v", whole, err)
	}
	for cut := range manifest.Len() - 1 {
		if _, err := ReadSum(bytes.NewReader(manifest.Bytes()[:cut])); !errors.Is(err, ErrBrokenManifest) {
			t.Fatalf("cut after %d of %d bytes: %v", cut, manifest.Len(), err)
		}
	}
	lines := bytes.SplitAfter(manifest.Bytes(), []byte("\n"))
	if _, err := ReadSum(bytes.NewReader(bytes.Join(slices.Delete(lines, 3, 4), nil))); !errors.Is(err, ErrBrokenManifest) {
		t.Errorf("without a line: %v", err)
	}
}

// The digest must be the same on every node, however the files came there.
func TestDigestIsOfNamesAndContents(t *testing.T) {
	digest := func(change func(string)) string {
		from := quickDir(t)
		zoo(t, from)
		change(from)
		manifest, err := manifestOf(t, root(t, from), root(t, quickDir(t)))
		do(t, err)
		sum, err := ReadSum(manifest)
		do(t, err)
		return sum.Digest
	}
	one := digest(func(string) {})
	if other := digest(func(at string) {
		do(t, os.Chmod(at+"/empty", 0o777), os.Chtimes(at+"/large", time.Time{}, time.Unix(1, 1)))
	}); other != one {
		t.Error("the digest depends on permissions or times")
	}
	if other := digest(func(at string) { do(t, os.WriteFile(at+"/empty", []byte("x"), 0o600)) }); other == one {
		t.Error("the digest does not depend on the content")
	}
	if other := digest(func(at string) { do(t, os.Rename(at+"/empty", at+"/emptied")) }); other == one {
		t.Error("the digest does not depend on names")
	}
}

func TestComparePathsIsTheOrderOfAWalk(t *testing.T) {
	top := quickDir(t)
	for _, path := range []string{"a/b/c", "a-b", "a b/x", "a/b-c", "a.", "ab", "a/\xff", "a/\n/z", "b"} {
		do(t, os.MkdirAll(filepath.Join(top, path), 0o700))
	}
	last, first := "", true
	do(t, Walk(context.Background(), root(t, top), func(v *Visit) error {
		if !first && comparePaths(last, v.Path) >= 0 {
			t.Errorf("%q comes before %q", last, v.Path)
		}
		last, first = v.Path, false
		return nil
	}, nil))
}

func TestLeadsOut(t *testing.T) {
	for text, want := range map[string]bool{
		"file": false, "/absolute": false, "../sibling": false, "../../top": false, "../../../out": true,
		"..": false, "../..": false, "../../..": true, "a/../b": true, "./../x": false, "a//b": false,
	} {
		if got := leadsOut("one/two/link", text); got != want {
			t.Errorf("%q from one/two/link: %v", text, got)
		}
	}
	if !leadsOut("link", "../x") {
		t.Error("../x at the top does not lead out")
	}
}

func TestCopyRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		make func(string) error
		want func(error) bool
	}{
		"a pipe":   {func(at string) error { return unix.Mkfifo(at, 0o600) }, func(err error) bool { var e *UnknownKindError; return errors.As(err, &e) }},
		"a socket": {func(at string) error { return unix.Mknod(at, unix.S_IFSOCK|0o600, 0) }, func(err error) bool { return strings.Contains(fmt.Sprint(err), "is a socket") }},
		"a link out": {func(at string) error { return os.Symlink("../x", at) }, func(err error) bool {
			var e *LinkLeadsOutError
			return errors.As(err, &e)
		}},
		"a file that is written": {func(at string) error {
			file, err := os.Create(at)
			t.Cleanup(func() { _ = file.Close() })
			return err
		}, func(err error) bool { return errors.Is(err, ErrOpenForWriting) }},
	} {
		t.Run(name, func(t *testing.T) {
			from := quickDir(t)
			do(t, test.make(filepath.Join(from, "it")))
			_, err := manifestOf(t, root(t, from), root(t, quickDir(t)))
			if !test.want(err) {
				t.Errorf("%v", err)
			}
			if name == "a file that is written" {
				return
			}
			look, err := LookAt(context.Background(), root(t, from))
			if err != nil || !test.want(look.Unfit) {
				t.Errorf("the first look says %v, %v", look.Unfit, err)
			}
		})
	}
}

func TestCopyThatReadsOtherwise(t *testing.T) {
	from := quickDir(t)
	do(t, os.WriteFile(filepath.Join(from, "file"), []byte("as it is"), 0o600))
	file, stat, err := root(t, from).openFile("file")
	do(t, err)
	defer file.close()
	content, err := Hash(strings.NewReader("as it was"))
	do(t, err)
	if err := file.reads(content, stat); !errors.Is(err, ErrUnlike) {
		t.Errorf("%v", err)
	}
	content, err = Hash(strings.NewReader("as it is"))
	do(t, err, file.reads(content, stat))
}
