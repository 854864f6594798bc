// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package scrub

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/agent"
	"github.com/atollhq/terraform-provider-atoll/internal/agent/mover"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// scrubbed is a node that the role scrubs, as its unit does.
type scrubbed struct {
	*replica
	config tier.Scrub
	file   string
}

func newScrubbed(t *testing.T) *scrubbed {
	t.Helper()
	one := newReplica(t, "one")
	return &scrubbed{one, tier.Scrub{
		Tier: "files", Hot: one.Config.Hot, Cold: one.Config.Cold, Layout: one.Config.Layout, Interval: 3600, Status: filepath.Join(t.TempDir(), tier.ScrubFile),
	}, filepath.Join(t.TempDir(), "tier.json")}
}

// scrub runs the role, and gives what it printed and what the status has as gone.
func (s *scrubbed) scrub(code int, args ...string) (out, problems string, gone []tier.Gone) {
	s.t.Helper()
	text, err := json.Marshal(s.config)
	do(s.t, err, os.WriteFile(s.file, text, 0o600))
	var said, wrong bytes.Buffer
	if got := agent.Main(s.t.Context(), []agent.Role{Role}, append([]string{"atoll-agent", "scrub", "--config", s.file}, args...), agent.Streams{Out: &said, Err: &wrong}); got != code {
		s.t.Errorf("%q ends with %d, want %d: %s", args, got, code, wrong.String())
	}
	var status tier.ScrubStatus
	text, err = os.ReadFile(s.config.Status)
	do(s.t, err, json.Unmarshal(text, &status))
	return said.String(), wrong.String(), status.Gone
}

// What is gone is found by every run, whether its day is read or not, and stands in the
// status until it is back.
func TestGone(t *testing.T) {
	s := newScrubbed(t)
	kept := filepath.Join(s.Config.Cold, "elsewhere")
	do(t, os.Rename(s.cold("dir/two"), kept))
	out, problems, gone := s.scrub(agent.ExitFailed)
	if out != day+": \"dir/two\" went away\n" || !strings.Contains(problems, day+`: 1 of its files is gone, the first is "dir/two"`) {
		t.Errorf("%s, %s", out, problems)
	}
	if len(gone) != 1 || gone[0].Path != "2020%2F02%2F01%2Fdir%2Ftwo" || time.Since(gone[0].At) > time.Hour {
		t.Fatalf("%+v", gone)
	}
	first := gone[0].At
	for _, args := range [][]string{{}, {"--all"}} {
		if _, _, gone := s.scrub(agent.ExitFailed, args...); len(gone) != 1 || !gone[0].At.Equal(first) {
			t.Errorf("%q: %+v", args, gone)
		}
	}
	// The day was read, and its manifest knows the file no more.
	for _, args := range [][]string{{}, {"--all"}, {"--lent"}} {
		if _, _, gone := s.scrub(agent.ExitDone, args...); len(gone) != 1 || !gone[0].At.Equal(first) {
			t.Errorf("%q: %+v", args, gone)
		}
	}
	do(t, os.Rename(kept, s.cold("dir/two")))
	if _, _, gone := s.scrub(agent.ExitDone); len(gone) > 0 {
		t.Errorf("it is back, and gone are %+v", gone)
	}
}

// A day that is gone as a whole is one line, and one that is deleted by request is none.
func TestGoneDay(t *testing.T) {
	s := newScrubbed(t)
	away := s.Config.Cold + " away"
	do(t, os.Rename(filepath.Join(s.Config.Cold, "2020"), away))
	for range 2 {
		if out, problems, gone := s.scrub(agent.ExitFailed); len(gone) != 1 || gone[0].Path != "2020%2F02%2F01" || !strings.Contains(problems, day+": the whole day is gone") {
			t.Errorf("%s, %s, %+v", out, problems, gone)
		}
	}
	do(t, os.Rename(away, filepath.Join(s.Config.Cold, "2020")))
	if out, _, gone := s.scrub(agent.ExitDone); len(gone) > 0 || out != "" {
		t.Errorf("%s, %+v", out, gone)
	}
}

// A deletion by request may be declared no more when a scrub comes to the day, and may not
// have been declared when somebody deleted by hand.
func TestGoneByRequest(t *testing.T) {
	for name, request := range map[string]func(s *scrubbed){
		"declared": func(s *scrubbed) {
			s.config.Deleted = []string{day + "/dir/two"}
			s.scrub(agent.ExitDone)
			s.config.Deleted = nil
		},
		"carried out": func(s *scrubbed) { s.note(time.Now(), day+"/dir/two") },
		"with its day's year": func(s *scrubbed) {
			s.note(time.Now(), "2020/02")
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScrubbed(t)
			do(t, os.Remove(s.cold("dir/two")))
			request(s)
			for _, args := range [][]string{{}, {"--all"}, {}} {
				if out, problems, gone := s.scrub(agent.ExitDone, args...); len(gone) > 0 || strings.Contains(out+problems, "went away") {
					t.Errorf("%q: %s, %s, %+v", args, out, problems, gone)
				}
			}
		})
	}
	s := newScrubbed(t)
	do(t, os.Remove(s.cold("dir/two")))
	s.note(time.Now().Add(-time.Hour), day+"/dir/two") // and written again since
	s.scrub(agent.ExitFailed)
	s.config.Deleted = []string{day + "/dir/two"}
	if _, _, gone := s.scrub(agent.ExitDone); len(gone) > 0 {
		t.Errorf("declared, and gone are %+v", gone)
	}
}

func (s *scrubbed) note(at time.Time, name string) {
	s.t.Helper()
	archive, err := mover.OpenArchive(s.Config)
	do(s.t, err)
	defer archive.Close()
	do(s.t, mover.NoteDeletion(archive.Private, mover.Deletion{At: at, Path: name}))
}

// What is there again when it is looked for once more was only taken in anew.
func TestStillMissing(t *testing.T) {
	s := newScrubbed(t)
	archive, err := mover.OpenArchive(s.Config)
	do(t, err)
	defer archive.Close()
	r := run{archive: archive}
	if still, err := r.stillMissing(day, []string{"one", "dir/none", "none/two", "dir/two"}); err != nil || strings.Join(still, " ") != "dir/none none/two" {
		t.Errorf("%q, %v", still, err)
	}
}
