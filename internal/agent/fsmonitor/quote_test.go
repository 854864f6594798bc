// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package fsmonitor

import (
	"strings"
	"testing"
)

func TestQuoting(t *testing.T) {
	var all []byte
	for b := range 256 {
		all = append(all, byte(b))
	}
	quoted := quote(string(all))
	if strings.Trim(quoted, plain+"%") != "" {
		t.Errorf("a byte that breaks a line is left: %q", quoted)
	}
	if back, err := unquote(quoted); err != nil || back != string(all) {
		t.Errorf("%q, %v", back, err)
	}
	if got, err := unquote("a%2fB%c3%A4"); err != nil || got != "a/Bä" {
		t.Errorf("%q, %v", got, err)
	}
	for _, broken := range []string{"%", "%4", "%4g", "%%"} {
		if got, err := unquote(broken); err == nil {
			t.Errorf("%q was read as %q", broken, got)
		}
	}
}
