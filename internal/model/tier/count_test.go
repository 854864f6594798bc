// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tier

import (
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// An hourly count keeps a value a day, for a week, and the newest.
func TestFill(t *testing.T) {
	var known []Filling
	for hour := range 24 * 30 {
		known = Fill(known, Filling{noon.Add(time.Duration(hour) * time.Hour), uint64(hour)})
		if len(known) > fillingKept {
			t.Fatalf("after %d hours there are %d values", hour, len(known))
		}
	}
	last := known[len(known)-1]
	if span := last.At.Sub(known[0].At); last.Bytes != 24*30-1 || span < 6*24*time.Hour || span > 8*24*time.Hour {
		t.Errorf("known are %v", known)
	}
	// A clock that was a day ahead, and is not any more.
	known = Fill(known, Filling{last.At.Add(-25 * time.Hour), 1})
	if at := known[len(known)-1].At; !at.Equal(last.At.Add(-25*time.Hour)) || len(known) > fillingKept {
		t.Errorf("after the clock went back: %v", known)
	}
	for i := range len(known) - 1 {
		if !known[i].At.Before(known[i+1].At) {
			t.Errorf("out of order: %v", known)
		}
	}
}

func TestFullAt(t *testing.T) {
	day := 24 * time.Hour
	for _, row := range []struct {
		name    string
		filling []Filling
		free    uint64
		want    string
	}{
		{"nothing known", nil, 100, ""},
		{"one value", []Filling{{noon, 50}}, 100, ""},
		{"a few hours", []Filling{{noon.Add(-23 * time.Hour), 50}, {noon, 90}}, 100, ""},
		{"ten a day", []Filling{{noon.Add(-2 * day), 80}, {noon.Add(-day), 95}, {noon, 100}}, 100, "2026-12-06"},
		{"it is full", []Filling{{noon.Add(-2 * day), 80}, {noon, 100}}, 0, "2026-11-26"},
		{"it got emptier", []Filling{{noon.Add(-2 * day), 100}, {noon, 80}}, 100, ""},
		{"it stayed", []Filling{{noon.Add(-2 * day), 100}, {noon, 100}}, 100, ""},
		{"hardly at all", []Filling{{noon.Add(-2 * day), 99}, {noon, 100}}, 1 << 60, ""},
	} {
		full, is := FullAt(row.filling, row.free, noon)
		if is != (row.want != "") || is && full.Format(time.DateOnly) != row.want {
			t.Errorf("%s: %s, %v", row.name, full, is)
		}
	}
}
