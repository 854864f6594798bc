// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package unison

import (
	"os"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// The time between two full readings of the trees: unison forgets what it skipped, and a
// change that no watch tells of (on a mounted network, by a kernel that lost events) is found
// by reading only.
const (
	usualReading = 6 * time.Hour
	// Where something is left, the trees are read again after so many times of what
	// reading took, so that it costs little whatever their size.
	readingShare   = 20
	soonestReading = 10 * time.Second
	// What the mover of days asks for may be had no more often than this.
	askedReading = time.Hour
)

// rests says whether a run has carried what it could: it waits for changes, or for what it
// left to be brought back.
func rests(status tier.PairStatus) bool {
	return status.Stage == tier.Watching || status.Stage == tier.Connecting && len(status.Returns) > 0
}

// due is how long after its beginning a unison is to be ended, so that the trees are read
// again. firstRead is what it took until it had read and carried for the first time, first
// says that it is the one that made the archives, asked that the mover waits for a reading.
func due(status tier.PairStatus, firstRead time.Duration, first, asked bool) time.Duration {
	switch {
	case len(status.Returns) > 0:
		return 0 // no tree may stay as it is now
	case len(status.Skipped)+len(status.Failed)+len(status.Moving) > 0:
		return max(soonestReading, readingShare*firstRead)
	case first:
		return 0
	case asked:
		return askedReading
	}
	return usualReading
}

// asked says whether the mover of days asked for a reading after the last one began.
func asked(pair tier.Pair, read time.Time) bool {
	if pair.Asks == "" {
		return false
	}
	info, err := os.Stat(pair.Asks)
	return err == nil && info.ModTime().After(read)
}
