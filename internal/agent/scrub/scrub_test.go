// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package scrub

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/atollhq/terraform-provider-atoll/internal/agent"
	"github.com/atollhq/terraform-provider-atoll/internal/agent/mover"
)

const day = "2020/02/01"

func do(t *testing.T, problems ...error) {
	t.Helper()
	if err := errors.Join(problems...); err != nil {
		t.Fatal(err)
	}
}

// replica is a node whose archive has one day, moved there by the mover.
type replica struct {
	t    *testing.T
	name string
	down error
	Scrubber
}

func (r *replica) Name() string { return r.name }

func (r *replica) Fetch(_ context.Context, day, path string) (io.ReadCloser, error) {
	if r.down != nil {
		return nil, r.down
	}
	return Fetch(r.Config, day, path)
}

func newReplica(t *testing.T, name string) *replica {
	t.Helper()
	top, err := os.MkdirTemp("/dev/shm", "atoll-scrub-")
	if err != nil {
		top = t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(top) })
	config := mover.Config{Tier: "files", Hot: filepath.Join(top, "hot"), Cold: filepath.Join(top, "cold"), Layout: "%Y/%m/%d"}
	hot := filepath.Join(config.Hot, day)
	do(t, os.MkdirAll(filepath.Join(hot, "dir"), 0o755), os.Mkdir(config.Cold, 0o755), mover.Prepare(config))
	for _, file := range []string{"one", "dir/two", "dir/three"} {
		do(t, os.WriteFile(filepath.Join(hot, file), []byte(strings.Repeat(file, 1000)), 0o640))
	}
	do(t, os.Symlink("one", filepath.Join(hot, "link")))
	moving := mover.Mover{Config: config}
	_, err = moving.Run(context.Background())
	do(t, err)
	return &replica{t: t, name: name, Scrubber: Scrubber{Config: config}}
}

func (r *replica) cold(path string) string { return filepath.Join(r.Config.Cold, day, path) }

// rot changes a byte of a file, and hides it: the times that an inode has cannot
// be set back, so the manifest is given those that it has now.
func (r *replica) rot(path string) {
	r.t.Helper()
	before, err := os.Stat(r.cold(path))
	do(r.t, err)
	file, err := os.OpenFile(r.cold(path), os.O_RDWR, 0)
	do(r.t, err)
	_, err = file.WriteAt([]byte("?"), 777)
	do(r.t, err, file.Close(), os.Chtimes(r.cold(path), time.Time{}, before.ModTime()))
	var stat unix.Stat_t
	do(r.t, unix.Stat(r.cold(path), &stat))
	manifest := filepath.Join(r.Config.Cold, ".tier/2020%2F02%2F01.scrub")
	text, err := os.ReadFile(manifest)
	do(r.t, err)
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		if strings.HasSuffix(line, " ="+url.PathEscape(path)) {
			fields := strings.Split(line, " ")
			fields[7] = fmt.Sprint(stat.Ctim.Nano())
			lines[i] = strings.Join(fields, " ")
		}
	}
	do(r.t, os.WriteFile(manifest, []byte(strings.Join(lines, "\n")), 0o600))
}

func (r *replica) run() Day {
	r.t.Helper()
	days, err := r.Run(context.Background())
	do(r.t, err)
	if len(days) != 1 || days[0].Day != day || days[0].Err != nil {
		r.t.Fatalf("%+v", days)
	}
	return days[0]
}

func TestSound(t *testing.T) {
	one := newReplica(t, "one")
	for range 2 {
		if found := one.run(); len(found.Rotten) > 0 || len(found.Missing) > 0 || found.Files < 4 || found.Bytes < 3000 {
			t.Errorf("%+v", found)
		}
	}
	one.Interval = time.Hour
	if days, err := one.Run(context.Background()); err != nil || len(days) > 0 {
		t.Errorf("read again within the interval: %+v, %v", days, err)
	}
	one.Now = func() time.Time { return time.Now().Add(2 * time.Hour) }
	if found := one.run(); len(found.Rotten) > 0 {
		t.Errorf("%+v", found)
	}
}

func TestRotIsMended(t *testing.T) {
	one, two, three := newReplica(t, "one"), newReplica(t, "two"), newReplica(t, "three")
	one.Sources = []Source{two, three}
	want, err := os.ReadFile(one.cold("dir/two"))
	do(t, err)
	// The second has rotted, too, and in the same way.
	one.rot("dir/two")
	two.rot("dir/two")
	before, err := os.Stat(one.cold("dir/two"))
	do(t, err)
	found := one.run()
	if len(found.Rotten) != 1 || found.Rotten[0].Path != "dir/two" || found.Rotten[0].From != "three" {
		t.Fatalf("%+v", found)
	}
	after, err := os.Stat(one.cold("dir/two"))
	do(t, err)
	if text, err := os.ReadFile(one.cold("dir/two")); err != nil || !bytes.Equal(text, want) || after.Mode() != before.Mode() || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("%.20q, %v, %v", text, after, err)
	}
	if found := one.run(); len(found.Rotten) > 0 {
		t.Errorf("%+v", found)
	}
}

func TestRotThatNobodyCanMend(t *testing.T) {
	one, two := newReplica(t, "one"), newReplica(t, "two")
	two.down = errors.New("connection refused")
	one.Sources = []Source{two}
	one.rot("one")
	rotten, err := os.ReadFile(one.cold("one"))
	do(t, err)
	// It is said each time, and never taken for right.
	for range 2 {
		found := one.run()
		if len(found.Rotten) != 1 || found.Rotten[0].From != "" || !strings.Contains(found.Rotten[0].Why, "two: connection refused") {
			t.Fatalf("%+v", found)
		}
		if text, err := os.ReadFile(one.cold("one")); err != nil || !bytes.Equal(text, rotten) {
			t.Errorf("%v", err)
		}
	}
	two.down = nil
	if found := one.run(); len(found.Rotten) != 1 || found.Rotten[0].From != "two" {
		t.Errorf("%+v", found)
	}
}

func TestChangesAreNoRot(t *testing.T) {
	one := newReplica(t, "one")
	do(t, os.WriteFile(one.cold("one"), []byte("written late"), 0o640), os.WriteFile(one.cold("new"), nil, 0o600), os.Remove(one.cold("dir/two")), unix.Mkfifo(one.cold("pipe"), 0o600))
	found := one.run()
	if len(found.Rotten) > 0 || strings.Join(found.Missing, " ") != "dir/two" {
		t.Errorf("%+v", found)
	}
	if found := one.run(); len(found.Rotten) > 0 || len(found.Missing) > 0 {
		t.Errorf("%+v", found)
	}
	// What was written late is guarded from then on.
	one.rot("dir/three")
	if found := one.run(); len(found.Rotten) != 1 {
		t.Errorf("%+v", found)
	}
}

func TestManifestThatRotted(t *testing.T) {
	one := newReplica(t, "one")
	do(t, os.Truncate(filepath.Join(one.Config.Cold, ".tier/2020%2F02%2F01.scrub"), 200))
	if found := one.run(); len(found.Rotten) != 1 || !strings.Contains(found.Rotten[0].Why, "remembered anew") {
		t.Errorf("%+v", found)
	}
	if found := one.run(); len(found.Rotten) > 0 {
		t.Errorf("%+v", found)
	}
}

func TestFetchGivesOnlyDays(t *testing.T) {
	one := newReplica(t, "one")
	do(t, os.Symlink("/etc", one.cold("etc")))
	for _, ask := range [][2]string{{".tier", "name"}, {day, "../../../.tier/name"}, {day, "/etc/passwd"}, {day, "etc/passwd"}, {"2020/02", "01/one"}, {day, "dir"}, {day, "link"}} {
		if content, err := Fetch(one.Config, ask[0], ask[1]); err == nil {
			text, _ := io.ReadAll(content)
			t.Errorf("%q is given as %.40q", ask, text)
		}
	}
	content, err := Fetch(one.Config, day, "dir/two")
	do(t, err)
	text, err := io.ReadAll(content)
	if err != nil || content.Close() != nil || len(text) != 7000 {
		t.Errorf("%d bytes, %v", len(text), err)
	}
}

func TestRole(t *testing.T) {
	one := newReplica(t, "one")
	text, err := json.Marshal(one.Config)
	file := filepath.Join(t.TempDir(), "tier.json")
	do(t, err, os.WriteFile(file, text, 0o600))
	start := func(args ...string) (int, string, string) {
		var out, problems bytes.Buffer
		code := agent.Main(context.Background(), []agent.Role{Role}, append([]string{"atoll-agent", "scrub"}, args...), agent.Streams{Out: &out, Err: &problems})
		return code, out.String(), problems.String()
	}
	if code, out, problems := start("--config", file, "--interval", "0s"); code != agent.ExitDone || !strings.Contains(out, day+": read 6 files") {
		t.Errorf("%d, %s, %s", code, out, problems)
	}
	one.rot("one")
	code, out, problems := start("--config", file, "--interval", "0s", "--json")
	var read map[string][]line
	if err := json.Unmarshal([]byte(out), &read); err != nil || len(read["days"]) != 1 || len(read["days"][0].Rotten) != 1 {
		t.Errorf("%v, %s", err, out)
	}
	if code != agent.ExitFailed || !strings.Contains(problems, `"one" rotted (the content is another, and nobody changed it) and was not mended`) {
		t.Errorf("%d, %s", code, problems)
	}
	if code, _, problems := start("--config", file, "--faster"); code != agent.ExitUsage || !strings.Contains(problems, "terraform apply") {
		t.Errorf("%d, %s", code, problems)
	}
}
