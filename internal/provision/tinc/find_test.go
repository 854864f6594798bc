// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tinc

import (
	"errors"
	"strings"
	"testing"
)

// A node is found by the name that it has on its machine alone, hyphens being underscores
// there.
func TestFoundNodeHasTheNameThatWasAsked(t *testing.T) {
	for _, row := range []struct {
		found, asked string
		kind         error
		says         string
	}{
		{"app2", "app2", nil, ""},
		{"hk_1", "hk-1", nil, ""},
		{"hk_1", "hk_1", nil, ""},
		{"app2", "app1", ErrOtherNode, "it is app2 in the mesh site, as Name in /etc/tinc/site/tinc.conf says, and not app1. Import site/app2"},
		{"hk_1", "hk1", ErrOtherNode, "Import site/hk_1, with the hyphens"},
		{"app2", "", ErrOtherNode, "Import site/app2"},
		{"", "app1", ErrNoNode, "/etc/tinc/site/tinc.conf is not there"},
	} {
		err := Found{Name: row.found}.refuse("site", row.asked)
		if !errors.Is(err, row.kind) || err != nil && !strings.Contains(err.Error(), row.says) {
			t.Errorf("%q for %q: %v, want %q", row.found, row.asked, err, row.says)
		}
	}
}
