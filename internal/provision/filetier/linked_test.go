// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filetier

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Where the links of days lead is asked while the archive comes or goes, and never of those
// that lead to a day of the archive that is declared, nor of links of somebody else's.
func TestAskLinked(t *testing.T) {
	top := t.TempDir()
	hot, home := filepath.Join(top, "srv/files"), filepath.Join(top, "home")
	day := filepath.Join(hot, "2026/09")
	for _, err := range []error{
		os.MkdirAll(filepath.Join(day, "04"), 0o700), os.MkdirAll(filepath.Join(top, "fresh/2026/09/01"), 0o700), os.Mkdir(home, 0o700),
		os.MkdirAll(filepath.Join(top, "srv/cold/2026/09/02"), 0o700),
		os.Symlink("../../../cold/2026/09/01", filepath.Join(day, "01")), os.Symlink("../../../cold/2026/09/02", filepath.Join(day, "02")),
		os.Symlink("/elsewhere/2026/09/03", filepath.Join(day, "03")), os.Symlink("../../../cold/2026/09/01", filepath.Join(day, "05")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, row := range map[string]struct {
		cold  string
		notes []string
		want  int
	}{
		"another archive, with one of the days": {filepath.Join(top, "fresh"), []string{hotNote}, 1},
		"another archive, with none":            {filepath.Join(top, "none"), []string{hotNote}, 2},
		"the same again":                        {filepath.Join(top, "srv/cold"), []string{hotNote}, 1},
		"it goes":                               {"", []string{hotNote, coldNote}, 2},
		"it went":                               {"", []string{hotNote}, 0},
		"it stays":                              {filepath.Join(top, "srv/cold"), []string{hotNote, coldNote}, 0},
		"a tree that is nobody's":               {filepath.Join(top, "none"), nil, 0},
	} {
		for _, note := range []string{hotNote, coldNote} {
			if err := os.Remove(filepath.Join(home, note)); err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
		}
		for _, note := range row.notes {
			if err := os.WriteFile(filepath.Join(home, note), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		tier := Tier{Name: "files", Nodes: map[string]Node{"a": {Hot: hot, Cold: row.cold}}}
		script := "hot=" + remote.Quote(hot) + " home=" + remote.Quote(home) + "\n" + tier.askLinked("a") + "echo '" + converge.WholeMark + "'"
		output, err := exec.CommandContext(t.Context(), "sh", "-c", script).Output()
		if err != nil {
			t.Fatal(err)
		}
		facts, err := readFacts(string(output))
		to := map[bool]string{true: filepath.Join(top, "srv/cold")}[row.want > 0]
		if err != nil || facts.Linked != row.want || facts.LinkedTo != to {
			t.Errorf("%s: %d to %q, want %d to %q: %v", name, facts.Linked, facts.LinkedTo, row.want, to, err)
		}
	}
}

// Another archive than the one in which the days are is refused, and one that goes is a line.
func TestLinked(t *testing.T) {
	facts := Facts{Group: "www-data", Linked: 12, LinkedTo: "/srv/older"}
	tier := archived()
	if err := tier.refuse("a", facts); err == nil || !strings.Contains(err.Error(), `node a: cold = "/srv/cold": 12 days have moved to /srv/older, and the links in /srv/files lead there: write cold = "/srv/older" again`) {
		t.Error(err)
	}
	if line, is := tier.LeavesLinked("a", facts); is {
		t.Errorf("an archive that stays leaves days: %s", line)
	}
	node := tier.Nodes["a"]
	node.Cold = ""
	tier.Nodes["a"], facts.Linked = node, 1
	if err := tier.RefuseLinked("a", facts); err != nil {
		t.Error(err)
	}
	if line, is := tier.LeavesLinked("a", facts); !is || !strings.HasPrefix(line.String(), "a: 1 day has moved to /srv/older, and their links in /srv/files lead there.") {
		t.Errorf("%s, %v", line, is)
	}
	if line, is := tier.LeavesLinked("a", Facts{}); is {
		t.Error(line)
	}
}

// What was written down of one archive is forgotten with it, and before another one is taken.
func TestNotesOfAnArchiveGo(t *testing.T) {
	without := three()
	for _, item := range without.archiveItems("a", Facts{Archives: map[string]string{"files": "/srv/older"}}) {
		for _, want := range []string{"rm -rf -- ", "/count-cold", "/scrub", "/mover"} {
			if run := item.(converge.Action).Run; !strings.Contains(run, want) {
				t.Errorf("%q is not in %s", want, run)
			}
		}
	}
	tier := archived()
	for _, tree := range tier.trees("a") {
		run := tier.claim("a", tree, Facts{Group: "www-data"}).Run
		if forgets := strings.Contains(run, `/scrub`); forgets != (tree.attribute == "cold") {
			t.Errorf("claiming %s: %s", tree.attribute, run)
		}
		if out, err := exec.CommandContext(t.Context(), "sh", "-n", "-c", run).CombinedOutput(); err != nil {
			t.Errorf("%s: %s", run, out)
		}
	}
}
