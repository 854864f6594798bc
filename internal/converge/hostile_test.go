// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package converge

import (
	"encoding/json"
	"path"
	"strings"
	"testing"
)

// hostile are a few of what package convergetest has, which imports this one.
var hostile = []string{"", "a'b", "a\nb = 1", "a\rb", "a\x00b", "../../etc/passwd", "..", "/", "a\u2028b", "%n", "$(reboot)", "\xff", `{"files": []}`, "-rf"}

// A record comes back as it was written, whatever the names in it, and lies where
// records do.
func FuzzRecord(f *testing.F) {
	for _, text := range hostile {
		f.Add(text, text)
	}
	f.Fuzz(func(t *testing.T, owner, name string) {
		if file := recordPath(owner); path.Dir(file) != recordRoot || strings.ContainsAny(file, "\n\r\x00") {
			t.Errorf("the record of %q lies at %q", owner, file)
		}
		step := recordStep(Record{Owner: owner, all: map[string][]string{"files": {name}}})
		if lines := strings.Count(string(step.Payload), "\n"); lines > 0 {
			t.Errorf("the record of %q has %d lines more", name, lines)
		}
		var back Record
		if err := json.Unmarshal(step.Payload, &back); err != nil {
			t.Fatalf("%s: %v", step.Payload, err)
		}
		valid := strings.ToValidUTF8
		if back.Owner != owner && valid(owner, "") == owner || len(back.all["files"]) != 1 || back.all["files"][0] != name && valid(name, "") == name {
			t.Errorf("%q of %q came back as %q of %q", name, owner, back.all["files"], back.Owner)
		}
	})
}

// A kernel setting is one line of its file, whatever its value.
func FuzzSysctl(f *testing.F) {
	for _, text := range hostile {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, value string) {
		items := sysctlFile("host", []Sysctl{{"vm.swappiness", value}, {"vm.overcommit_memory", "1"}})
		lines := strings.Split(string(items[0].(File).Content), "\n")
		if len(lines) != 3 || !strings.HasPrefix(lines[0], "vm.swappiness = ") || lines[1] != "vm.overcommit_memory = 1" || strings.ContainsAny(lines[0], "\r\v\f") {
			t.Errorf("%q is written %q", value, lines)
		}
	})
}

// What has not the form, or is not one line, is refused without being repeated.
func TestRefusalsRepeatNothing(t *testing.T) {
	for _, text := range []string{"a\nb", "a\rb", "a\x00", "\x1b[2J", "a\u0085", "a\u2028", "a\u2029", "\xff"} {
		for _, err := range []error{OneLine("it", text), Formed("it", text, UnitForm), Formed("it", text, SysctlForm)} {
			if err == nil || strings.Contains(err.Error(), text) {
				t.Errorf("%q: %v", text, err)
			}
		}
	}
	// A refused manifest is neither asked for nor worked on.
	m := Manifest{Owner: "x", Refusal: ErrHostile, Items: []Item{Sysctl{"a\nb", "1"}}}
	if _, err := Observe(t.Context(), nil, m); err == nil {
		t.Error("it is observed")
	}
	if plan := Diff(m, Observation{}); plan.Refusal == nil || len(plan.Steps) > 0 {
		t.Errorf("it plans %v", plan)
	}
}
