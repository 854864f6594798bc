// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"errors"
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/converge/convergetest"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot/machinetest"
)

// Routers of an older series than the declared version are named, and nothing else is
// refused: a router leads to servers of its own series and of all before.
func TestRoutersThatWouldStay(t *testing.T) {
	for name, row := range map[string]struct {
		wanted  string
		routers map[string]string
		says    string
	}{
		"no routers":               {"9.7.5", nil, ""},
		"of the same series":       {"9.7.5", map[string]string{"app1::system": "9.7.0"}, ""},
		"of a newer series":        {"8.4.8", map[string]string{"app1::system": "9.7.4"}, ""},
		"one has not said":         {"9.7.5", map[string]string{"app1::system": ""}, ""},
		"one of an older series":   {"9.7.5", map[string]string{"app1::system": "8.4.6", "app2::system": "9.7.4"}, "the cluster knows app1::system (8.4.6). Upgrade Router there first, to 9.7 or later"},
		"two of an older one":      {"9.7.5", map[string]string{"b::system": "9.6.0-1", "a::system": "8.4.6"}, "a::system (8.4.6), b::system (9.6.0)"},
		"the series counts by two": {"9.10.0", map[string]string{"app1::system": "9.9.9"}, "app1::system (9.9.9)"},
	} {
		err := Config{Wanted: ParseVersion(row.wanted)}.leaves(row.routers)
		if (err != nil) != (row.says != "") || err != nil && (!errors.Is(err, mysqlroot.ErrRouterOlder) || !strings.Contains(err.Error(), row.says)) {
			t.Errorf("%s: %v, want %q", name, err, row.says)
		}
	}
}

// A machine is asked for routers only where the series changes, and half an answer is none.
func TestRoutersAreAskedFor(t *testing.T) {
	const known = "routers\t{\"app1::system\": \"8.4.6\"}\nend\ttrue\n"
	convergetest.FailsClosed(t, routersQuestion(), known, "routers\tNULL\nend\ttrue\n", "unit\t\"inactive\"\nend\ttrue\n")
	m := machinetest.New(t, known)
	asked := 0
	m.Spoil = func(_, output string) string { asked++; return output }
	for name, row := range map[string]struct {
		wanted, installed string
		refusal           error
	}{
		"nothing is declared":  {"", "8.4.6", nil},
		"nothing is installed": {"9.7.4", "", nil},
		"the same series":      {"8.4.7", "8.4.6", nil},
		"the next series":      {"9.7.4", "8.4.6", mysqlroot.ErrRouterOlder},
	} {
		asked = 0
		err := Config{Wanted: ParseVersion(row.wanted)}.RoutersFollow(t.Context(), m, Facts{Installed: ParseVersion(row.installed)})
		if !errors.Is(err, row.refusal) || (asked > 0) != (row.refusal != nil) {
			t.Errorf("%s: %v after %d questions, want %v", name, err, asked, row.refusal)
		}
	}
}
