// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package guardian

import "strings"

// Facts are what one member says of itself.
type Facts struct {
	// ID is the server's UUID, Endpoint "host:port".
	ID       string `json:"id"`
	Endpoint string `json:"endpoint"`
	// Group is the UUID of the group that the member is configured for.
	Group string `json:"group"`
	// ExpelTimeout in seconds.
	ExpelTimeout int `json:"expel_timeout"`
	// View is the group as this member sees it.
	View []Member `json:"view"`
}

// Member is a row of performance_schema.replication_group_members.
type Member struct {
	ID       string `json:"id"`
	Endpoint string `json:"endpoint"`
	State    string `json:"state"`
}

// State is the member's own.
func (f Facts) State() string {
	for _, member := range f.View {
		if member.ID == f.ID {
			return member.State
		}
	}
	return "OFFLINE"
}

// inside says whether the member is in a group, be it without a majority.
func (f Facts) inside() bool { return f.State() == "ONLINE" || f.State() == "RECOVERING" }

// majority says whether the member is in a group of which more than half answer.
func (f Facts) majority() bool {
	alive := 0
	for _, member := range f.View {
		if member.State == "ONLINE" || member.State == "RECOVERING" {
			alive++
		}
	}
	return f.inside() && alive*2 > len(f.View)
}

// unreachable are the members that the member sees and that do not answer.
func (f Facts) unreachable() []string {
	var list []string
	for _, member := range f.View {
		if member.State == "UNREACHABLE" {
			list = append(list, member.Endpoint)
		}
	}
	return list
}

// sees is the view in one line.
func (f Facts) sees() string {
	var parts []string
	for _, member := range f.View {
		parts = append(parts, member.Endpoint+" "+member.State)
	}
	return strings.Join(parts, ", ")
}
