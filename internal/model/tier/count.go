// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tier

import "time"

// Count is what a node's tree holds, as the agent counted it: that takes too long
// to be done while somebody waits.
type Count struct {
	// At is when the counting ended.
	At time.Time `json:"at"`
	// Whole says that all was counted in the time that there is for it. If not, there
	// is at least what was counted.
	Whole bool `json:"whole"`
	// Files and Directories are how many there are, Others what is neither (links,
	// sockets). Bytes are the lengths of the files, of one with several
	// names as often.
	Files       int64 `json:"files"`
	Directories int64 `json:"directories"`
	Others      int64 `json:"others"`
	Bytes       int64 `json:"bytes"`
	// Days are the directories that the layout names, First and Last the ends of them.
	Days  int64  `json:"days"`
	First string `json:"first,omitempty"`
	Last  string `json:"last,omitempty"`
	// Unread are directories and names that could not be looked at.
	Unread int64 `json:"unread"`
	// Filling is how the tree's file system filled up to now, the oldest first.
	Filling []Filling `json:"filling"`
}

// Filling is how much of a file system was in use.
type Filling struct {
	At    time.Time `json:"at"`
	Bytes uint64    `json:"bytes"`
}

// CountFile lies in the directory that the agent counts into.
const CountFile = "count.json"

// What is known of how a file system fills: one Filling a day, for a week. The
// growth of less than a day says nothing about the next ones.
const (
	fillingApart = 23 * time.Hour
	fillingKept  = 8
	fillingSpan  = 24 * time.Hour
)

// Fill adds the newest Filling to what is known. Those that are too old, or from a
// clock that was ahead, go.
func Fill(known []Filling, now Filling) []Filling {
	kept := []Filling{}
	for _, one := range known {
		if one.At.Before(now.At) && now.At.Sub(one.At) < fillingKept*24*time.Hour {
			kept = append(kept, one)
		}
	}
	// The last one moves on until it is a day after the one before.
	if n := len(kept); n > 1 && kept[n-1].At.Sub(kept[n-2].At) < fillingApart {
		kept = kept[:n-1]
	}
	kept = append(kept, now)
	return kept[max(0, len(kept)-fillingKept):]
}

// longestForecast is as far as a week says anything about.
const longestForecast = 366 * 24 * time.Hour

// FullAt says when a file system with so much room left is full, if it goes on
// filling as it did. That is not known where it did not fill, where less than a
// day of it is known, and where it would take more than a year.
func FullAt(filling []Filling, free uint64, now time.Time) (full time.Time, is bool) {
	if len(filling) < 2 {
		return full, false
	}
	first, last := filling[0], filling[len(filling)-1]
	span := last.At.Sub(first.At)
	if span < fillingSpan || last.Bytes <= first.Bytes {
		return full, false
	}
	left := float64(free) / float64(last.Bytes-first.Bytes) * float64(span)
	if left > float64(longestForecast) {
		return full, false
	}
	return now.Add(time.Duration(left)), true
}
