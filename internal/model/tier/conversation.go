// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tier

import "net/url"

// A node asks another one by a line of JSON and gets a line of JSON; after the
// answer to a fetch, the file follows as it is. Both sides may have more fields
// than the other knows.

// The questions.
const (
	AskReport = "report"
	AskFetch  = "fetch"
)

// Request is a question.
type Request struct {
	Protocol int      `json:"protocol"`
	Ask      string   `json:"ask"`
	Days     []string `json:"days,omitempty"`
	// Day and Path are what to fetch. The path is quoted, since its bytes may be
	// no text.
	Day  string `json:"day,omitempty"`
	Path string `json:"path,omitempty"`
}

// Answer is what comes back.
type Answer struct {
	Protocol int `json:"protocol"`
	// Error is why there is no other answer.
	Error  string  `json:"error,omitempty"`
	Report *Report `json:"report,omitempty"`
	// Follows says that a file follows.
	Follows bool `json:"follows,omitempty"`
}

// QuotePath makes text of a path.
func QuotePath(path string) string { return url.PathEscape(path) }

// UnquotePath reads it.
func UnquotePath(quoted string) (string, error) { return url.PathUnescape(quoted) }
