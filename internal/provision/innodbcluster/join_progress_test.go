// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import "testing"

func TestProgressIsSaid(t *testing.T) {
	for want, p := range map[string]progress{
		"recovers from the binary logs, 17 transactions to apply": {Queue: 17},
		"clones: drop data": {Stage: "DROP DATA"},
		"clones: file copy, 512 of 2048 MiB (25 %), 11 MiB/s": {Stage: "FILE COPY", Done: 512 << 20, Total: 2048 << 20, Speed: 12<<20 - 1},
	} {
		if got := p.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := (&follower{}).said(); got != "" {
		t.Errorf("nothing was heard, and it says %q", got)
	}
}
