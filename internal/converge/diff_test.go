// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package converge

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func sum(text string) string {
	digest := sha256.Sum256([]byte(text))
	return hex.EncodeToString(digest[:])
}

// whole is a manifest with one of everything; inSync is how a host looks that
// is as it says.
func whole() Manifest {
	yes := true
	return Manifest{
		Owner:       "test/one",
		Packages:    []Package{{Name: "tinc", Refuse: map[string]string{"other": "it fights"}}},
		Users:       []User{{Name: "u", Groups: []string{"g"}}},
		Directories: []Directory{{Path: "/d", Mode: 0o750}},
		Sysctls:     []Sysctl{{Key: "a.b", Value: "1 2"}},
		Files:       []File{{Path: "/d/f", Mode: 0o644, Content: []byte("text"), Restart: []string{"x.service"}, Reload: []string{"y.service"}}},
		Links:       []Link{{Path: "/d/l", Target: "/d/f"}},
		Actions:     []Action{{Name: "make it", Line: Line{"it", CodeMissing, "missing"}, Run: "true", Restart: []string{"x.service"}}},
		Units:       []Unit{{Name: "x.service", Enabled: &yes, Active: &yes}},
	}
}

func inSync() Observation {
	record := whole().record()
	return Observation{
		OSName: "Debian", Systemd: true, Apt: true, Packages: map[string]PackageSeen{"tinc": {"ii ", "1"}},
		Users: []UserSeen{{true, []string{"u", "g"}}}, Directories: []FileSeen{{"directory", "750", "root", "root", ""}},
		Files: []FileSeen{
			{"regular", "644", "root", "root", sum("text")}, {"regular", "644", "root", "root", sum("a.b = 1 2\n")},
		},
		Links: []LinkSeen{{"is", "/d/f"}}, Sysctls: []string{"1 2"}, ActionsDone: []bool{true},
		Units: []UnitSeen{{"loaded", "active", "enabled", false}}, Record: &record,
	}
}

func titles(steps []Step) []string {
	var list []string
	for _, step := range steps {
		list = append(list, step.Title)
	}
	return list
}

func TestDiff(t *testing.T) {
	restart := []string{"record what belongs to test/one", "", "restart x.service"}
	with := func(title string) []string { return []string{restart[0], title, restart[2]} }
	alone := func(title string) []string { return []string{restart[0], title} }
	for _, row := range []struct {
		name   string
		change func(*Observation)
		drift  []string
		steps  []string
	}{
		{"in sync", func(*Observation) {}, []string{}, nil},
		{"package missing", func(o *Observation) { o.Packages = nil }, []string{"package tinc: not installed"}, alone("install tinc")},
		{"package half installed", func(o *Observation) { o.Packages["tinc"] = PackageSeen{"iF ", "1"} }, []string{"package tinc: half installed"}, alone("install tinc")},
		{"package removed, settings left", func(o *Observation) { o.Packages["tinc"] = PackageSeen{"rc ", "1"} }, []string{"package tinc: not installed"}, alone("install tinc")},
		{"user missing", func(o *Observation) { o.Users[0] = UserSeen{} }, []string{"user u: missing"}, alone("make user u")},
		{"user not in group", func(o *Observation) { o.Users[0].Groups = nil }, []string{"user u: not in group g"}, alone("make user u")},
		{"directory missing", func(o *Observation) { o.Directories[0] = FileSeen{Kind: "missing"} }, []string{"directory /d: missing"}, alone("make directory /d")},
		{"directory mode", func(o *Observation) { o.Directories[0].Mode = "777" }, []string{"directory /d: mode 0777, want 0750"}, alone("make directory /d")},
		{"sysctl", func(o *Observation) { o.Sysctls[0] = "3" }, []string{"sysctl a.b: is 3, want 1 2"}, alone("set a.b")},
		{"file missing", func(o *Observation) { o.Files[0] = FileSeen{Kind: "missing"} }, []string{"file /d/f: missing"}, []string{restart[0], "write /d/f", "restart x.service", "reload y.service"}},
		{"file content", func(o *Observation) { o.Files[0].SHA256 = sum("other") }, []string{"file /d/f: content differs"}, []string{restart[0], "write /d/f", "restart x.service", "reload y.service"}},
		// The time stamp stays: no rewrite for an owner.
		{"file owner", func(o *Observation) { o.Files[0].Owner = "nobody" }, []string{"file /d/f: owner nobody, want root"}, alone("set owner and mode of /d/f")},
		{"file is a link", func(o *Observation) { o.Files[0] = FileSeen{Kind: "link"} }, []string{"file /d/f: is not a regular file"}, []string{restart[0], "write /d/f", "restart x.service", "reload y.service"}},
		{"link", func(o *Observation) { o.Links[0].Target = "/x" }, []string{"link /d/l: leads to /x, want /d/f"}, alone("link /d/l")},
		{"action", func(o *Observation) { o.ActionsDone[0] = false }, []string{"it: missing"}, with("make it")},
		{"unit inactive", func(o *Observation) { o.Units[0].ActiveState = "inactive" }, []string{"unit x.service: inactive, want active"}, alone("start x.service")},
		{"unit disabled", func(o *Observation) { o.Units[0].UnitFileState = "disabled" }, []string{"unit x.service: disabled, want enabled"}, alone("enable x.service")},
		// A unit that starts reads its new configuration anyway.
		{"unit inactive and file changed", func(o *Observation) { o.Units[0].ActiveState = "failed"; o.Files[0].SHA256 = "x" },
			[]string{"file /d/f: content differs", "unit x.service: failed, want active"}, []string{restart[0], "write /d/f", "start x.service", "reload y.service"}},
		{"no record", func(o *Observation) { o.Record = nil }, []string{"record of test/one: missing"}, []string{restart[0]}},
		{"dropped from the declaration", func(o *Observation) { o.Record.Files = append(o.Record.Files, "/d/old") }, []string{"file /d/old: no longer declared"},
			[]string{restart[0], "remove /d/old", restart[0]}},
	} {
		t.Run(row.name, func(t *testing.T) {
			seen := inSync()
			row.change(&seen)
			plan := Diff(whole(), seen)
			if plan.Refusal != nil {
				t.Fatal(plan.Refusal)
			}
			if diff := cmp.Diff(row.drift, Texts(plan.Drift)); diff != "" {
				t.Errorf("drift:\n%s", diff)
			}
			if diff := cmp.Diff(row.steps, titles(plan.Steps)); diff != "" {
				t.Errorf("steps:\n%s", diff)
			}
		})
	}
}

func TestDiffRefuses(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(*Observation)
		want   string
	}{
		{"no systemd", func(o *Observation) { o.Systemd = false }, "without systemd"},
		{"no apt", func(o *Observation) { o.Apt, o.OSName = false, "Fedora" }, "Fedora, which has no apt"},
		{"a package that fights", func(o *Observation) { o.Packages["other"] = PackageSeen{"ii ", "1"} }, "it fights"},
	} {
		t.Run(row.name, func(t *testing.T) {
			seen := inSync()
			row.change(&seen)
			plan := Diff(whole(), seen)
			if plan.Refusal == nil || !strings.Contains(plan.Refusal.Error(), row.want) {
				t.Fatalf("got %v, want %q", plan.Refusal, row.want)
			}
			if len(plan.Steps) != 0 {
				t.Errorf("steps beside a refusal: %v", titles(plan.Steps))
			}
		})
	}
}

// No answer may be taken for "missing" because it was cut short.
func TestParseObservationWantsAllOfIt(t *testing.T) {
	manifest := Manifest{Owner: "o", Files: []File{{Path: "/a"}, {Path: "/b"}}}
	full := "systemd\napt\nrecord none\nfile 0 missing\nfile 1 regular 644 root root abc\nend\n"
	if _, err := parseObservation(manifest, full); err != nil {
		t.Fatal(err)
	}
	for cut := range len(full) - 1 {
		if _, err := parseObservation(manifest, full[:cut]); err == nil {
			t.Errorf("%q passes for a whole answer", full[:cut])
		}
	}
}

func FuzzParseObservation(f *testing.F) {
	f.Add("systemd\nfile 0 missing\nprobe 0 aGVsbG8KMA==\nend\n")
	f.Add("record e30=\nunit 9 x\n")
	manifest := Manifest{Owner: "o", Files: []File{{Path: "/a"}}, Probes: []Probe{{Name: "p"}}}
	f.Fuzz(func(_ *testing.T, text string) {
		_, _ = parseObservation(manifest, text) // must not panic
	})
}

// What a step does stands in its effect: an action may be called anything.
func TestRestartsReadsEffects(t *testing.T) {
	named := whole()
	named.Actions[0] = Action{Name: "restart x.service", Line: Line{"it", CodeMissing, "missing"}, Run: "true"}
	seen := inSync()
	seen.ActionsDone[0] = false
	if Diff(named, seen).Restarts("x.service") {
		t.Error("an action's name is taken for a restart")
	}
	seen.Files[0].SHA256 = "x"
	if plan := Diff(named, seen); !plan.Restarts("x.service") || plan.Restarts("y.service") {
		t.Error("a restart is not seen, or seen of another unit")
	}
}

func TestLinesHaveCodes(t *testing.T) {
	seen := inSync()
	seen.Packages["tinc"] = PackageSeen{"rc ", "1"}
	seen.Users[0].Groups = nil
	seen.Files[0].Mode, seen.Links[0].Kind = "666", "other"
	seen.Units[0] = UnitSeen{ActiveState: "failed", UnitFileState: "disabled"}
	seen.Record.Files = append(seen.Record.Files, "/old")
	var codes []Code
	for _, line := range Diff(whole(), seen).Drift {
		codes = append(codes, line.Code)
	}
	want := []Code{CodeNotInstalled, CodeNotInGroup, CodeMode, CodeOtherKind, CodeStale, CodeDisabled, CodeInactive}
	if diff := cmp.Diff(want, codes); diff != "" {
		t.Error(diff)
	}
	if got := (Line{"file /a", CodeMissing, "missing"}).At("hk1"); got.String() != "hk1: file /a: missing" || got.Code != CodeMissing {
		t.Errorf("at a member: %q, %s", got, got.Code)
	}
}
