// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package base

import (
	"sync"
	"sync/atomic"
	"testing"
)

// Each who asks for the first time shares an answer, each who asks again gets a new one, and
// after a change everybody does.
func TestAnswerIsSharedOnceEach(t *testing.T) {
	var shared Shared[int]
	asked := 0
	ask := func() int { asked++; return asked }
	for i, row := range []struct {
		about, who string
		ends       bool
		want       int
	}{
		{"main", "a", false, 1}, {"main", "b", false, 1}, {"other", "a", false, 2}, {"main", "a", false, 3}, {"main", "b", false, 3},
		{"main", "c", true, 4}, {"main", "d", false, 5},
	} {
		if row.ends {
			shared.End()
		}
		if got := shared.Ask(row.about, row.who, ask); got != row.want {
			t.Errorf("%d: %+v got the answer %d", i, row, got)
		}
	}
}

// Who comes while it is asked for waits for the same answer.
func TestAnswerOnItsWayIsShared(t *testing.T) {
	var shared Shared[int32]
	var asked atomic.Int32
	begun, goOn := make(chan struct{}), make(chan struct{})
	ask := func() int32 { close(begun); <-goOn; return asked.Add(1) }
	var group sync.WaitGroup
	got := make([]int32, 3)
	group.Go(func() { got[0] = shared.Ask("main", "a", ask) })
	<-begun
	for i, who := range []string{"b", "c"} {
		group.Go(func() { got[i+1] = shared.Ask("main", who, ask) })
	}
	close(goOn)
	group.Wait()
	if asked.Load() != 1 || got[0] != 1 || got[1] != 1 || got[2] != 1 {
		t.Errorf("asked %d times, got %v", asked.Load(), got)
	}
}
