// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tinc

import (
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/provision"
)

// A peer whose machine said nothing is neither as declared nor adjusted; one that
// leaves is in nobody's way.
func TestDiagnosisFailsClosed(t *testing.T) {
	for name, leaving := range map[string]bool{"declared": false, "leaving": true} {
		m := mesh()
		peer := m.Peers["a"]
		peer.Leaving = leaving
		m.Peers["a"] = peer
		operations, err := provision.Operations(m.Diagnose(map[string]Heard{"a": {}}, nil))
		if len(operations) > 0 || leaving != (err == nil) {
			t.Errorf("%s: %v, %v", name, operations, err)
		}
	}
}

func TestWeakestIsRevived(t *testing.T) {
	everybody := func(string) bool { return true }
	reached := map[string]Reach{"a": {"b": true, "c": false}, "b": {"a": false, "c": false}, "c": {"a": false, "b": false}}
	for name, row := range map[string]struct {
		started   map[string]bool
		contacted func(string) bool
		want      string
	}{
		"nobody was started":              {nil, everybody, ""},
		"that which misses most":          {map[string]bool{"a": true, "b": true}, everybody, "b"},
		"the first of two":                {map[string]bool{"c": true, "b": true}, everybody, "b"},
		"only what was started":           {map[string]bool{"a": true}, everybody, "a"},
		"those that are gone miss nobody": {map[string]bool{"a": true}, func(key string) bool { return key != "c" }, ""},
	} {
		revive, misses := weakest(row.started, reached, row.contacted)
		if revive.Peer != row.want || misses != (row.want != "") {
			t.Errorf("%s: %v, %t", name, revive, misses)
		}
	}
}
