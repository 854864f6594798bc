// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package agent says how the provider and the program on a node find out
// whether they understand each other.
//
// Both sides carry a range of protocols. A provider that meets an older agent
// uploads its own; a provider that meets a newer one is itself to be upgraded,
// since nothing may be taken back under other applies.
package agent

import (
	"encoding/json"
	"fmt"
)

// Newest is the protocol that this code speaks, Oldest the last one that it
// still understands. A protocol is everything that crosses the border: the
// roles' arguments, the configuration files, what is printed as JSON.
const (
	Oldest = 1
	Newest = 1
)

// Version is what `atoll-agent version --json` prints. Fields may be added:
// a reader passes over those that it does not know.
type Version struct {
	// Oldest and Newest are the protocols that the agent understands.
	Oldest int `json:"oldest"`
	Newest int `json:"newest"`
	// Roles are the subcommands that it has, sorted.
	Roles []string `json:"roles"`
	// Build is the SHA-256 of the program itself, in hexadecimal.
	Build string `json:"build"`
}

// ParseVersion reads what an agent printed. An agent that answers with
// anything else is an error, not an old agent.
func ParseVersion(text []byte) (Version, error) {
	var version Version
	if err := json.Unmarshal(text, &version); err != nil {
		return Version{}, fmt.Errorf("unable to read the version of the agent from %.80q: %w", text, err)
	}
	if version.Oldest < 1 || version.Newest < version.Oldest {
		return Version{}, fmt.Errorf("unable to read the version of the agent: protocols %d to %d make no range", version.Oldest, version.Newest)
	}
	return version, nil
}

// Age is what two sides that do not understand each other are to one another.
type Age int

const (
	// Older means that the agent is the older side.
	Older Age = iota
	// Newer means that the agent is the newer side.
	Newer
)

// MismatchError tells which side is too old, and what to do about it.
type MismatchError struct {
	Agent Version
	Age   Age
}

func (e *MismatchError) Error() string {
	has := fmt.Sprintf("the agent on the node speaks protocols %d to %d, this provider %d to %d", e.Agent.Oldest, e.Agent.Newest, Oldest, Newest)
	if e.Age == Older {
		return has + ": the agent is older; terraform apply uploads the one that belongs to this provider"
	}
	return has + ": the provider is older; use the provider version that last applied here, or a newer one"
}

// Agree gives the newest protocol that both sides understand.
func Agree(version Version) (int, error) {
	switch {
	case version.Newest < Oldest:
		return 0, &MismatchError{Agent: version, Age: Older}
	case version.Oldest > Newest:
		return 0, &MismatchError{Agent: version, Age: Newer}
	}
	return min(version.Newest, Newest), nil
}
