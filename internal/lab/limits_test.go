// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package lab

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// kernel is a root with files below /proc.
func kernel(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, "proc", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestLimitsAreRaised(t *testing.T) {
	const key = "sys/fs/inotify/max_user_instances"
	for name, row := range map[string]struct {
		before string
		hosts  int
		after  string
	}{
		"a few hosts":      {"128\n", 5, "208\n"},
		"many hosts":       {"128\n", 40, "768\n"},
		"never lowered":    {"8192\n", 40, "8192\n"},
		"enough by itself": {"208\n", 5, "208\n"},
	} {
		root := kernel(t, map[string]string{key: row.before})
		if err := raiseLimits(root, row.hosts); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if after, _ := os.ReadFile(filepath.Join(root, "proc", key)); string(after) != row.after {
			t.Errorf("%s: %q, want %q", name, after, row.after)
		}
	}
}

// A limit that stays is named with its value and what is needed. Root writes
// through modes, so the file is one that takes nothing.
func TestLimitThatCannotBeRaisedIsNamed(t *testing.T) {
	root := kernel(t, map[string]string{"sys/fs/inotify/max_user_instances": "128\n", "sys/fs/aio-max-nr": "1048576\n"})
	path := filepath.Join(root, "proc/sys/fs/inotify/max_user_watches")
	if err := os.Symlink("/dev/null", path); err != nil {
		t.Fatal(err)
	}
	err := raiseLimits(root, 20)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"fs.inotify.max_user_watches is 0", "20 hosts need 172032", "sysctl -w fs.inotify.max_user_watches=172032"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
	if strings.Contains(err.Error(), "aio") || strings.Contains(err.Error(), "instances") {
		t.Errorf("%q names what was enough", err)
	}
}

func TestWhatRanOutIsSaid(t *testing.T) {
	root := kernel(t, map[string]string{
		"sys/fs/inotify/max_user_instances": "4\n", "sys/fs/aio-max-nr": "65536\n", "sys/fs/aio-nr": "2305\n", "7/fd/0": "",
	})
	for _, name := range []string{"3", "4", "5"} {
		if err := os.Symlink("anon_inode:inotify", filepath.Join(root, "proc/7/fd", name)); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := exhausted(root), "\nfs.inotify.max_user_instances ran out: 3 of 4 are in use, and a host needs up to 16"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
