// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package group

import "testing"

func set(t *testing.T, text string) GTIDSet {
	t.Helper()
	parsed, err := ParseGTIDSet(text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func TestGTIDSets(t *testing.T) {
	for _, row := range []struct{ a, b, minus, union string }{
		{"", "", "", ""},
		{"u:1-5", "", "u:1-5", "u:1-5"},
		{"u:1-5", "u:1-5", "", "u:1-5"},
		{"u:1-5", "u:2-3", "u:1:4-5", "u:1-5"},
		{"u:1-10", "u:1-3:5:9-20", "u:4:6-8", "u:1-20"},
		{"u:1-3,v:7", "v:1-9", "u:1-3", "u:1-3,v:1-9"},
		{"U:1-2:3", "u:3", "u:1-2", "u:1-3"},
		{"u:tag:1-4", "u:1-4", "u:tag:1-4", "u:1-4,u:tag:1-4"},
		{"u:1-2:tag:3-4:other:5", "u:tag:4", "u:1-2,u:other:5,u:tag:3", "u:1-2,u:other:5,u:tag:3-4"},
		{"u:1-2,\nv:1", "u:1", "u:2,v:1", "u:1-2,v:1"},
	} {
		a, b := set(t, row.a), set(t, row.b)
		if got := a.Minus(b).String(); got != row.minus {
			t.Errorf("%q minus %q is %q, want %q", row.a, row.b, got, row.minus)
		}
		if got := a.Union(b).String(); got != row.union {
			t.Errorf("%q with %q is %q, want %q", row.a, row.b, got, row.union)
		}
		if got := a.Within(b); got != (row.minus == "") {
			t.Errorf("%q within %q: %v", row.a, row.b, got)
		}
	}
	for _, bad := range []string{"u:", "u:5-3", "u:0", "u:1-x", "u::1"} {
		if parsed, err := ParseGTIDSet(bad); err == nil {
			t.Errorf("%q is read as %v", bad, parsed)
		}
	}
}

func FuzzParseGTIDSet(f *testing.F) {
	f.Add("u:1-5:7,v:tag:3")
	f.Fuzz(func(t *testing.T, text string) {
		first, err := ParseGTIDSet(text)
		if err != nil {
			return
		}
		again, err := ParseGTIDSet(first.String())
		if err != nil {
			t.Fatalf("%q was written as %q: %v", text, first, err)
		}
		if !first.Within(again) || !again.Within(first) {
			t.Errorf("%q is %q, and read again %q", text, first, again)
		}
	})
}

func TestCount(t *testing.T) {
	if got := set(t, "a:1-3:7,b:tag:1-10").Count(); got != 14 {
		t.Errorf("%d", got)
	}
	if got := set(t, "").Count(); got != 0 {
		t.Errorf("%d of none", got)
	}
}
