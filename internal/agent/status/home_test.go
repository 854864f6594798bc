// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package status

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/agent"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// homed makes the home of a tier with a tree and an archive, in which every role has told.
func homed(t *testing.T) (home string) {
	t.Helper()
	top := t.TempDir()
	home = filepath.Join(top, "files")
	say := func(what any, path ...string) {
		text, err := json.Marshal(what)
		file := filepath.Join(append([]string{home}, path...)...)
		do(t, err, os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, text, 0o600))
	}
	at := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	three := 3
	say(tier.PairStatus{Stage: tier.Working, Since: at, InStep: at, Backlog: &three, Probe: &tier.Probe{At: at, Milliseconds: 2100}, Skipped: []tier.Left{{Path: tier.Top, Reason: "properties changed on both sides"}, {Path: "both", Reason: "contents changed on both sides"}}}, tier.HomePairs, "app1", tier.StatusFile)
	say(tier.PairStatus{Stage: tier.Resting, Since: at, Dialled: true}, tier.HomePairs, "sg1", tier.ArchiveStatusFile)
	say(tier.PairStatus{Stage: tier.Waiting, Since: at, Error: "full: 1 MiB is left"}, tier.HomePairs, "app1", tier.ArchiveStatusFile)
	say(tier.Count{At: at, Whole: true, Files: 7, Bytes: 70}, tier.HomeCount, tier.CountFile)
	now := time.Now()
	say(tier.Count{
		At: at, Files: 1000, Bytes: 5000, Days: 3, First: "2026/01/01", Last: "2026/01/03", Unread: 1,
		Filling: []tier.Filling{{At: now.Add(-48 * time.Hour), Bytes: 0}, {At: now, Bytes: 1 << 50}},
	}, tier.HomeCountCold, tier.CountFile)
	say(tier.MoverStatus{At: at, Hot: 2, Archived: 3, Waiting: []tier.WaitingDay{{Day: "2026/01/04", Next: "wait", Why: "app2 has no copy yet"}, {Day: "2026/01/05", Next: "wait", Why: "gone\nand away"}}, Error: "one\ntwo"}, tier.HomeMover, tier.MoverFile)
	say(tier.ScrubStatus{At: at, Rotten: []tier.Rotten{{}}, More: 1, Mended: []tier.Mended{{}}, Gone: []tier.Gone{{}}, MoreGone: 2}, tier.HomeScrub, tier.ScrubFile)
	for note, tree := range map[string]string{tier.HomeHot: "hot", tier.HomeCold: "cold"} {
		tree = filepath.Join(top, tree)
		do(t, os.MkdirAll(filepath.Join(tree, tier.Private), 0o700), os.WriteFile(filepath.Join(home, note), []byte(tree+"\n"), 0o600))
	}
	return home
}

// A person reads in one look what every role of the tier has told, the counts of both
// trees included.
func TestHome(t *testing.T) {
	home := homed(t)
	code, out, problems := start("--home", home)
	for _, want := range []string{
		"tier               files\n",
		"pair with app1     working since 2026-11-26T12:00:00Z, in step 2026-11-26T12:00:00Z, 3 paths to be carried, a file took 2.1 s at 2026-11-26T12:00:00Z\n",
		`skipped "both": contents changed on both sides`, "skipped the top directory itself: properties changed on both sides",
		"archive with app1  waiting since 2026-11-26T12:00:00Z, in step never\n", `"full: 1 MiB is left"`,
		"archive with sg1   resting since 2026-11-26T12:00:00Z, sg1 dials and says there how its runs went\n",
		"7 files, 70 bytes, as of 2026-11-26T12:00:00Z\n",
		"at least 1000 files, 5000 bytes, 1 names that could not be read, 3 days from 2026/01/01 to 2026/01/03, as of 2026-11-26T12:00:00Z\n",
		"GiB free, full on 20",
		"2 hot, 3 archived, 2 on their way", "2026/01/04 wait: app2 has no copy yet", "2026/01/05 wait: gone; and away\n", `"one; two"`,
		"files: 2 rotted and not mended, 1 mended, 3 gone, as of",
	} {
		if code != agent.ExitDone || !strings.Contains(out, want) {
			t.Errorf("%d, %s; want %s in\n%s", code, problems, want, out)
		}
	}
	var read Home
	if code, out, _ := start("--home", home, "--json"); code != agent.ExitDone || json.Unmarshal([]byte(out), &read) != nil || read.Archive.Count.Files != 1000 || read.Archive.Full == "" || read.Tree.Full != "" {
		t.Errorf("%d, %s", code, out)
	}
	if found := homeOf(filepath.Join(home, "atoll-agent")); found != home {
		t.Errorf("the program's home is %q", found)
	}
	if found := homeOf(filepath.Join(t.TempDir(), "atoll-agent")); found != "" {
		t.Errorf("a program outside of a home has %q", found)
	}
}

// What was not told is not told, a tree that is not mounted is said, and what cannot be
// read is an error beside all that can.
func TestHomeInParts(t *testing.T) {
	home := homed(t)
	do(t, os.Remove(filepath.Join(home, tier.HomeHot)), os.RemoveAll(filepath.Join(home, tier.HomeMover)), os.RemoveAll(filepath.Join(home, tier.HomeCount)))
	cold, err := os.ReadFile(filepath.Join(home, tier.HomeCold))
	do(t, err, os.RemoveAll(filepath.Join(strings.TrimSpace(string(cold)), tier.Private)))
	code, out, problems := start("--home", home)
	for _, want := range []string{"not counted yet", "if it is a mount point, mount it"} {
		if code != agent.ExitDone || !strings.Contains(out, want) {
			t.Errorf("%d, %s; want %s in\n%s", code, problems, want, out)
		}
	}
	if strings.Contains(out, "tree ") || strings.Contains(out, "days ") {
		t.Errorf("more was told:\n%s", out)
	}
	do(t, os.WriteFile(filepath.Join(home, tier.HomeScrub, tier.ScrubFile), []byte("{"), 0o600))
	if code, out, problems := start("--home", home); code != agent.ExitFailed || !strings.Contains(problems, tier.ScrubFile) || !strings.Contains(out, "pair with app1") {
		t.Errorf("%d, %s\n%s", code, problems, out)
	}
	if code, _, _ := start("--home", home, "--config", "x"); code != agent.ExitUsage {
		t.Errorf("both flags give %d", code)
	}
}

// Where days move there is a line of them also when nothing was told, or what was told
// cannot be read.
func TestHomeWithoutWordOfItsDays(t *testing.T) {
	home := homed(t)
	file := filepath.Join(home, tier.HomeMover, tier.MoverFile)
	const want = "days               nothing was told of them: "
	do(t, os.WriteFile(file, []byte(`{"hot":3,"wai`), 0o600))
	if code, out, problems := start("--home", home); code != agent.ExitFailed || !strings.Contains(out, want) || !strings.Contains(problems, tier.MoverFile) {
		t.Errorf("cut: %d, %s\n%s", code, problems, out)
	}
	do(t, os.Remove(file))
	if code, out, problems := start("--home", home); code != agent.ExitDone || !strings.Contains(out, want) {
		t.Errorf("not there: %d, %s\n%s", code, problems, out)
	}
}
