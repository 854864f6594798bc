// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mover

import (
	"os"
	"testing"
	"time"
)

// The private directories hold something of every day that ever moved: reading them
// for each day would be the square of that. After a step they are read again.
func TestPrivateDirectoriesAreReadOnceForAllDays(t *testing.T) {
	all := replicas(t, "one")
	want := fill(all, 3, 2)
	opened, err := openTrees(all[0].Config)
	do(t, err)
	defer opened.close()
	days, err := opened.days(t.Context())
	do(t, err)
	const planted = "2020%2F02%2F02.old-1"
	remains := func() (found int) {
		for _, day := range days {
			seen, err := opened.observe(t.Context(), day, all[0].Config.policy(), time.Now())
			do(t, err)
			found += len(seen.Old)
		}
		return found
	}
	do(t, os.Mkdir(all[0].hot(private, planted), 0o700))
	if got := remains(); got != 0 {
		t.Errorf("%d old directories: they were read again for a day", got)
	}
	opened.changed()
	if got := remains(); got != 1 {
		t.Errorf("%d old directories after a step, want 1", got)
	}
	do(t, os.Remove(all[0].hot(private, planted)))
	settled(t, all, want)
	checkMoved(t, all, want)
}
