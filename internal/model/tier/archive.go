// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tier

// Archive is what a node is told of one other node that it keeps its archive in
// step with: the file that the agent is started with.
type Archive struct {
	Tier string `json:"tier"`
	Peer string `json:"peer"`
	// Cold is the archive on this node.
	Cold string `json:"cold"`
	// State is the pair's own directory, where the status lies.
	State string `json:"state"`
	// Dials is the node of the two that dials. Both sides prepare what comes from
	// the other under its name.
	Dials string `json:"dials"`
	// ReserveMiB is what stays free where Cold lies.
	ReserveMiB int `json:"reserve_mib"`
	// ReserveInodes are how many inodes stay free there.
	ReserveInodes uint64 `json:"reserve_inodes,omitempty"`
	// Scrub is the file that tells which files rotted here: the other node is asked
	// for them. "" where nothing is scrubbed.
	Scrub string `json:"scrub,omitempty"`
	// Remote is the other node's account and address, and SSH the words by which
	// it is reached; none on the node that is dialled, as are those below.
	Remote string   `json:"remote,omitempty"`
	SSH    []string `json:"ssh,omitempty"`
	// BandwidthKiB is the most that is carried in a second; 0 for no limit.
	BandwidthKiB int `json:"bandwidth_kib,omitempty"`
	// Deleted are paths in the archive that are not carried.
	Deleted []string `json:"deleted,omitempty"`
}

const (
	// ArchiveStatusFile lies in a pair's State. It holds a PairStatus.
	ArchiveStatusFile = "cold.json"
	// Workshop is the directory in an archive in which files are prepared that
	// come from other nodes, and those kept that they replaced. It is never carried.
	Workshop = ".tier-archive"
	// Replaced is in it, and has a directory for each run that replaced something.
	Replaced = "replaced"
)
