// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tier

import (
	"encoding/json"
	"fmt"
	"net/url"
)

// A node asks another one by a line of JSON and gets a line of JSON; after the
// answer to a fetch, and after the question of a give, the file follows as it is.
// Both sides may have more fields than the other knows.

// Converse is the word by which a node asks the other's SSH key for a conversation.
const Converse = "converse"

// The questions.
const (
	// AskRotten asks for what the node wants to have again, AskFetch for a file with
	// a certain content, and AskGive brings one that the node wants.
	AskRotten = "rotten"
	AskFetch  = "fetch"
	AskGive   = "give"
	// AskOutline asks for the outline of the archive (see tree.Outline), without the
	// paths of Without. A node whose archive is full tells that in its place.
	AskOutline = "outline"
)

// Request is a question.
type Request struct {
	Protocol int    `json:"protocol"`
	Ask      string `json:"ask"`
	// Path, below the archive and quoted by QuotePath, is what to fetch, and Content
	// the hash of what is to be there.
	Path    string `json:"path,omitempty"`
	Content string `json:"content,omitempty"`
	// Without are paths below the archive, quoted, that are not carried.
	Without []string `json:"without,omitempty"`
}

// Answer is what comes back.
type Answer struct {
	Protocol int `json:"protocol"`
	// Error is why there is no other answer.
	Error string `json:"error,omitempty"`
	// Rotten is what the node wants to have again.
	Rotten []Rotten `json:"rotten,omitempty"`
	// Outline is the hash of all that is compared before anything is carried.
	Outline string `json:"outline,omitempty"`
	// Follows says that a file follows.
	Follows bool `json:"follows,omitempty"`
}

// QuotePath makes text of a path, since its bytes may be none.
func QuotePath(path string) string { return url.PathEscape(path) }

// UnquotePath reads it.
func UnquotePath(quoted string) (string, error) { return url.PathUnescape(quoted) }

// ReadRequest reads a question of a protocol that is not older than the oldest known.
func ReadRequest(line []byte, oldest int) (Request, error) {
	var request Request
	if err := json.Unmarshal(line, &request); err != nil {
		return request, fmt.Errorf("the question %.80q cannot be read: %w", line, err)
	}
	if request.Protocol < oldest {
		return request, fmt.Errorf("the question is of protocol %d, and %d is the oldest that this agent knows: terraform apply brings both up to date", request.Protocol, oldest)
	}
	return request, nil
}
