// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mover

import (
	"context"
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// puts runs the mover, which finds that the archive has lost something, and says so.
func (r *replica) puts(says string) {
	r.t.Helper()
	result, err := r.Run(context.Background())
	do(r.t, err)
	if len(result.Days) != 1 || result.Days[0].Err == nil || !strings.Contains(result.Days[0].Err.Error(), says) || slices.Contains(result.Days[0].Done, Clean) {
		r.t.Fatalf("%s: %+v", r.name, result.Days)
	}
}

// readBack brings days so far that nothing but the grace time keeps their old directories.
func readBack(t *testing.T, all []*replica) {
	t.Helper()
	for _, node := range all {
		node.Config.Grace = 3600
	}
	settled(t, all, nil)
	for _, node := range all {
		if _, err := os.Lstat(node.hot(private, "2020%2F02%2F01.old-1.read")); err != nil {
			t.Fatal(err)
		}
		node.Config.Grace = 0
	}
}

// A file that went from all archives after it was read from their disks is in the old
// directories alone: nothing of those goes before the archives have it again.
func TestArchivesLoseWhatMoved(t *testing.T) {
	for name, lose := range map[string]func(*replica) error{
		"a file":      func(r *replica) error { return os.Remove(r.cold(oneDay, "dir1/file 4")) },
		"a directory": func(r *replica) error { return os.RemoveAll(r.cold(oneDay, "dir1")) },
		"the day":     func(r *replica) error { return os.RemoveAll(r.cold(oneDay)) },
		"the year":    func(r *replica) error { return os.RemoveAll(r.cold("2020")) },
	} {
		t.Run(name, func(t *testing.T) {
			all := replicas(t, "one", "two", "three")
			want := fill(all, 1, 7)
			readBack(t, all)
			for _, node := range all {
				do(t, lose(node))
			}
			for _, node := range all {
				node.puts("look after its disk, or name in cold_deletions what no node is to have")
				checkFiles(t, []*replica{node}, want)
				if _, err := os.Lstat(node.hot(private, "2020%2F02%2F01.old-1")); err != nil {
					t.Error(err)
				}
			}
			// It is read from the disk before the old directories go.
			if outcome := all[0].run()[oneDay]; !slices.Contains(outcome.Done, ReadBack) {
				t.Errorf("%+v", outcome)
			}
			settled(t, all, want)
			checkMoved(t, all, want)
		})
	}
}

// What goes between the sweep and the cleaning is found before it would be the last.
func TestArchiveLosesAFileWhileCleaning(t *testing.T) {
	all := replicas(t, "one")
	one := all[0]
	want := fill(all, 1, 7)
	readBack(t, all)
	one.at("cleaning", func() { do(t, os.Remove(one.cold(oneDay, "dir1/file 4"))) })
	one.stillInUse()
	one.puts(`1 file of the day, the first is "dir1/file 4"`)
	settled(t, all, want)
	checkMoved(t, all, want)
}

// Who deletes by request takes it out of the old directory, too, and it stays away.
func TestDeletedByRequest(t *testing.T) {
	all := replicas(t, "one", "two")
	want := fill(all, 1, 7)
	readBack(t, all)
	for _, node := range all {
		do(t, os.RemoveAll(node.cold(oneDay, "dir1")), os.RemoveAll(node.hot(private, "2020%2F02%2F01.old-1/dir1")))
	}
	maps.DeleteFunc(want, func(path, _ string) bool { return strings.HasPrefix(path, oneDay+"/dir1/") })
	settled(t, all, want)
	checkMoved(t, all, want)
}

// What the day lost comes back also where it has grown again, with what was written late.
func TestArchiveLosesADayThatGrowsAgain(t *testing.T) {
	all := replicas(t, "one")
	one := all[0]
	want := fill(all, 1, 7)
	readBack(t, all)
	do(t, os.RemoveAll(one.cold(oneDay, "dir1")), os.Remove(one.hot(oneDay)),
		os.WriteFile(one.hot(private, "2020%2F02%2F01.old-1/dir0/late"), []byte("late"), 0o600))
	one.write(oneDay+"/dir2/new", "new")
	want[oneDay+"/dir2/new"], want[oneDay+"/dir0/late"] = "new", "late"
	one.puts("2 files of the day")
	settled(t, all, want)
	checkMoved(t, all, want)
}

// A run that gives back is cut off at each of its points, and the next one goes on.
func TestCutOffWhileGivingBack(t *testing.T) {
	for cut, point := 1, "first"; point != ""; cut++ {
		all := replicas(t, "one")
		one := all[0]
		want := fill(all, 1, 7)
		readBack(t, all)
		do(t, os.RemoveAll(one.cold(oneDay, "dir1")), os.Remove(one.cold(oneDay, "dir0/file 0")))
		at := one.cutAt(cut)
		for range 3 {
			if _, err := one.Run(context.Background()); err != nil && !errors.Is(err, ErrCut) {
				t.Fatal(err)
			}
		}
		one.Point = nil
		if _, err := one.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		settled(t, all, want)
		checkMoved(t, all, want)
		point = *at
	}
}

// What went from the hot tree before the day moved goes from the archive, and no scrub
// misses it: it begins anew.
func TestWhatTheTreeRemovedIsNotMissed(t *testing.T) {
	all := replicas(t, "one", "two")
	one := all[0]
	want := fill(all, 1, 7)
	one.run()
	scrub := one.cold(private, "2020%2F02%2F01"+ScrubSuffix)
	if _, err := os.Lstat(scrub); err != nil {
		t.Fatal(err)
	}
	do(t, os.Remove(one.hot(oneDay, "dir0/file 0")), os.Remove(all[1].hot(oneDay, "dir0/file 0")))
	delete(want, oneDay+"/dir0/file 0")
	one.run()
	if _, err := os.Lstat(scrub); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the scrub's manifest stays: %v", err)
	}
	settled(t, all, want)
	checkMoved(t, all, want)
}
