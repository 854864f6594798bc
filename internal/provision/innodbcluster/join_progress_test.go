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

// Of a joiner that the group sees no more only a clone is told: it recovers nothing.
func TestProgressOfAJoinerThatIsAway(t *testing.T) {
	for _, row := range []struct {
		p          progress
		away, want bool
	}{
		{progress{Stage: "FILE COPY", Done: 1, Total: 2}, true, true}, {progress{Queue: 17}, true, false},
		{progress{Stage: "FILE COPY", Done: 1, Total: 2}, false, true}, {progress{Queue: 17}, false, true},
	} {
		if got := row.p.worth(row.away); got != row.want {
			t.Errorf("%s, away %v: %v", row.p, row.away, got)
		}
	}
}
