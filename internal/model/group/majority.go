// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package group

// Alive says whether a member in one of Group Replication's states takes part in
// its group, or is on its way to.
func Alive(state string) bool { return state == "ONLINE" || state == "RECOVERING" }

// Majority says whether more than half of the members in these states are alive.
func Majority(states []string) bool {
	alive := 0
	for _, state := range states {
		if Alive(state) {
			alive++
		}
	}
	return alive*2 > len(states)
}
