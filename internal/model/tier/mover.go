// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tier

import "time"

// MoverFile is the file in which the mover of a node tells where it left the days.
const MoverFile = "mover.json"

// MoverStatus is where the last run of a mover left the days of its node.
type MoverStatus struct {
	// At is when the run ended; zero before the first one.
	At time.Time `json:"at,omitzero"`
	// Error is what went wrong, or that the archive is full; "" for nothing.
	Error string `json:"error,omitempty"`
	// Hot are days that are too young, Archived those that have moved.
	Hot      int `json:"hot"`
	Archived int `json:"archived"`
	// Waiting are days that are on their way, or stay where they are, the oldest
	// first; at most MostWaiting.
	Waiting []WaitingDay `json:"waiting,omitempty"`
	// Conflicts counts files of which the last run kept two versions.
	Conflicts int `json:"conflicts,omitempty"`
}

// MostWaiting is how many days a status lists.
const MostWaiting = 400

// WaitingDay is a day that has not moved, or of which the old directory is kept.
type WaitingDay struct {
	Day string `json:"day"`
	// Next is what comes next: wait, or leave where somebody has to look.
	Next string `json:"next"`
	// Why is why it is not done now.
	Why string `json:"why"`
}
