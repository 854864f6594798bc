// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package converge

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
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
		Owner: "test/one",
		Items: []Item{
			Unit{Name: "x.service", Enabled: &yes, Active: &yes},
			Package{Name: "tinc", Refuse: map[string]string{"other": "it fights"}},
			User{Name: "u", Groups: []string{"g"}},
			Directory{Path: "/d", Mode: 0o750},
			Sysctl{Key: "a.b", Value: "1 2"},
			File{Path: "/d/f", Mode: 0o644, Content: []byte("text"), Restart: []string{"x.service"}, Reload: []string{"y.service"}},
			Link{Path: "/d/l", Target: "/d/f"},
			Action{Name: "make it", Line: Line{"it", CodeMissing, "missing"}, Run: "true", Restart: []string{"x.service"}},
			Check[string]{Question: oneWord("colour"), Differs: func(is string) []Line {
				if is == "blue" {
					return nil
				}
				return []Line{{"colour", CodeValue, "is " + is + ", want blue"}}
			}},
			oneWord("note"),
		},
	}
}

// oneWord is a question that is answered with one word.
func oneWord(name string) Question[string] {
	return Question[string]{Name: name, Script: "echo blue", Read: func(output string) (string, error) {
		if len(output) < 2 {
			return "", errNotWhole
		}
		return output[:len(output)-1], nil
	}}
}

func inSync() Observation {
	items := whole().items()
	record := recordOf("test/one", items)
	return Observation{
		owner: "test/one", System: System{"Debian", true, true}, Record: &record, items: items,
		states: []any{
			packageState{"ii", map[string]string{"other": "-"}}, userState{true, []string{"u", "g"}}, fileState{"directory", "750", "root", "root", ""}, "1\t2",
			fileState{"regular", "644", "root", "root", sum("text")}, fileState{"regular", "644", "root", "root", sum("a.b = 1 2\n")},
			linkState{"link", "/d/f"}, true, reply{output: "blue\n"}, unitState{"active", "enabled", false}, reply{output: "blue\n"},
		},
	}
}

// in changes the state of one item.
func in[S any](number int, change func(*S)) func(*Observation) {
	return func(o *Observation) {
		state, _ := o.states[number].(S)
		change(&state)
		o.states[number] = state
	}
}

// The items of whole by number.
const (
	thePackage = iota
	theUser
	theDirectory
	theSysctl
	theFile
	theSysctlFile
	theLink
	theAction
	theCheck
	theUnit
)

func titles(steps []Step) []string {
	var list []string
	for _, step := range steps {
		list = append(list, step.Title)
	}
	return list
}

func TestDiff(t *testing.T) {
	record, written := "record what belongs to test/one", []string{"write /d/f", "restart x.service", "reload y.service"}
	for _, row := range []struct {
		name   string
		change func(*Observation)
		drift  []string
		codes  []Code
		// steps between the record's.
		steps []string
	}{
		{"in sync", func(*Observation) {}, []string{}, nil, nil},
		{"package missing", in(thePackage, func(s *packageState) { s.own = "-" }), []string{"package tinc: not installed"}, []Code{CodeNotInstalled}, []string{"install tinc"}},
		{"package half installed", in(thePackage, func(s *packageState) { s.own = "iF" }), []string{"package tinc: half installed"}, []Code{CodeHalfInstalled}, []string{"install tinc"}},
		{"package removed, settings left", in(thePackage, func(s *packageState) { s.own = "rc" }), []string{"package tinc: not installed"}, []Code{CodeNotInstalled}, []string{"install tinc"}},
		{"user missing", in(theUser, func(s *userState) { *s = userState{} }), []string{"user u: missing"}, []Code{CodeMissing}, []string{"make user u"}},
		{"user not in group", in(theUser, func(s *userState) { s.groups = nil }), []string{"user u: not in group g"}, []Code{CodeNotInGroup}, []string{"make user u"}},
		{"directory missing", in(theDirectory, func(s *fileState) { *s = fileState{kind: "missing"} }), []string{"directory /d: missing"}, []Code{CodeMissing}, []string{"make directory /d"}},
		{"directory mode", in(theDirectory, func(s *fileState) { s.mode = "777" }), []string{"directory /d: mode 0777, want 0750"}, []Code{CodeMode}, []string{"make directory /d"}},
		{"sysctl", in(theSysctl, func(s *string) { *s = "3" }), []string{"sysctl a.b: is 3, want 1 2"}, []Code{CodeValue}, []string{"set a.b"}},
		{"sysctl unknown", in(theSysctl, func(s *string) { *s = "" }), []string{"sysctl a.b: is not known to this kernel, want 1 2"}, []Code{CodeValue}, []string{"set a.b"}},
		{"file missing", in(theFile, func(s *fileState) { *s = fileState{kind: "missing"} }), []string{"file /d/f: missing"}, []Code{CodeMissing}, written},
		{"file content", in(theFile, func(s *fileState) { s.sha256 = sum("other") }), []string{"file /d/f: content differs"}, []Code{CodeContent}, written},
		// The time stamp stays: no rewrite for an owner.
		{"file owner", in(theFile, func(s *fileState) { s.owner = "nobody" }), []string{"file /d/f: owner nobody, want root"}, []Code{CodeOwner}, []string{"set owner and mode of /d/f"}},
		{"file is a link", in(theFile, func(s *fileState) { *s = fileState{kind: "link"} }), []string{"file /d/f: is not a regular file"}, []Code{CodeOtherKind}, written},
		{"link", in(theLink, func(s *linkState) { s.target = "/x" }), []string{"link /d/l: leads to /x, want /d/f"}, []Code{CodeTarget}, []string{"link /d/l"}},
		{"action", in(theAction, func(s *bool) { *s = false }), []string{"it: missing"}, []Code{CodeMissing}, []string{"make it", "restart x.service"}},
		{"unit inactive", in(theUnit, func(s *unitState) { s.activeState = "inactive" }), []string{"unit x.service: inactive, want active"}, []Code{CodeInactive}, []string{"start x.service"}},
		{"unit disabled", in(theUnit, func(s *unitState) { s.fileState = "disabled" }), []string{"unit x.service: disabled, want enabled"}, []Code{CodeDisabled}, []string{"enable x.service"}},
		// A unit that starts reads its new configuration anyway.
		{"unit inactive and file changed", func(o *Observation) {
			in(theUnit, func(s *unitState) { s.activeState = "failed" })(o)
			in(theFile, func(s *fileState) { s.sha256 = "x" })(o)
		}, []string{"file /d/f: content differs", "unit x.service: failed, want active"}, []Code{CodeContent, CodeInactive}, []string{"write /d/f", "start x.service", "reload y.service"}},
		{"systemd has an old file of the unit", func(o *Observation) {
			in(theUnit, func(s *unitState) { s.needsReload, s.activeState = true, "inactive" })(o)
		}, []string{"unit x.service: inactive, want active"}, []Code{CodeInactive}, []string{"reload systemd", "start x.service"}},
		// A check that its plugin mends has a line and no step.
		{"check", in(theCheck, func(s *reply) { s.output = "red\n" }), []string{"colour: is red, want blue"}, []Code{CodeValue}, nil},
		{"dropped from the declaration", func(o *Observation) { o.Record.all["files"] = append(o.Record.all["files"], "/d/old") }, []string{"file /d/old: no longer declared"}, []Code{CodeStale},
			[]string{"remove /d/old", record}},
		{"a unit dropped with its file", func(o *Observation) {
			o.Record.all["files"] = append(o.Record.all["files"], "/etc/systemd/system/o.service")
			o.Record.all["units"] = append(o.Record.all["units"], "o.service")
		}, []string{"unit o.service: no longer declared", "file /etc/systemd/system/o.service: no longer declared"}, []Code{CodeStale, CodeStale},
			[]string{"stop and disable o.service", "remove /etc/systemd/system/o.service", "reload systemd", record}},
		// What was a link and is a file now must not be removed after it was written.
		{"another kind under the same name", func(o *Observation) {
			o.Record.all["files"], o.Record.all["links"] = []string{o.Record.all["files"][1]}, append(o.Record.all["links"], "/d/f")
			in(theFile, func(s *fileState) { *s = fileState{kind: "link"} })(o)
		}, []string{"file /d/f: is not a regular file", "link /d/f: no longer declared"}, []Code{CodeOtherKind, CodeStale}, append(slices.Clone(written), record)},
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
			if diff := cmp.Diff(row.codes, codes(plan.Drift)); diff != "" {
				t.Errorf("codes:\n%s", diff)
			}
			want := row.steps
			if want != nil {
				want = append([]string{record}, want...)
			}
			if diff := cmp.Diff(want, titles(plan.Steps)); diff != "" {
				t.Errorf("steps:\n%s", diff)
			}
		})
	}
}

func codes(lines []Line) []Code {
	var list []Code
	for _, line := range lines {
		list = append(list, line.Code)
	}
	return list
}

func TestDiffWithoutARecord(t *testing.T) {
	seen := inSync()
	seen.Record = nil
	plan := Diff(whole(), seen)
	if diff := cmp.Diff([]string{"record of test/one: missing"}, Texts(plan.Drift)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"record what belongs to test/one"}, titles(plan.Steps)); diff != "" {
		t.Error(diff)
	}
}

func TestDiffRefuses(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(*Observation)
		want   string
	}{
		{"no systemd", func(o *Observation) { o.System.Systemd = false }, "without systemd"},
		{"no apt", func(o *Observation) { o.System = System{"Fedora", true, false} }, "Fedora, which has no apt"},
		{"a package that fights", in(thePackage, func(s *packageState) { s.refused["other"] = "ii" }), "it fights"},
		{"a check without an answer", in(theCheck, func(s *reply) { s.exitCode = 1 }), "colour"},
		{"another manifest's observation", func(o *Observation) { o.states[theFile] = linkState{} }, "another manifest"},
		{"another owner's observation", func(o *Observation) { o.owner = "x" }, "another manifest"},
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

// What a step does stands in its effect: an action may be called anything.
func TestRestartsReadsEffects(t *testing.T) {
	named := Manifest{Owner: "t", Items: []Item{Action{Name: "restart x.service", Line: Line{"it", CodeMissing, "missing"}, Run: "true"}}}
	seen := Observation{owner: "t", System: System{"Debian", true, true}, items: named.items(), states: []any{false}}
	if plan := Diff(named, seen); plan.Restarts("x.service") || len(plan.Steps) != 2 {
		t.Errorf("an action's name is taken for a restart: %v", titles(plan.Steps))
	}
	changed := inSync()
	in(theFile, func(s *fileState) { s.sha256 = "x" })(&changed)
	if plan := Diff(whole(), changed); !plan.Restarts("x.service") || plan.Restarts("y.service") {
		t.Errorf("a restart is not seen, or seen of another unit: %v", titles(plan.Steps))
	}
}

func TestLineAtAMember(t *testing.T) {
	if got := (Line{"file /a", CodeMissing, "missing"}).At("hk1"); got.String() != "hk1: file /a: missing" || got.Code != CodeMissing {
		t.Errorf("%q, %s", got, got.Code)
	}
}

// Packages come in one go, whatever number of them is missing.
func TestPackagesComeTogether(t *testing.T) {
	m := Manifest{Owner: "t", Items: []Item{Package{Name: "a"}, Package{Name: "b"}, Package{Name: "c"}}}
	o := Observation{owner: "t", System: System{"Debian", true, true}, items: m.items(), states: []any{packageState{own: "-"}, packageState{own: "ii"}, packageState{own: "un"}}}
	if got := titles(Diff(m, o).Steps); !slices.Equal(got, []string{"record what belongs to t", "install a, c"}) {
		t.Errorf("%q", got)
	}
}

// A unit whose file goes is not left behind as failed, nor are a template's.
func TestRemovedUnitIsForgotten(t *testing.T) {
	for path, want := range map[string]string{
		"/etc/systemd/system/o.service":              "\nsystemctl reset-failed -- 'o.service' 2>/dev/null || :",
		"/etc/systemd/system/o@.service":             "\nsystemctl reset-failed -- 'o@*.service' 2>/dev/null || :",
		"/etc/systemd/system/o.service.d/atoll.conf": "",
		"/etc/o.service":                             "",
	} {
		if got := forgetFailure(path); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

// A refusal of several lines, such as one with a command in it, is one line of drift.
func TestRefusalIsOneLineOfDrift(t *testing.T) {
	refusal := errors.New("give it away:\n  chown -R  x /srv\nb: there is no such account")
	plan := Diff(Manifest{Owner: "x", Refusal: refusal}, Observation{})
	if len(plan.Drift) != 1 || plan.Drift[0].Text != "give it away: chown -R  x /srv b: there is no such account" || !errors.Is(plan.Refusal, refusal) {
		t.Errorf("%+v", plan)
	}
}
