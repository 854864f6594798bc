// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tier

import "time"

// Phase is how far a node is with a day.
type Phase string

const (
	// Nowhere means that the node has nothing of the day.
	Nowhere Phase = "nowhere"
	// Hot means that the day lies in the hot tree, and has no whole copy in the archive.
	Hot Phase = "hot"
	// Copied means that the archive has a verified copy, safe on disk, and the hot tree
	// still has the day itself.
	Copied Phase = "copied"
	// Flipped means that the hot tree has a link to the archive.
	Flipped Phase = "flipped"
)

// DayReport is what a node tells about one day.
type DayReport struct {
	Phase Phase `json:"phase"`
	// Digest is that of the copy's names and contents, where it is Copied.
	Digest string `json:"digest,omitempty"`
	// Met is when the node learned that all have flipped, by its own clock, as long
	// as it has not read its trees since.
	Met time.Time `json:"met,omitzero"`
	// Read says that all have flipped, and that every pair of trees that the node
	// keeps in step was read as a whole since.
	Read bool `json:"read,omitempty"`
}

// Report is what a node tells about the days that it was asked for, each by
// its path. What it was not asked for is not in it.
type Report struct {
	Tier string               `json:"tier"`
	Days map[string]DayReport `json:"days"`
}
