// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tinc

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atollhq/terraform-provider-atoll/internal/converge/convergetest"
)

// A pair is told of once, only where both were asked and speak with each other:
// what is known of no more than one side is nothing to go by.
func TestPairsThatCannotBeDialled(t *testing.T) {
	all := func(name string) Reach {
		reach := Reach{"a": true, "b-1": true, "c": true}
		delete(reach, name)
		return reach
	}
	but := func(name string, others ...string) Reach {
		reach := all(name)
		for _, other := range others {
			reach[other] = false
		}
		return reach
	}
	closed := "a ↔ c: neither can dial the other, so only a link that still stands or other peers carry what they say, until those go: open TCP and UDP port 655 of a and 1655 of c"
	for name, row := range map[string]struct {
		a, c            Heard
		leaving         bool
		closed, oneSide string
	}{
		"open":                    {Heard{Reach: all("a"), Dials: all("a")}, Heard{Reach: all("c"), Dials: all("c")}, false, "", ""},
		"closed both ways":        {Heard{Reach: all("a"), Dials: but("a", "c")}, Heard{Reach: all("c"), Dials: but("c", "a")}, false, closed, ""},
		"to c":                    {Heard{Reach: all("a"), Dials: but("a", "c")}, Heard{Reach: all("c"), Dials: all("c")}, false, "", "a cannot dial c, which can dial it: TCP port 1655 of 203.0.113.3"},
		"from c":                  {Heard{Reach: all("a"), Dials: all("a")}, Heard{Reach: all("c"), Dials: but("c", "a")}, false, "", "c cannot dial a, which can dial it: TCP port 655 of 203.0.113.1"},
		"c was not asked":         {Heard{Reach: all("a"), Dials: but("a", "c")}, Heard{Reach: all("c")}, false, "", ""},
		"no answer over the mesh": {Heard{Reach: but("a", "c"), Dials: but("a", "c")}, Heard{Reach: all("c"), Dials: but("c", "a")}, false, "", ""},
		"one that leaves":         {Heard{Reach: all("a"), Dials: but("a", "c")}, Heard{Reach: all("c"), Dials: but("c", "a")}, true, "", ""},
	} {
		m := mesh()
		peer := m.Peers["c"]
		peer.Leaving = row.leaving
		m.Peers["c"] = peer
		heard := map[string]Heard{"a": row.a, "b-1": {Reach: all("b-1"), Dials: all("b-1")}, "c": row.c}
		if diff := cmp.Diff(row.closed, strings.Join(m.Undialled(heard), "\n")); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if diff := cmp.Diff(row.oneSide, strings.Join(m.OneWay(heard), "\n")); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	convergetest.FailsClosed(t, mesh().ports([]string{"a"}), "0 yes\n-- that is all\n")
}
