// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqlroot

import (
	"errors"
	"strings"
	"testing"
)

// The rows of the manual's table of upgrade paths, and what is beside it.
func TestUpgradePaths(t *testing.T) {
	for _, row := range []struct {
		from, to string
		refusal  error
		step     string
	}{
		{"9.7.4", "9.7.4", nil, ""},
		{"9.7.4", "9.7.5", nil, ""},
		{"8.0.37", "8.0.41", nil, ""},
		{"8.4.0", "8.4.4", nil, ""},
		{"8.0.37", "8.4.3", nil, ""},
		{"8.4.6", "9.7.4", nil, ""},
		{"8.0.34", "8.3.0", nil, ""},
		{"8.4.0", "9.2.0", nil, ""},
		{"8.3.0", "8.4.2", nil, ""},
		{"8.1.0", "8.3.0", nil, ""},
		{"9.1.0", "9.7.0", nil, ""},
		{"8.3.0", "9.1.0", ErrSkips, "8.4"},
		{"8.0.41", "9.7.4", ErrSkips, "8.4"},
		{"8.0.41", "9.0.1", ErrSkips, "8.4"},
		{"9.6.0", "9.8.0", ErrSkips, "9.7"},
		{"9.7.5", "9.7.4", ErrDowngrade, ""},
		{"9.7.4", "8.4.6", ErrDowngrade, ""},
	} {
		err := ParseVersion(row.from).UpgradesTo(ParseVersion(row.to))
		if !errors.Is(err, row.refusal) || row.step != "" && !strings.Contains(err.Error(), "to a version "+row.step+" first") {
			t.Errorf("%s to %s: %v, want %v by %s", row.from, row.to, err, row.refusal, row.step)
		}
	}
}

func TestVersionsThatCanBeDeclared(t *testing.T) {
	for text, want := range map[string]string{
		"9.7.4": "", "8.0.41": "", "8.4.0": "",
		"9.7": "must be a whole version", "9.7.4-2": "must be a whole version", "v9.7.4": "must be a whole version", "latest": "must be a whole version", "": "must be a whole version",
		"09.7.4": "must be a whole version", "9.7.4\n": "must be a whole version",
		"8.0.11": "too old", "5.7.44": "too old", "10.7.0": "newer than this release of Atoll knows",
	} {
		err := IsVersion(text)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
