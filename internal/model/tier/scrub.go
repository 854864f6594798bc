// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tier

import "time"

// Scrub is what the scrub of an archive is started with.
type Scrub struct {
	Tier string `json:"tier"`
	// Hot is the tree beside the archive; "" where the node has none.
	Hot    string `json:"hot,omitempty"`
	Cold   string `json:"cold"`
	Layout string `json:"layout"`
	// Interval is how many seconds a day that was read is not read again.
	Interval int64 `json:"interval"`
	// Deleted are paths in the archive that no node is to have: it is said of none of them
	// that it went away.
	Deleted []string `json:"deleted,omitempty"`
	// Status is the file in which it tells how it went: a ScrubStatus.
	Status string `json:"status"`
}

// ScrubFile is the name of that file.
const ScrubFile = "scrub.json"

// ScrubUnit is the unit, without its ending, that scrubs the archive of a tier on each node.
func ScrubUnit(tier string) string { return "atoll-scrub-" + tier }

// ScrubStatus is what the scrub of a node tells. It is also where the archive's
// runs read what to ask other nodes for.
type ScrubStatus struct {
	// At is when the last run ended; zero before the first one.
	At time.Time `json:"at,omitzero"`
	// Error is why something could not be read; "" for nothing.
	Error string `json:"error,omitempty"`
	// Days, Files and Bytes are what the last run read.
	Days  int   `json:"days"`
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
	// Rotten are files that rotted and were not mended, at most MostRotten; More
	// counts those beyond.
	Rotten []Rotten `json:"rotten,omitempty"`
	More   int      `json:"more,omitempty"`
	// Mended are those that were, the latest last; at most MostMended.
	Mended []Mended `json:"mended,omitempty"`
	// Gone are files that the archive had and has not, and that nobody asked to delete, at
	// most MostGone; MoreGone counts those beyond. An older agent tells of none.
	Gone     []Gone `json:"gone,omitempty"`
	MoreGone int    `json:"more_gone,omitempty"`
}

// How many files a status lists.
const (
	MostRotten = 1000
	MostMended = 100
	MostGone   = 1000
)

// Gone is a file that an archive had when its day was read before, or a whole day.
type Gone struct {
	// At is when it was missed first.
	At time.Time `json:"at"`
	// Path is below the archive, as QuotePath writes it.
	Path string `json:"path"`
}

// Rotten is a file whose content is another than it was, though nobody changed it.
type Rotten struct {
	Day string `json:"day"`
	// Path is below the archive, as QuotePath writes it.
	Path    string `json:"path"`
	Problem string `json:"problem"`
	// Why is why it is not mended.
	Why string `json:"why"`
	// Size and Content are what it was; "" where that is not known.
	Size    int64  `json:"size"`
	Content string `json:"content,omitempty"`
}

// Mended is a file that rotted, and is again as it was.
type Mended struct {
	At time.Time `json:"at"`
	// Path is below the archive, as QuotePath writes it.
	Path    string `json:"path"`
	Problem string `json:"problem"`
	// From is the node whose copy it is, Kept the path below the archive at which
	// the rotten one lies, quoted in the same way.
	From string `json:"from"`
	Kept string `json:"kept"`
}

// Lent is the directory in the Workshop that holds whole files which other nodes
// have lent for those that rotted. Each is named by LentFile.
const Lent = "lent"

// LentFile names a file by its content and by the node that it is from. Neither
// has a dot.
func LentFile(content, node string) string { return content + "." + node }
