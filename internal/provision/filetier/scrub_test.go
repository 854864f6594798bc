// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filetier

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/agent/scrub"
	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/converge/convergetest"
	model "github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

func scrubbed() Tier {
	tier := archived()
	tier.Scrub = &Scrubbing{Calendar: "*-*-* 04:30:00", Interval: 24 * time.Hour}
	return tier
}

// What reads an archive as root speaks to nobody; what speaks reads what it found.
func TestScrubManifest(t *testing.T) {
	tier := scrubbed()
	tier.Archive.Deleted = []string{"2026/09/02/1.txt"}
	hub, spoke := tier.Manifest("a", Facts{Group: "www-data"}, nil), tier.Manifest("b", Facts{Group: "www-data"}, nil)
	config, err := scrub.ParseConfig([]byte(fileOf(t, spoke, "/etc/atoll/tier/files/tier.scrub.json")))
	if err != nil || config.Cold != "/srv/cold" || config.Layout != "%Y/%m/%d" || config.Interval != 86400 || config.Status != "/var/lib/atoll/tier/files/scrub/scrub.json" || !slices.Equal(config.Deleted, tier.Archive.Deleted) {
		t.Errorf("%+v, %v", config, err)
	}
	for manifest, file := range map[*converge.Manifest]string{&hub: "/etc/atoll/tier/files/b.cold.json", &spoke: "/etc/atoll/tier/files/a.cold.json"} {
		if text := fileOf(t, *manifest, file); !strings.Contains(text, `"scrub": "/var/lib/atoll/tier/files/scrub/scrub.json"`) {
			t.Errorf("%s is %s", file, text)
		}
	}
	unit, mends := fileOf(t, spoke, "/etc/systemd/system/atoll-scrub-files.service"), fileOf(t, spoke, "/etc/systemd/system/atoll-mend-files.service")
	for _, line := range []string{"PrivateNetwork=yes", "CPUSchedulingPolicy=idle", "IOSchedulingClass=idle", "ReadWritePaths=/srv/cold /var/lib/atoll/tier/files/scrub"} {
		if !strings.Contains(unit, line+"\n") || !strings.Contains(mends, line+"\n") {
			t.Errorf("the units lack %q:\n%s\n%s", line, unit, mends)
		}
	}
	// A file that cannot be put in its place must not be fetched again and again.
	if !strings.Contains(unit, "OnFailure=atoll-tier-files.a.cold.service\n") || strings.Contains(mends, "OnFailure=") {
		t.Errorf("the units are\n%s\n%s", unit, mends)
	}
	if unit := fileOf(t, hub, "/etc/systemd/system/atoll-scrub-files.service"); strings.Contains(unit, "OnFailure=") {
		t.Errorf("a node that dials none fetches:\n%s", unit)
	}
	if waits := fileOf(t, hub, "/etc/systemd/system/atoll-mend-files.path"); !strings.Contains(waits, "DirectoryNotEmpty=/srv/cold/.tier-archive/lent\n") {
		t.Errorf("%s", waits)
	}
	for name, none := range map[string]Tier{"never": archived(), "no archive": three()} {
		if name == "no archive" {
			none.Scrub = tier.Scrub
		}
		if items := none.scrubItems("a"); len(items) > 0 {
			t.Errorf("%s: %v", name, items)
		}
	}
}

// Whatever runs once each time it is started may be started as often as there is
// something to do.
func TestRunsAreNotCounted(t *testing.T) {
	tier, seen := moving(), 0
	tier.Scrub = scrubbed().Scrub
	for _, item := range tier.Manifest("b", Facts{Group: "www-data"}, nil).Items {
		file, is := item.(converge.File)
		if !is || !strings.Contains(string(file.Content), "\nType=oneshot\n") {
			continue
		}
		if seen++; !strings.Contains(string(file.Content), "\nStartLimitIntervalSec=0\n") {
			t.Errorf("systemd starts %s five times in ten seconds and then no more:\n%s", file.Path, file.Content)
		}
	}
	if seen != 7 {
		t.Errorf("saw %d units", seen)
	}
}

func TestGoneProblem(t *testing.T) {
	gone := model.Gone{At: now, Path: "2024%2F02%2F01%2Fa%0Ab"}
	for _, row := range []struct {
		status model.ScrubStatus
		want   string
	}{
		{model.ScrubStatus{At: now}, ""},
		{model.ScrubStatus{At: now, Gone: []model.Gone{gone}}, `1 file of the archive is gone, and cold_deletions did not ask for it, the first is "2024/02/01/a b", missed since ` + now.Format(time.RFC3339)},
		{model.ScrubStatus{At: now, Gone: []model.Gone{gone, gone}, MoreGone: 3}, "5 files of the archive are gone"},
	} {
		if got := goneProblem(row.status); (got == "") != (row.want == "") || !strings.HasPrefix(got, row.want) {
			t.Errorf("%+v: %q", row.status, got)
		}
	}
	// An older agent tells of none, and a newer one of more than is known.
	for text, want := range map[string]int{`{"at":"2026-11-26T12:00:00Z","days":2,"files":1,"bytes":5}`: 0, `{"gone":[{"path":"a","mood":"bad"}],"lost":1}`: 1} {
		status, err := scrubbed().scrubStatus().Read(text + "\n" + converge.WholeMark)
		if lines := scrubProblems("a", status); err != nil || len(lines) != want {
			t.Errorf("%s: %v, %v", text, lines, err)
		}
	}
	tier := scrubbed()
	both := model.ScrubStatus{Rotten: []model.Rotten{{Path: "a", Why: "nobody has it"}}, Gone: []model.Gone{gone}}
	var codes []converge.Code
	for _, line := range tier.Problems(map[string]NodeStatus{"a": {Has: true, Tree: true, Scrub: both}}, Limits{}) {
		codes = append(codes, line.Code)
	}
	if !slices.Contains(codes, CodeRotten) || !slices.Contains(codes, CodeGone) {
		t.Errorf("the problems are of %v", codes)
	}
}

func TestScrubProblem(t *testing.T) {
	rotten := model.Rotten{Path: "2024%2F02%2F01%2Fa%0Ab", Why: "no other node has lent a copy that is as it was"}
	for _, row := range []struct {
		status model.ScrubStatus
		want   string
	}{
		{model.ScrubStatus{}, ""},
		{model.ScrubStatus{At: now, Days: 3, Mended: []model.Mended{{}}}, ""},
		{model.ScrubStatus{At: now, Error: "2024/02/01:\nit changes"}, "the archive cannot be read again: 2024/02/01: it changes"},
		{model.ScrubStatus{Rotten: []model.Rotten{rotten}}, `1 file of the archive is not as before, and nobody changed it, the first is "2024/02/01/a b": no other node has lent a copy that is as it was`},
		{model.ScrubStatus{Rotten: []model.Rotten{rotten, rotten}, More: 3}, "5 files of the archive are not as before"},
	} {
		if got := scrubProblem(row.status); (got == "") != (row.want == "") || !strings.HasPrefix(got, row.want) {
			t.Errorf("%+v: %q", row.status, got)
		}
	}
	convergetest.FailsClosed(t, scrubbed().scrubStatus(), `{"at":"2026-11-26T12:00:00Z","days":2,"files":1,"bytes":5}`+"\n"+converge.WholeMark)
}
