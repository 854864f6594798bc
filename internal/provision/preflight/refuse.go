// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package preflight

import (
	"errors"
	"fmt"
	"strings"
)

// ErrRefused says that a server holds what a group cannot take.
var ErrRefused = errors.New("the server holds what a group cannot replicate (error 3098 at the first write, or rows lost)")

// most is how many findings an error lists.
const most = 20

// Refusal lists the findings that are errors, with the SQL that helps, or is nil.
func Refusal(findings []Finding) error {
	var text strings.Builder
	count := 0
	for _, finding := range findings {
		if finding.Severity != Error {
			continue
		}
		if count++; count > most {
			continue
		}
		fmt.Fprintf(&text, "\n  %s", finding)
		if finding.Remedy != "" {
			text.WriteString("\n    " + finding.Remedy)
		}
	}
	if count == 0 {
		return nil
	}
	if count > most {
		text.WriteString("\n  and more: a data source atoll_mysql_preflight lists them")
	}
	return fmt.Errorf("%w. Nothing was changed. Run this on the server, with the applications' consent, and apply again:%s", ErrRefused, text.String())
}

// String is "server: object: text", without what is not there.
func (f Finding) String() string {
	text := f.Text
	if f.Object != "" {
		text = f.Object + ": " + text
	}
	if f.Server != "" {
		text = f.Server + ": " + text
	}
	return text
}
