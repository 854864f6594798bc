// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tier

// Statements is the directory in an archive in which each node says how far it is
// with the days, in a file of its own. The archive's own runs carry it, so that
// nodes learn of each other without a way of their own for that.
const Statements = ".tier-nodes"

// StatementFile is the name of a node's file in Statements. Its modification time
// is a counter and no time: of two versions the one with the higher count is the
// later one, whatever the clocks say, and rsync takes it for that.
func StatementFile(node string) string { return node + ".json" }

// Statement is what a node says of itself.
type Statement struct {
	// Protocol is what the agent that wrote it speaks.
	Protocol int `json:"protocol"`
	// Count is higher than that of all before.
	Count int64  `json:"count"`
	Node  string `json:"node"`
	Report
}
