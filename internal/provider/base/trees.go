// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package base

import (
	"slices"
	"sync"
)

// Trees are the trees that the file tiers of this process' plans declare, so that
// one that overlaps another is refused before both are there. The zero value is
// ready.
type Trees struct {
	mu  sync.Mutex
	all []tree
}

type tree struct{ machine, path, tier string }

// Declare notes a tier's tree on a machine, and gives another tier and its tree
// where overlap says that the two cannot be.
func (t *Trees) Declare(machine, path, tier string, overlap func(a, b string) bool) (other, at string, clash bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	one := tree{machine, path, tier}
	for _, known := range t.all {
		if known.machine == machine && known.tier != tier && overlap(known.path, path) {
			return known.tier, known.path, true
		}
	}
	if !slices.Contains(t.all, one) {
		t.all = append(t.all, one)
	}
	return "", "", false
}
