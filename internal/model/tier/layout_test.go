// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tier

import (
	"testing"
	"time"
)

func TestLayout(t *testing.T) {
	for _, test := range []struct{ layout, path, ends string }{
		{"%Y/%m/%d", "2026/01/31", "2026-02-01"},
		{"%Y/%m/%d", "2026/02/30", ""},
		{"%Y/%m/%d", "2026/13/01", ""},
		{"%Y/%m/%d", "2026/00/01", ""},
		{"%Y/%m/%d", "2026/1/1", ""},
		{"%Y/%m/%d", "2026/01", ""},
		{"%Y/%m/%d", "2026/01/01/x", ""},
		{"%Y/%m/%d", "2026/01/../01", ""},
		{"%Y-%m-%d", "2024-02-29", "2024-03-01"},
		{"%Y-%m-%d", "2025-02-29", ""},
		{"%Y/%j", "2024/366", "2025-01-01"},
		{"%Y/%j", "2025/366", ""},
		{"%Y/%j", "2025/000", ""},
		{"%Y/%m", "2026/12", "2027-01-01"},
		{"y%Y", "y2026", "2027-01-01"},
		{"100%%/%Y", "100%/2026", "2027-01-01"},
		{"a.b/%Y", "axb/2026", ""},
	} {
		layout, err := ParseLayout(test.layout)
		if err != nil {
			t.Fatal(err)
		}
		day, ok := layout.Day(test.path)
		if ok != (test.ends != "") || ok && day.Ends.Format(time.DateOnly) != test.ends {
			t.Errorf("%s by %s: %v, %s", test.path, test.layout, ok, day.Ends)
		}
	}
	for _, wrong := range []string{"", "/%Y", "%Y//%m", "%m/%d", "%Y/%d", "%Y/%m/%d/%j", "%Y/%x", "%Y/%", "../%Y", "%Y/%m/%m"} {
		if _, err := ParseLayout(wrong); err == nil {
			t.Errorf("the layout %q is taken", wrong)
		}
	}
}

func TestExpression(t *testing.T) {
	for pattern, want := range map[string]string{
		"%Y/%m/%d":  "[0-9][0-9][0-9][0-9](/[0-9][0-9](/[0-9][0-9])?)?",
		"a.b/%Y-%j": `a\.b(/[0-9][0-9][0-9][0-9]-[0-9][0-9][0-9])?`,
	} {
		layout, err := ParseLayout(pattern)
		if err != nil || layout.Expression() != want {
			t.Errorf("%s: %s, %v", pattern, layout.Expression(), err)
		}
	}
}
