// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package count

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/atollhq/terraform-provider-atoll/internal/agent"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

func do(t *testing.T, problems ...error) {
	t.Helper()
	for _, err := range problems {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func start(t *testing.T, root, into string, more ...string) int {
	t.Helper()
	streams := agent.Streams{Out: os.Stderr, Err: os.Stderr}
	return agent.Main(t.Context(), []agent.Role{Role}, append([]string{"atoll-agent", "count", "--root", root, "--layout", "%Y/%m/%d", "--into", into}, more...), streams)
}

func read(t *testing.T, into string) tier.Count {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(into, tier.CountFile))
	do(t, err)
	var found tier.Count
	do(t, json.Unmarshal(text, &found))
	return found
}

func TestCount(t *testing.T) {
	root, into := filepath.Join(t.TempDir(), "hot"), t.TempDir()
	for _, dir := range []string{"2026/11/25", "2026/11/26/a", "2026/02/30", "2025/12/31", ".tier", "other"} {
		do(t, os.MkdirAll(filepath.Join(root, dir), 0o755))
	}
	for name, text := range map[string]string{"2026/11/25/one": "12345", "2026/11/26/a/two\n\xff": "123", ".tier/name": "never counted", "other/empty": ""} {
		do(t, os.WriteFile(filepath.Join(root, name), []byte(text), 0o600))
	}
	do(t, os.Symlink("2026/11/25", filepath.Join(root, "link")), os.Symlink("/", filepath.Join(root, "out")), os.Link(filepath.Join(root, "2026/11/25/one"), filepath.Join(root, "again")))
	if code := start(t, root, into); code != agent.ExitDone {
		t.Fatal(code)
	}
	found := read(t, into)
	want := tier.Count{At: found.At, Whole: true, Files: 4, Directories: 11, Others: 2, Bytes: 13, Days: 3, First: "2025/12/31", Last: "2026/11/26", Filling: found.Filling}
	if diff := cmp.Diff(want, found); diff != "" || time.Since(found.At) > time.Hour || len(found.Filling) != 1 || found.Filling[0].Bytes == 0 {
		t.Errorf("%v\n%s", found, diff)
	}
	// What was known of the file system stays known; rubbish does not stop it.
	if code := start(t, root, into); code != agent.ExitDone || len(read(t, into).Filling) != 2 {
		t.Errorf("%d, %v", code, read(t, into))
	}
	do(t, os.WriteFile(filepath.Join(into, tier.CountFile), []byte(`{"filling": 7`), 0o600))
	if code := start(t, root, into); code != agent.ExitDone || read(t, into).Files != 4 {
		t.Errorf("%d, %v", code, read(t, into))
	}
	// A tree that is not mounted is not an empty one.
	do(t, os.RemoveAll(filepath.Join(root, ".tier")))
	if code := start(t, root, into); code != agent.ExitFailed || read(t, into).Files != 4 {
		t.Errorf("%d, %v", code, read(t, into))
	}
}

// What an archive keeps for itself is not of it; a file that is called so is.
func TestCountOfAnArchive(t *testing.T) {
	root, into := filepath.Join(t.TempDir(), "cold"), t.TempDir()
	for _, dir := range []string{".tier", ".tier-archive/replaced/2026/11/24", ".tier-nodes", "2026/11/25/.tier-nodes"} {
		do(t, os.MkdirAll(filepath.Join(root, dir), 0o755))
	}
	for _, name := range []string{".tier/name", ".tier-archive/replaced/2026/11/24/old", ".tier-nodes/app1.json", "2026/11/25/.tier-nodes/mine"} {
		do(t, os.WriteFile(filepath.Join(root, name), []byte("12345"), 0o600))
	}
	if code := start(t, root, into); code != agent.ExitDone {
		t.Fatal(code)
	}
	if found := read(t, into); found.Files != 1 || found.Bytes != 5 || found.Days != 1 || found.First != "2026/11/25" {
		t.Errorf("%+v", found)
	}
}

// What the time did not suffice for is not given out for all.
func TestCountThatIsCut(t *testing.T) {
	root := t.TempDir()
	do(t, os.WriteFile(filepath.Join(root, "file"), nil, 0o600))
	layout, err := tier.ParseLayout("%Y")
	do(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if found, err := walk(ctx, root, layout); err != nil || found.Whole || found.Files != 0 {
		t.Errorf("%+v, %v", found, err)
	}
	// The role's own limit is one, too, and what it cut is written down.
	into := t.TempDir()
	do(t, os.Mkdir(filepath.Join(root, ".tier"), 0o700))
	if code := start(t, root, into, "--within", "1ns"); code != agent.ExitDone || read(t, into).Whole || read(t, into).At.IsZero() {
		t.Errorf("%d, %+v", code, read(t, into))
	}
}

func TestCountRefusesWhatItDoesNotUnderstand(t *testing.T) {
	if code := start(t, "srv", "/x"); code != agent.ExitUsage {
		t.Error(code)
	}
	if code := start(t, "/", "/x"); code != agent.ExitUsage {
		t.Error(code)
	}
}
