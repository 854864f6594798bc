// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package archive

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// What is deleted goes from the directories of days that have moved, too, and is noted.
func TestDeleteTakesWhatMoved(t *testing.T) {
	s := testSide(t)
	hot := filepath.Join(filepath.Dir(s.Cold), "hot")
	kept := filepath.Join(hot, tier.Private)
	for _, file := range []string{
		"2026%2F09%2F02.old-1/dir/5", "2026%2F09%2F02.old-1/6", "2026%2F09%2F02.old-2/dir/5", "2026%2F09%2F03.link/7", "2026%2F10%2F01.old-1/8", "2026%2F09%2F02.old-1.manifest", "2026%2F09%2F02.old-x/9",
	} {
		file = filepath.Join(kept, file)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	const layout = "%Y/%m/%d"
	left := func() string {
		var all []string
		for _, pattern := range []string{"*/*", "*/dir/*"} {
			names, err := filepath.Glob(filepath.Join(kept, pattern))
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range names {
				all = append(all, filepath.Base(name))
			}
		}
		slices.Sort(all)
		return strings.Join(all, " ")
	}
	take, look := links{hot: hot, cold: s.Cold}, links{hot: hot, cold: s.Cold, check: true}
	for _, row := range []struct{ name, left string }{
		{"2026/09/02/di", "5 5 6 7 8 9 dir dir"}, {"2026/09/02/dir/5", "6 7 8 9 dir dir"}, {"2026/09/03", "6 8 9 dir dir"}, {"2026/09", "8 9"}, {"2026", "9"},
	} {
		before := left()
		if err := look.removeAll(layout, row.name, 0); (err == nil) != (before == row.left) {
			t.Errorf("%s: with %q there, the check says %v", row.name, before, err)
		}
		if err := errors.Join(take.removeAll(layout, row.name, 0), look.removeAll(layout, row.name, 0)); err != nil {
			t.Error(err)
		}
		if got := left(); got != row.left {
			t.Errorf("%s: left are %q, want %q", row.name, got, row.left)
		}
	}
	text, err := os.ReadFile(filepath.Join(s.Cold, tier.Private, "deleted"))
	if err != nil || strings.Count(string(text), "\n") != 5 || !strings.Contains(string(text), " 2026%2F09%2F02%2Fdir%2F5\n") {
		t.Errorf("noted is %q, %v", text, err)
	}
	// There is a tree that keeps nothing, and one that is not there.
	for _, hot := range []string{t.TempDir(), ""} {
		if err := (links{hot: hot, cold: s.Cold}).removeAll(layout, "2026/09/02", 0); err != nil {
			t.Error(err)
		}
	}
}
