// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package unison

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// A path that one side deleted and the other one changed opens on both as it was changed, in
// both directions, in a directory that was deleted as a whole, too, before the pair tells that
// the trees are in step.
func TestUnisonBringsBackWhatWasChangedAndDeleted(t *testing.T) {
	programs, bin := unisons(t), agents(t)
	for version, program := range programs {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			m := newMeeting(t, bin, program)
			m.here.First = "prefer = " + m.here.Hot + "\ncopyonconflict = true\n"
			m.here.Conflict = "prefer = newer\ncopyonconflict = true\n"
			write := func(root, name, text string) {
				path := filepath.Join(root, name)
				m.must(errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)))
			}
			names := []string{"3.txt", "4.txt", "sub/d/changed"}
			for _, name := range append(names, "sub/d/beside") {
				write(m.here.Hot, name, "as it was")
			}
			m.settles(0, func() string {
				if found := m.holds(m.there.Hot); found["sub/d/beside"] == "" || found["4.txt"] == "" {
					return fmt.Sprintf("the other side has %q", found)
				}
				if _, err := os.Stat(filepath.Join(m.here.State, begun)); err != nil {
					return err.Error() // what is done about conflicts is still that of the beginning
				}
				return ""
			})
			m.must(os.Remove(filepath.Join(m.here.Hot, "3.txt")))
			m.must(os.RemoveAll(filepath.Join(m.here.Hot, "sub/d")))
			m.must(os.Remove(filepath.Join(m.there.Hot, "4.txt")))
			write(m.there.Hot, "3.txt", "changed")
			write(m.there.Hot, "sub/d/changed", "changed")
			write(m.here.Hot, "4.txt", "changed")
			if early := m.settles(0, func() string { return m.notBack(names) }); early != "" {
				t.Errorf("the trees were told to be in step, and %s", early)
			}
			if got := m.status().Returns; len(got) > 0 {
				t.Errorf("%+v are still to come back", got)
			}
			// What is there again when it is to be brought back, and what the other side deleted
			// meanwhile, is no matter of that: both are carried as ever.
			status := m.status()
			status.Returns = []tier.Return{{Path: "3.txt", Here: true}, {Path: "4.txt", Here: true}}
			text, err := json.Marshal(status)
			m.must(errors.Join(err, os.WriteFile(filepath.Join(m.here.State, tier.StatusFile), text, 0o600), os.Remove(filepath.Join(m.there.Hot, "4.txt"))))
			write(m.here.Hot, "3.txt", "written anew")
			m.settles(0, func() string {
				here, there := m.holds(m.here.Hot), m.holds(m.there.Hot)
				if _, is := here["4.txt"]; is || !maps.Equal(here, there) || here["3.txt"] != "written anew" {
					return fmt.Sprintf("here are %q, and there %q", here, there)
				}
				return ""
			})
		})
	}
}

// notBack says which of the paths is not the one that was changed, or what else differs.
func (m *meeting) notBack(names []string) string {
	here, there := m.holds(m.here.Hot), m.holds(m.there.Hot)
	for _, name := range names {
		if here[name] != "changed" || there[name] != "changed" {
			return fmt.Sprintf("%s is %q here and %q there", name, here[name], there[name])
		}
	}
	if !maps.Equal(here, there) {
		return fmt.Sprintf("here are %q, and there %q", here, there)
	}
	for name := range here {
		if strings.Contains(name, "was_deleted") {
			return ""
		}
	}
	return "nothing says that it was deleted"
}
