// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package unison

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// Unison collects sooner where its archives are small, and not while it makes the first.
func TestCollect(t *testing.T) {
	for name, row := range map[string]struct {
		archives []int64
		want     string
	}{
		"none yet":            {nil, "o=40"},
		"small":               {[]int64{smallTree}, "o=5,s=32k"},
		"large":               {[]int64{smallTree + 1}, "o=40"},
		"small beside an old": {[]int64{1, smallTree + 1}, "o=40"},
	} {
		pair := tier.Pair{State: t.TempDir()}
		for i, size := range row.archives {
			file := filepath.Join(pair.State, "ar"+string(rune('a'+i)))
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(file, size); err != nil {
				t.Fatal(err)
			}
		}
		if got := environment(pair); !slices.Contains(got, "OCAMLRUNPARAM="+row.want) {
			t.Errorf("%s: %v, want %s", name, got, row.want)
		}
	}
}
