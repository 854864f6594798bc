// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package remote

import "strings"

// Quote makes one word of a POSIX shell out of any text without NUL.
func Quote(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
