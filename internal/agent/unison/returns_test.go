// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package unison

import (
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// What is brought back is what was deleted on the side to which it is carried against the
// default, and nothing that a profile cannot name.
func TestBrought(t *testing.T) {
	for line, want := range map[string]tier.Return{
		"deleted  <==== changed    3.txt":                {Path: "3.txt", Here: true},
		"changed  ====> deleted    2026/09/4 (1).txt":    {Path: "2026/09/4 (1).txt"},
		"deleted  <==== chgd lnk   l":                    {Path: "l", Here: true},
		"deleted  ---->            carried":              {},
		"         <---- deleted    carried":              {},
		"deleted  ====> changed    the deletion wins":    {},
		"changed  <==== deleted    the deletion wins":    {},
		"changed  <==== changed    deleted":              {},
		"deleted  <-?-> changed    left":                 {},
		"deleted  <==== changed     a space before":      {},
		"deleted  <==== changed":                         {},
		"Nothing to do: replicas have not changed since": {},
	} {
		if got, is := brought(line); is != (want.Path != "") || is && got != want {
			t.Errorf("%q: %+v, %t", line, got, is)
		}
	}
}

// Each side is brought what it deleted, and may lose nothing by that.
func TestBringing(t *testing.T) {
	const profile = "root = /srv/files\nroot = ssh://b//srv/files\nbatch = true\n"
	returns := []tier.Return{{Path: "a", Here: true}, {Path: "b"}, {Path: "c d", Here: true}}
	if got, want := bringing(profile, returns, true), "force = ssh://b//srv/files\nnoupdate = /srv/files\nconfirmbigdel = false\npath = a\npath = c d\n"; got != want {
		t.Errorf("here %q, want %q", got, want)
	}
	if got, want := bringing(profile, returns, false), "force = /srv/files\nnoupdate = ssh://b//srv/files\nconfirmbigdel = false\npath = b\n"; got != want {
		t.Errorf("there %q, want %q", got, want)
	}
	if got := bringing(profile, returns[:1], false); got != "" {
		t.Errorf("for nothing %q", got)
	}
}

// A reading is due at once where something comes back or archives were made, soon where
// something is left, and otherwise after hours.
func TestDue(t *testing.T) {
	left, back := []tier.Left{{Path: "a"}}, []tier.Return{{Path: "a"}}
	for _, row := range []struct {
		name   string
		status tier.PairStatus
		first  bool
		want   time.Duration
	}{
		{"nothing is left", tier.PairStatus{}, false, usualReading},
		{"it made the archives", tier.PairStatus{}, true, 0},
		{"a conflict", tier.PairStatus{Skipped: left}, false, 20 * time.Second},
		{"a conflict in the first one", tier.PairStatus{Failed: left}, true, 20 * time.Second},
		{"something comes back", tier.PairStatus{Returns: back, Skipped: left}, false, 0},
	} {
		if got := due(row.status, time.Second, row.first); got != row.want {
			t.Errorf("%s: %s, want %s", row.name, got, row.want)
		}
	}
}
