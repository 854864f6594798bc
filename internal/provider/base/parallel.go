// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package base

import "sync"

// Outcome is what one call of Parallel gave.
type Outcome[V any] struct {
	Value V
	Err   error
}

// Parallel calls do for every key at once and waits for all: relations speak
// with all their machines in the time of the slowest, and one that fails hides
// nothing of the others.
func Parallel[V any](keys []string, do func(key string) (V, error)) map[string]Outcome[V] {
	outcomes := make(map[string]Outcome[V], len(keys))
	var mu sync.Mutex
	var group sync.WaitGroup
	for _, key := range keys {
		group.Go(func() {
			value, err := do(key)
			mu.Lock()
			defer mu.Unlock()
			outcomes[key] = Outcome[V]{value, err}
		})
	}
	group.Wait()
	return outcomes
}
