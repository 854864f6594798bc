// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package scrub

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/atollhq/terraform-provider-atoll/internal/agent"
	"github.com/atollhq/terraform-provider-atoll/internal/agent/mover"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
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
	Scrubber
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

// rot changes a byte of a file, and leaves its time as it was.
func (r *replica) rot(path string) {
	r.t.Helper()
	before, err := os.Stat(r.cold(path))
	do(r.t, err)
	file, err := os.OpenFile(r.cold(path), os.O_RDWR, 0)
	do(r.t, err)
	_, err = file.WriteAt([]byte("?"), 777)
	do(r.t, err, file.Close(), os.Chtimes(r.cold(path), time.Time{}, before.ModTime()))
}

// lend brings what a node has of a file into another one's workshop, for what is
// wanted there.
func (r *replica) lend(to *replica, path, content string) {
	r.t.Helper()
	text, err := os.ReadFile(r.cold(path))
	lent := filepath.Join(to.Config.Cold, tier.Workshop, tier.Lent)
	do(r.t, err, os.MkdirAll(lent, 0o700), os.WriteFile(filepath.Join(lent, tier.LentFile(content, r.name)), text, 0o600))
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
	want, err := os.ReadFile(one.cold("dir/two"))
	do(t, err)
	// The second has rotted, too, and in the same way.
	one.rot("dir/two")
	two.rot("dir/two")
	rotten, err := os.ReadFile(one.cold("dir/two"))
	do(t, err)
	before, err := os.Stat(one.cold("dir/two"))
	do(t, err)
	found := one.run()
	if len(found.Rotten) != 1 || found.Rotten[0].Path != "dir/two" || found.Rotten[0].From != "" || found.Rotten[0].Size != 7000 {
		t.Fatalf("%+v", found)
	}
	if text, err := os.ReadFile(one.cold("dir/two")); err != nil || !bytes.Equal(text, rotten) {
		t.Errorf("%v", err)
	}
	two.lend(one, "dir/two", found.Rotten[0].Content)
	three.lend(one, "dir/two", found.Rotten[0].Content)
	found = one.run()
	if len(found.Rotten) != 1 || found.Rotten[0].From != "three" || !strings.HasSuffix(found.Rotten[0].Kept, "-rotten/"+day+"/dir/two") {
		t.Fatalf("%+v", found)
	}
	after, err := os.Stat(one.cold("dir/two"))
	do(t, err)
	if text, err := os.ReadFile(one.cold("dir/two")); err != nil || !bytes.Equal(text, want) || after.Mode() != before.Mode() || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("%.20q, %v, %v", text, after, err)
	}
	if text, err := os.ReadFile(filepath.Join(one.Config.Cold, found.Rotten[0].Kept)); err != nil || !bytes.Equal(text, rotten) {
		t.Errorf("the rotten one is kept as %.20q, %v", text, err)
	}
	if left, err := os.ReadDir(filepath.Join(one.Config.Cold, tier.Workshop, tier.Lent)); err != nil || len(left) > 0 {
		t.Errorf("%v lies about, %v", left, err)
	}
	if found := one.run(); len(found.Rotten) > 0 {
		t.Errorf("%+v", found)
	}
}

// What was lent is looked at alone, and only where it is wanted.
func TestLentAlone(t *testing.T) {
	one, two := newReplica(t, "one"), newReplica(t, "two")
	one.Interval, one.Lent = time.Hour, true
	one.rot("one")
	if days, err := one.Run(context.Background()); err != nil || len(days) > 0 {
		t.Fatalf("%+v, %v", days, err)
	}
	one.Lent, one.Interval = false, 0
	found := one.run()
	one.Rotten = []tier.Rotten{{Day: day, Content: found.Rotten[0].Content}, {Day: "2019/01/01", Content: "gone"}}
	one.Lent, one.Interval = true, time.Hour
	var told []string
	one.Tell = func(day Day) error { told = append(told, day.Day); return nil }
	if days, err := one.Run(context.Background()); err != nil || len(days) > 0 || len(told) != 1 || told[0] != "2019/01/01" {
		t.Fatalf("%+v, %v, %v", days, told, err)
	}
	two.lend(one, "one", found.Rotten[0].Content)
	if found := one.run(); len(found.Rotten) != 1 || found.Rotten[0].From != "two" {
		t.Errorf("%+v", found)
	}
}

// What was found is told before the day counts as read: else a kill in between loses it.
func TestToldFirst(t *testing.T) {
	one := newReplica(t, "one")
	one.rot("one")
	one.Interval = time.Hour
	one.Now = func() time.Time { return time.Now().Add(2 * time.Hour) }
	one.Tell = func(Day) error { return errors.New("killed") }
	if days, err := one.Run(context.Background()); err != nil || len(days) != 1 || days[0].Err == nil {
		t.Fatalf("%+v, %v", days, err)
	}
	one.Tell = nil
	if found := one.run(); len(found.Rotten) != 1 {
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

// What was declared to be deleted did not go away unseen, nor did what lay below it.
func TestDeclaredDeletionsAreNotMissing(t *testing.T) {
	for deleted, want := range map[string]string{day + "/dir": "one", day + "/dir/two": "dir/three,one", day: "", "2020/02/0": "dir/three,dir/two,one"} {
		one := newReplica(t, "one")
		one.run()
		one.Deleted = []string{deleted}
		do(t, os.Remove(one.cold("one")), os.RemoveAll(one.cold("dir")))
		found := one.run()
		slices.Sort(found.Missing)
		if got := strings.Join(found.Missing, ","); got != want {
			t.Errorf("with %s declared %q went away, want %q", deleted, got, want)
		}
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

// An archive is read also where there is no hot tree beside it, or none any more.
func TestArchiveWithoutHot(t *testing.T) {
	for name, without := range map[string]func(*replica){
		"none is declared": func(r *replica) { do(t, os.RemoveAll(r.Config.Hot)); r.Config.Hot = "" },
		"it is not there":  func(r *replica) { do(t, os.RemoveAll(r.Config.Hot)) },
	} {
		one := newReplica(t, "one")
		without(one)
		if found := one.run(); len(found.Rotten) > 0 || found.Files != 6 {
			t.Errorf("%s: %+v", name, found)
		}
		one.rot("one")
		if found := one.run(); len(found.Rotten) != 1 || found.Rotten[0].Path != "one" {
			t.Errorf("%s: %+v", name, found)
		}
	}
	bare := Scrubber{Config: mover.Config{Tier: "files", Cold: "cold", Layout: "%Y"}}
	if _, err := bare.Run(t.Context()); err == nil || !strings.Contains(err.Error(), `cold is "cold"`) {
		t.Error(err)
	}
}

func TestRole(t *testing.T) {
	one, two := newReplica(t, "one"), newReplica(t, "two")
	config := tier.Scrub{Tier: "files", Hot: one.Config.Hot, Cold: one.Config.Cold, Layout: one.Config.Layout, Status: filepath.Join(t.TempDir(), tier.ScrubFile), Interval: 3600}
	text, err := json.Marshal(config)
	file := filepath.Join(t.TempDir(), "tier.json")
	do(t, err, os.WriteFile(file, text, 0o600))
	start := func(args ...string) (int, string, string) {
		var out, problems bytes.Buffer
		code := agent.Main(context.Background(), []agent.Role{Role}, append([]string{"atoll-agent", "scrub"}, args...), agent.Streams{Out: &out, Err: &problems})
		return code, out.String(), problems.String()
	}
	told := func() (status tier.ScrubStatus) {
		text, err := os.ReadFile(config.Status)
		do(t, err, json.Unmarshal(text, &status))
		return status
	}
	if code, out, problems := start("--config", file, "--all"); code != agent.ExitDone || !strings.Contains(out, day+": read 6 files") {
		t.Errorf("%d, %s, %s", code, out, problems)
	}
	if status := told(); status.Files != 6 || status.Days != 1 || status.At.IsZero() || status.Error != "" {
		t.Errorf("%+v", status)
	}
	one.rot("one")
	code, out, problems := start("--config", file, "--all", "--json")
	var read map[string][]line
	if err := json.Unmarshal([]byte(out), &read); err != nil || len(read["days"]) != 1 || len(read["days"][0].Rotten) != 1 {
		t.Errorf("%v, %s", err, out)
	}
	if _, out, _ := start("--config", file, "--all"); !strings.Contains(out, "systemctl start atoll-scrub-files.service asks at once") {
		t.Errorf("what a person starts who read all of it is not said: %s", out)
	}
	if code != agent.ExitFailed || !strings.Contains(problems, `"one" rotted (the content is another, and nobody changed it) and was not mended`) {
		t.Errorf("%d, %s", code, problems)
	}
	first := told()
	if len(first.Rotten) != 1 || first.Rotten[0].Path != "2020%2F02%2F01%2Fone" || first.Error != "" {
		t.Fatalf("%+v", first)
	}
	// What is known to have rotted is looked at in every run.
	if code, _, _ := start("--config", file); code != agent.ExitFailed || len(told().Rotten) != 1 {
		t.Errorf("%d, %+v", code, told())
	}
	if code, _, _ := start("--config", file, "--lent"); code != agent.ExitDone {
		t.Errorf("%d, and nothing was lent", code)
	}
	two.lend(one, "one", first.Rotten[0].Content)
	if code, out, problems := start("--config", file, "--lent"); code != agent.ExitDone || !strings.Contains(out, "mended from two") {
		t.Errorf("%d, %s, %s", code, out, problems)
	}
	if status := told(); len(status.Rotten) > 0 || len(status.Mended) != 1 || status.Mended[0].From != "two" || status.Files != 6 || !status.At.After(first.At) {
		t.Errorf("%+v", status)
	}
	do(t, os.WriteFile(config.Status, []byte("{"), 0o600))
	if code, _, problems := start("--config", file); code != agent.ExitFailed || !strings.Contains(problems, "cannot be read, and lies beside it") {
		t.Errorf("%d, %s", code, problems)
	}
	if code, _, problems := start("--config", file, "--faster"); code != agent.ExitUsage || !strings.Contains(problems, "terraform apply") {
		t.Errorf("%d, %s", code, problems)
	}
}
