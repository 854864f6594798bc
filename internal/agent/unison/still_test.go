// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package unison

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// What is stopped has to be so twice, and a probe is waited for as long as something may
// be in its way.
func TestStill(t *testing.T) {
	began := time.Unix(1e9, 0)
	watching, working := tier.PairStatus{Stage: tier.Watching}, tier.PairStatus{Stage: tier.Working}
	ssh, unison := process{12, "ssh"}, process{11, "unison"}
	type look struct {
		after   time.Duration
		status  tier.PairStatus
		stopped []process
		// written is when the probe was, after the beginning; below 0 for none.
		written time.Duration
		want    string
	}
	for name, looks := range map[string][]look{
		"stopped once":           {{0, watching, []process{unison}, -1, ""}, {1, watching, nil, -1, ""}, {2, watching, []process{unison}, -1, ""}},
		"stopped twice":          {{0, watching, []process{unison}, -1, ""}, {1, watching, []process{unison}, -1, "unison (process 11) is stopped"}, {2, watching, nil, -1, ""}},
		"stopped at work":        {{0, working, []process{unison}, -1, ""}, {1, working, []process{unison}, -1, "kill -CONT 11"}},
		"each another":           {{0, watching, []process{unison}, -1, ""}, {1, watching, []process{ssh}, -1, ""}, {2, watching, []process{ssh}, -1, "ssh (process 12)"}},
		"all of it":              {{0, watching, []process{unison, ssh}, -1, ""}, {1, watching, []process{unison, ssh}, -1, "is stopped"}, {2, watching, []process{unison, ssh}, -1, "is stopped"}},
		"no probe":               {{0, watching, nil, -1, ""}, {20 * time.Minute, watching, nil, -1, ""}},
		"a probe on its way":     {{0, watching, nil, -1, ""}, {9 * time.Minute, watching, nil, 0, ""}},
		"a probe that stays":     {{0, watching, nil, -1, ""}, {11 * time.Minute, watching, nil, 0, ".probe, which was written at 2001-09-09T01:46:40Z, has not been carried"}},
		"beside large files":     {{0, watching, nil, -1, ""}, {5 * time.Minute, working, nil, 0, ""}, {30 * time.Minute, watching, nil, 0, ""}, {31 * time.Minute, watching, nil, 0, ""}, {32 * time.Minute, watching, nil, 0, "has not been carried"}},
		"of a line that was cut": {{30 * time.Minute, watching, nil, 0, ""}, {35 * time.Minute, watching, nil, 0, ""}, {41 * time.Minute, watching, nil, 0, "has not been carried"}},
		"it is known why":        {{0, watching, nil, -1, ""}, {11 * time.Minute, tier.PairStatus{Stage: tier.Watching, Skipped: []tier.Left{{Path: ".probe"}}}, nil, 0, ""}},
		"so is all of the tree":  {{0, watching, nil, -1, ""}, {11 * time.Minute, tier.PairStatus{Stage: tier.Watching, Skipped: []tier.Left{{Path: tier.Top}}}, nil, 0, ""}},
		"others are skipped":     {{0, watching, nil, -1, ""}, {11 * time.Minute, tier.PairStatus{Stage: tier.Watching, Skipped: []tier.Left{{Path: "x"}}}, nil, 0, "has not been carried"}},
		"others fail":            {{0, watching, nil, -1, ""}, {11 * time.Minute, tier.PairStatus{Stage: tier.Watching, Failed: []tier.Left{{Path: "x"}}}, nil, 0, ""}},
	} {
		var s still
		for i, look := range looks {
			var written time.Time
			if look.written >= 0 {
				written = began.Add(look.written)
			}
			got := s.look(began.Add(look.after), look.status, look.stopped, written, ".probe")
			if (got == "") != (look.want == "") || !strings.Contains(got, look.want) {
				t.Errorf("%s, look %d: %q, want %q", name, i, got, look.want)
			}
		}
	}
}

// What is stopped is found as deep as ssh is, by whatever name, and what has gone is not.
func TestStoppedBelow(t *testing.T) {
	root := t.TempDir()
	for id, row := range map[int]struct{ stat, children string }{
		11: {"11 (unison) S 10 11", "12 13 99 "},
		12: {"12 (a) T (b) t 11 11", ""},
		13: {"13 (sh) S 11 11", "14"},
		14: {"14 (ssh) T 13 11", "15"},
		15: {"15 (x) T 14 11", ""},
	} {
		tasks := filepath.Join(root, fmt.Sprint(id), "task", fmt.Sprint(id))
		for _, err := range []error{os.MkdirAll(tasks, 0o700), os.WriteFile(filepath.Join(root, fmt.Sprint(id), "stat"), []byte(row.stat), 0o600), os.WriteFile(filepath.Join(tasks, "children"), []byte(row.children), 0o600)} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if got, want := stoppedBelow(root, 11, 2), []process{{12, "a) T (b"}, {14, "ssh"}}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	for _, stat := range []string{"", "12", "12 (x", "12 (x)", ")x("} {
		if _, state := processState(stat); state != "" {
			t.Errorf("%q has the state %q", stat, state)
		}
	}
}
