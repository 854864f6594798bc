// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package guardian

import "testing"

// A stop is somebody's until the member was inside again, but for the guardian's
// own; what a guardian knows of that, its successor knows, too.
func TestWhoseStop(t *testing.T) {
	directory := t.TempDir()
	p, err := OpenPurpose(directory)
	if err != nil {
		t.Fatal(err)
	}
	look := func(what string, process, stops int, inside, want bool) {
		t.Helper()
		got, err := p.Stopped(process, stops, inside)
		if err != nil || got != want {
			t.Errorf("%s: %v, %v, want %v", what, got, err, want)
		}
		if p, err = OpenPurpose(directory); err != nil {
			t.Fatal(err)
		}
	}
	look("first seen when it had been stopped", 100, 1, false, true)
	look("inside again", 100, 1, true, false)
	look("expelled", 100, 1, false, false)
	look("an administrator", 100, 2, false, true)
	look("still", 100, 2, false, true)
	look("an apply joined it", 100, 3, true, false)
	if err := p.Own(); err != nil {
		t.Fatal(err)
	}
	look("killed before its own stop", 100, 3, false, false)
	look("its own stop", 100, 4, false, false)
	look("and then somebody's", 100, 5, false, true)
	look("the server restarted", 200, 0, false, false)
	look("and was stopped", 200, 1, false, true)
}

func TestReportsOfBeforeDoNotCount(t *testing.T) {
	at := func(beats ...uint64) map[string]Facts {
		reports := map[string]Facts{}
		for i, beat := range beats {
			reports[string(rune('a'+i))] = Facts{Beat: beat}
		}
		return reports
	}
	for _, row := range []struct {
		before, now []uint64
		want        bool
	}{
		{[]uint64{5, 7}, []uint64{5, 7}, false},
		{[]uint64{5, 7}, []uint64{6, 9}, false},
		{[]uint64{5, 7}, []uint64{7, 8}, false},
		{[]uint64{5, 7}, []uint64{7, 9}, true},
		// A guardian that began anew counts from one; one that is gone is decided without.
		{[]uint64{5, 7}, []uint64{1, 9}, true},
		{[]uint64{5, 7}, []uint64{7}, true},
		{nil, nil, true},
	} {
		if got := newer(at(row.now...), at(row.before...)); got != row.want {
			t.Errorf("%v after %v: %v", row.now, row.before, got)
		}
	}
}
