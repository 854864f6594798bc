// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package remote

import "strings"

// Bash runs the script that follows it as one word, for what POSIX has not. One
// that sshd stands behind reads .bashrc otherwise, and what that prints would
// be taken for the script's words.
const Bash = "bash --norc -c"

// Quote makes one word of a POSIX shell out of any text without NUL.
func Quote(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
