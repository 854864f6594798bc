// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tier

import (
	"strconv"
	"time"
)

// Pair is what a node is told of one other node that it keeps a tree in step
// with: the file that the agent is started with. One node of a pair dials and
// runs unison, the other one serves.
type Pair struct {
	Tier string `json:"tier"`
	// Node and Peer are the names of this node and of the other one.
	Node string `json:"node"`
	Peer string `json:"peer"`
	// Hot is the tree on this node.
	Hot string `json:"hot"`
	// State is the pair's own directory: unison's archives, and the status.
	State string `json:"state"`
	// Profile is unison's, up to what follows; "" on the node that is dialled.
	Profile string `json:"profile,omitempty"`
	// Conflict are further lines of the profile, First those in their place until
	// the trees were in step for the first time.
	Conflict string `json:"conflict,omitempty"`
	First    string `json:"first,omitempty"`
	// Layout names the days that move to the archive; "" where none do. Asks is the file by
	// which their mover asks the node that dials to read the trees.
	Layout string `json:"layout,omitempty"`
	Asks   string `json:"asks,omitempty"`
}

// Stage is what a pair is doing.
type Stage string

const (
	// Waiting means that the trees cannot be kept in step now; Error says why.
	Waiting Stage = "waiting"
	// Connecting means that the other node is being dialled.
	Connecting Stage = "connecting"
	// Working means that trees are read, or changes carried.
	Working Stage = "working"
	// Watching means that all that could be carried was, and changes are waited for.
	Watching Stage = "watching"
	// Resting means that all was carried, and the next run is waited for.
	Resting Stage = "resting"
)

// PairStatus is what the node that dials tells of a pair.
type PairStatus struct {
	// Dialled says that the node which is dialled tells it, of an archive and of its own room
	// alone: it does not know when both were in step.
	Dialled bool  `json:"dialled,omitempty"`
	Stage   Stage `json:"stage"`
	// Since is when it came to this stage.
	Since time.Time `json:"since"`
	// InStep is when all that could be carried was, the last time; zero for never.
	InStep time.Time `json:"in_step,omitzero"`
	// Error is why it waits.
	Error string `json:"error,omitempty"`
	// Skipped are paths that were changed on both sides: both versions are kept.
	Skipped []Left `json:"skipped,omitempty"`
	// Failed are paths that could not be carried; they are tried again.
	Failed []Left `json:"failed,omitempty"`
	// Moving are days that are a link on one side only: on their way to the archive.
	Moving []Left `json:"moving,omitempty"`
	// Returns are paths that one side changed and the other one deleted, and that have still
	// to come back there: the trees are not in step before that.
	Returns []Return `json:"returns,omitempty"`
	// Read is when the last reading of both trees began that was ended.
	Read time.Time `json:"read,omitzero"`
	// Backlog is how many of the paths that were found changed are still to be carried;
	// nil as long as they are not known.
	Backlog *int `json:"backlog,omitempty"`
	// Probe is how long a file was on its way the last time it was measured; nil
	// before the first time.
	Probe *Probe `json:"probe,omitempty"`
}

// Return is a path that comes back where it was deleted.
type Return struct {
	Path string `json:"path"`
	// Here says that the node which dials is where it was deleted.
	Here bool `json:"here,omitempty"`
}

// Probe is a file that was written to see how long it is on its way.
type Probe struct {
	// At is when it had arrived.
	At           time.Time `json:"at"`
	Milliseconds int64     `json:"milliseconds"`
}

// ProbePrefix begins the names of files at the top of a tree that measure the way.
const ProbePrefix = ".tier-probe-"

// ProbeName is the file by which the node that dials measures the way to the other one.
func ProbeName(dials, serves string) string { return ProbePrefix + dials + "-" + serves }

// Left is a path that is not in step.
type Left struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

// Top is the path of the tree itself, below which all others are.
const Top = "."

// Named is how a person reads a path.
func Named(path string) string {
	if path == Top {
		return "the top directory itself"
	}
	return strconv.Quote(path)
}

// The names that both sides of the border use.
const (
	// StatusFile lies in a pair's State.
	StatusFile = "status.json"
	// Private is the directory in a tree that is the tier's own: no other node
	// has it, and a tree without it is not this tier's, or is not mounted.
	Private = ".tier"
	// NoSocket stands in the place of unison's socket where a node's SSH key opens an
	// archive and no tree.
	NoSocket = "-"
)
