// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tinc

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/converge/convergetest"
)

func seenRoutes(t *testing.T, text string) routes {
	t.Helper()
	seen, err := readRoutes(text + converge.WholeMark + "\n")
	if err != nil {
		t.Fatal(err)
	}
	return seen
}

func TestOverlaps(t *testing.T) {
	for name, row := range map[string]struct {
		seen string
		want string
	}{
		"nothing in the way":               {"route default via 203.0.113.254 dev eth0\nroute 203.0.113.0/24 dev eth0\n", ""},
		"the machine's own network":        {"route 10.77.0.0/16 dev eth0 proto kernel scope link\n", "overlaps 10.77.0.0/16, which this machine has on its interface eth0"},
		"one within":                       {"route 10.77.0.128/25 via 203.0.113.1 dev eth0\n", "overlaps 10.77.0.128/25"},
		"one address":                      {"route 10.77.0.9 dev wg0\n", "overlaps 10.77.0.9/32, which this machine has on its interface wg0"},
		"the same, to a gateway":           {"route 10.77.0.0/24 via 203.0.113.1 dev eth0\n", "overlaps 10.77.0.0/24"},
		"a wider one to a gateway":         {"route 10.0.0.0/8 via 203.0.113.1 dev eth0\n", ""},
		"one that leads nowhere":           {"route blackhole 10.0.0.0/8 proto static\n", ""},
		"the mesh's own":                   {"link\nroute 10.77.0.0/16 dev site\n", ""},
		"what came after the mesh":         {"network 10.77.0.0/24\nroute 10.77.0.0/16 dev eth0\n", ""},
		"what a network before it allowed": {"network 10.78.0.0/24\nroute 10.77.0.0/16 dev eth0\n", "overlaps 10.77.0.0/16"},
	} {
		err := mesh().overlaps(seenRoutes(t, row.seen))
		if row.want == "" && err != nil || row.want != "" && (!errors.Is(err, ErrOverlaps) || !strings.Contains(err.Error(), row.want)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRoutesOverTheMesh(t *testing.T) {
	for name, row := range map[string]struct{ seen, lines, scripts string }{
		"no interface":      {"", "", ""},
		"as declared":       {"link\nroute 10.77.0.0/24 dev site scope link src 10.77.0.1\n", "", ""},
		"not there":         {"link\nroute 10.77.0.0/24 dev eth0\n", "route 10.77.0.0/24: not through the mesh", "ip route replace '10.77.0.0/24' dev 'site' src '10.77.0.1'"},
		"the former ones":   {"link\nroute 10.77.0.0/24 dev site\nroute default dev site\n", "route default: leads into the mesh, whose network is 10.77.0.0/24", "ip route del 'default' dev 'site' || [ -z \"$(ip -o -4 route show 'default' dev 'site' 2>/dev/null)\" ]"},
		"that of others":    {"link\nroute 10.77.0.0/24 dev site\nroute 10.78.0.0/24 dev lagoon\n", "", ""},
		"without a carrier": {"link\nroute 10.77.0.0/24 dev site linkdown\n", "", ""},
	} {
		m := mesh()
		check, seen := m.routesCheck(m.Peers["a"]), seenRoutes(t, row.seen)
		var scripts []string
		for _, step := range check.Mend(seen) {
			scripts = append(scripts, step.Script)
		}
		if diff := cmp.Diff(row.lines, strings.Join(converge.Texts(check.Differs(seen)), "\n")); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if diff := cmp.Diff(row.scripts, strings.Join(scripts, "\n")); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	convergetest.FailsClosed(t, mesh().routesQuestion(), "link\nnetwork 10.77.0.0/24\nroute 10.77.0.0/24 dev site\n"+converge.WholeMark+"\n", converge.WholeMark+"\n")
}
