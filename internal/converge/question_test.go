// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package converge_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/converge/convergetest"
)

func TestFactsFailClosed(t *testing.T) {
	convergetest.FailsClosed(t, converge.MachineFacts(), "os\tdebian\t13\tDebian\nmachine\tx86_64\t6.12\tkvm\tabc\ncpus\t2\nMemTotal:\t1024\nSwapTotal:\t0\n"+
		"clock\t1700000000000000000\ndisk\t/dev/sda\t/\t100\t50\t0\n"+converge.WholeMark+"\n")
}

// A host whose records cannot be read may carry anything: it is not empty.
func TestOwnersFailClosed(t *testing.T) {
	for _, row := range []struct {
		name    string
		machine convergetest.Says
		want    []string
		fails   bool
	}{
		{"nothing was ever made", convergetest.Says{Output: converge.WholeMark + "\n"}, nil, false},
		{"two", convergetest.Says{Output: "host.json\nmesh%2Fsite.json\n" + converge.WholeMark + "\n"}, []string{"host", "mesh/site"}, false},
		{"what is not a record", convergetest.Says{Output: "README\n" + converge.WholeMark + "\n"}, nil, false},
		{"silence", convergetest.Says{}, nil, true},
		{"cut", convergetest.Says{Output: "host.json\n"}, nil, true},
		{"cut in the mark", convergetest.Says{Output: "host.json\n" + converge.WholeMark[:4]}, nil, true},
		{"an input/output error", convergetest.Says{Output: "host.json\n", ExitCode: 2}, nil, true},
		{"garbled", convergetest.Says{Output: "mesh%2.json\n" + converge.WholeMark + "\n"}, nil, true},
	} {
		got, err := converge.Owners(t.Context(), row.machine)
		if row.fails != (err != nil) || !slices.Equal(got, row.want) {
			t.Errorf("%s: %q, %v", row.name, got, err)
		}
	}
}

// Complaints of a script are what its error quotes.
func TestAskQuotesTheComplaint(t *testing.T) {
	_, err := converge.Owners(t.Context(), convergetest.Says{ExitCode: 3})
	if text := err.Error(); !strings.Contains(text, "the reason") || !strings.Contains(text, "exit code 3") || !strings.Contains(text, "records") {
		t.Error(text)
	}
}
