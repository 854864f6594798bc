// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tier

// A tier's home is its own directory on a node: the agent lies there, and what its
// roles tell, each in a directory of its own that its unit may write.
const (
	// HomePairs has a directory for each node of a pair: its State.
	HomePairs = "pairs"
	// HomeCount has the Count of the tree, or of the archive of a node without one;
	// HomeCountCold that of an archive beside a tree.
	HomeCount     = "count"
	HomeCountCold = "count-cold"
	HomeMover     = "mover"
	HomeScrub     = "scrub"
	// HomeHot and HomeCold are files that say where the tree and the archive lie.
	HomeHot  = "claimed"
	HomeCold = "claimed-cold"
)
