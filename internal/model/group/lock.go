// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package group holds what the provider and the guardian beside each member both
// know of a replication group: how sets of transactions compare, and by which
// lock whoever works on the group takes turns.
package group

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// LockName is that of the lock by which a group's turn is held on its members,
// within the 64 characters that MySQL takes. A cluster's turn, which is there
// before a group is, goes by the cluster's name.
func LockName(group string) string {
	const prefix, longest = "atoll.turn.", 64
	if len(prefix)+len(group) > longest {
		sum := sha256.Sum256([]byte(group))
		group = hex.EncodeToString(sum[:16])
	}
	return prefix + strings.ToLower(group)
}

// HolderVariable is the user variable in which the session that holds a turn
// says what for.
const HolderVariable = "atoll_turn"

// RefusalVariable is the user variable in which a guardian says, on its own
// server, why it does nothing where something is wrong; NULL where nothing is.
const RefusalVariable = "atoll_guardian_refuses"
