// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package base

import (
	"sync"
	"time"
)

// Shared is an answer that several resources of one refresh want, so that it is asked for
// once. Each takes it once, as who asks twice wants to see what has changed. The zero value
// is ready.
type Shared[T any] struct {
	mu      sync.Mutex
	ended   bool
	answers map[string]*sharedAnswer[T]
}

type sharedAnswer[T any] struct {
	asked time.Time
	taken map[string]bool
	await func() T
}

// sharedFor is how long after the question an answer may be taken: a refresh takes seconds.
const sharedFor = 20 * time.Second

// Ask gives the answer about something to one who asks, and asks where there is none for
// him. All who come meanwhile wait for the same one.
func (s *Shared[T]) Ask(about, who string, ask func() T) T {
	s.mu.Lock()
	one := s.answers[about]
	if one == nil || s.ended || one.taken[who] || time.Since(one.asked) > sharedFor {
		one = &sharedAnswer[T]{time.Now(), map[string]bool{}, sync.OnceValue(ask)}
		if s.answers == nil {
			s.answers = map[string]*sharedAnswer[T]{}
		}
		s.answers[about] = one
	}
	one.taken[who] = true
	s.mu.Unlock()
	return one.await()
}

// End has everybody ask for himself from now on: something was changed, and an answer from
// before is worth nothing.
func (s *Shared[T]) End() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
}
