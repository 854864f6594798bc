// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"context"
	"sync/atomic"
	"testing"
	"time"
)

// A list that was on its way while something was changed shows what was before, and is
// not taken for what is now.
func TestListOfBeforeAChangeIsAskedForAgain(t *testing.T) {
	t.Parallel()
	c, kept := &Client{}, shared[int32]{}
	started, release := make(chan struct{}), make(chan struct{})
	var asked atomic.Int32
	ask := func(context.Context) ([]int32, error) {
		turn := asked.Add(1)
		if turn == 1 {
			close(started)
			<-release
		}
		return []int32{turn}, nil
	}
	ctx, past := t.Context(), time.Now().Add(-time.Hour)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = recent(ctx, c, "list", &kept, past, ask)
	}()
	<-started
	c.forget()
	close(release)
	rows, err := recent(ctx, c, "list", &kept, past, ask)
	<-ended
	if err != nil || rows[0] == 1 {
		t.Errorf("after the change the list is %d, %v", rows, err)
	}
}
