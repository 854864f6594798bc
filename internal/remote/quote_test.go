// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package remote

import (
	"os/exec"
	"strings"
	"testing"
)

// A real shell makes one word of what was quoted, to the byte.
func FuzzQuote(f *testing.F) {
	for _, text := range []string{"", "'", "''", `\`, `\'`, "a\nb", "$(reboot)", "`reboot`", "${IFS}", "!!", "\"", "a\rb", "\xff", "-n", "~", "*", "#", "a;b", "\u2028"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "\x00") {
			return // no argument holds one
		}
		said, err := exec.CommandContext(t.Context(), "sh", "-c", "printf '%s.' "+Quote(text)).Output()
		if err != nil || string(said) != text+"." {
			t.Errorf("%q became %q: %v", text, said, err)
		}
	})
}
