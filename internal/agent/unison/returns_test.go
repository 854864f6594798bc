// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package unison

import (
	"testing"

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
		"deleted  <==== changed    ../secret":            {},
		"deleted  <==== changed    /etc/secret":          {},
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
