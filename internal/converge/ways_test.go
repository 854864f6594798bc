// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package converge

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Another user who owns any directory on the way, or may write to it, could lead
// a write of root's to any file of the machine. Nothing is written there.
func TestRootWritesOnNoOtherUsersWay(t *testing.T) {
	root(t)
	const stranger = 65534
	for _, level := range []string{"a", "a/b", "a/b/c"} {
		for how, spoil := range map[string]func(string) error{
			"owned":          func(dir string) error { return os.Chown(dir, stranger, 0) },
			"group-writable": func(dir string) error { return join(os.Chown(dir, 0, stranger), os.Chmod(dir, 0o775)) },
			"world-writable": func(dir string) error { return os.Chmod(dir, 0o777) },
			"led elsewhere": func(dir string) error {
				other := filepath.Join(filepath.Dir(filepath.Dir(dir)), "other")
				return join(os.MkdirAll(filepath.Join(other, "b/c"), 0o755), os.Chown(other, stranger, 0), os.RemoveAll(dir), os.Symlink(other, dir))
			},
		} {
			base := t.TempDir()
			deepest := filepath.Join(base, "a/b/c")
			victim := filepath.Join(base, "victim")
			if err := join(os.MkdirAll(deepest, 0o755), os.WriteFile(victim, []byte("root's"), 0o600), spoil(filepath.Join(base, level))); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(deepest, "f")
			// Where the way stands, the trap is set.
			_ = os.Symlink(victim, path)
			_ = os.Symlink(victim, temporary(path))
			for what, step := range map[string]Step{
				"file": fileStep(File{Path: path, Mode: 0o644, Owner: "nobody", Content: []byte("new")}), "attributes": attributesStep(File{Path: path, Owner: "nobody", Mode: 0o666}),
				"link": linkStep(Link{Path: path, Target: "/x"}), "directory": directoryStep(Directory{Path: path, Owner: "nobody", Mode: 0o777}), "removal": removeStep(path),
			} {
				err := Apply(t.Context(), here{}, Manifest{Owner: "t"}, []Step{step})
				if err == nil || !strings.Contains(err.Error(), "Give it to root") {
					t.Errorf("%s, %s, %s: %v", level, how, what, err)
				}
				about, _ := os.Stat(victim)
				if content, err := os.ReadFile(victim); err != nil || string(content) != "root's" || about.Mode().Perm() != 0o600 {
					t.Fatalf("%s, %s, %s: the victim is %q %v, %v", level, how, what, content, about.Mode(), err)
				}
			}
		}
	}
}

// A link of root's on a way of root's is as good as a directory (/etc/alternatives).
func TestRootWritesOnItsOwnWay(t *testing.T) {
	root(t)
	base := t.TempDir()
	if err := join(os.MkdirAll(filepath.Join(base, "real"), 0o755), os.Symlink("real", filepath.Join(base, "led"))); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(base, "led", "new", "f")
	err := Apply(t.Context(), here{}, Manifest{Owner: "t"}, []Step{
		directoryStep(Directory{Path: filepath.Dir(path), Mode: 0o755}), fileStep(File{Path: path, Mode: 0o644, Content: []byte("x")}),
	})
	if content, _ := os.ReadFile(filepath.Join(base, "real/new/f")); err != nil || string(content) != "x" {
		t.Errorf("%q, %v", content, err)
	}
}

func join(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
