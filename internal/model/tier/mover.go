// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tier

import "time"

// Mover is what the mover of a node is started with.
type Mover struct {
	// Tier is the tier's name. Both trees carry it, too, so that a tree that is
	// not mounted, or belongs to another tier, is told from an empty one.
	Tier string `json:"tier"`
	// Hot and Cold are absolute paths, without a link on the way.
	Hot  string `json:"hot"`
	Cold string `json:"cold"`
	// Layout names days, as in %Y/%m/%d.
	Layout  string `json:"layout"`
	HotDays int    `json:"hot_days"`
	// Quiet and Grace are in seconds.
	Quiet int64 `json:"quiet"`
	Grace int64 `json:"grace"`
	// What must stay free in the archive.
	ReserveBytes  uint64 `json:"reserve_bytes"`
	ReserveInodes uint64 `json:"reserve_inodes"`
	// Node is this node's name, under which it tells the others how far it is; ""
	// where it tells nobody.
	Node string `json:"node,omitempty"`
	// Nodes are the other nodes of the tier, known by what they say in the archive.
	Nodes []MoverNode `json:"nodes"`
	// Pairs are the files in which those tell how they are that keep the hot tree in
	// step with other nodes, and read it.
	Pairs []string `json:"pairs,omitempty"`
}

// MoverNode is another node of the tier.
type MoverNode struct {
	Name string `json:"name"`
}

// MoverFile is the file in which the mover of a node tells where it left the days.
const MoverFile = "mover.json"

// MoverAsks is a file that is there as long as old directories of days wait for a reading of
// the trees and for nothing else. It is as old as the last run that asked.
const MoverAsks = "asks-for-reading"

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
	// More counts those that are not listed.
	More int `json:"more,omitempty"`
	// Conflicts counts files of which the last run kept two versions.
	Conflicts int `json:"conflicts,omitempty"`
}

// MostWaiting is how many days a status lists.
const MostWaiting = 400

// NextLeave is what comes next for a day that stays as it is until somebody has looked.
const NextLeave = "leave"

// WaitingDay is a day that has not moved, or of which the old directory is kept.
type WaitingDay struct {
	Day string `json:"day"`
	// Next is what comes next: wait, or NextLeave.
	Next string `json:"next"`
	// Why is why it is not done now.
	Why string `json:"why"`
}
