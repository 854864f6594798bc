// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqlroot

import (
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/converge/convergetest"
)

// A literal is read back by MySQL's rules as what was written, and ends where it
// ends.
func FuzzLiteral(f *testing.F) {
	convergetest.Seed(f, 1)
	f.Fuzz(func(t *testing.T, _ uint8, text string) {
		written := Literal(text) + " AND"
		var read strings.Builder
		i := 1
		for ; i < len(written); i++ {
			switch {
			case written[i] == '\\':
				i++
			case written[i] == '\'' && written[i+1] == '\'':
				i++
			case written[i] == '\'':
				if written[i+1:] != " AND" || read.String() != text {
					t.Errorf("%q is read as %q, and then %q", text, read.String(), written[i+1:])
				}
				return
			}
			read.WriteByte(written[i])
		}
		t.Errorf("%q has no end: %s", text, written)
	})
}
