// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package unison

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// A reading is due at once where something comes back or archives were made, soon where
// something is left, within the hour where the mover asks, and otherwise after hours.
func TestDue(t *testing.T) {
	left, back := []tier.Left{{Path: "a"}}, []tier.Return{{Path: "a"}}
	for _, row := range []struct {
		name         string
		status       tier.PairStatus
		first, asked bool
		want         time.Duration
	}{
		{"nothing is left", tier.PairStatus{}, false, false, usualReading},
		{"it made the archives", tier.PairStatus{}, true, false, 0},
		{"a conflict", tier.PairStatus{Skipped: left}, false, true, 20 * time.Second},
		{"a conflict in the first one", tier.PairStatus{Failed: left}, true, false, 20 * time.Second},
		{"something comes back", tier.PairStatus{Returns: back, Skipped: left}, false, false, 0},
		{"the mover asks", tier.PairStatus{}, false, true, time.Hour},
	} {
		if got := due(row.status, time.Second, row.first, row.asked); got != row.want {
			t.Errorf("%s: %s, want %s", row.name, got, row.want)
		}
	}
}

// The mover has asked only where it did so after the last reading began.
func TestAsked(t *testing.T) {
	pair := tier.Pair{Asks: filepath.Join(t.TempDir(), tier.MoverAsks)}
	at := time.Unix(1700000000, 0)
	if asked(pair, at) || asked(tier.Pair{}, at) {
		t.Error("nobody asked")
	}
	if err := os.WriteFile(pair.Asks, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(pair.Asks, at, at); err != nil {
		t.Fatal(err)
	}
	if !asked(pair, at.Add(-time.Second)) || asked(pair, at) {
		t.Error("what was asked before a reading is what that reading answered")
	}
}
