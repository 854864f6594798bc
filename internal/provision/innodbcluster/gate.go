// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"context"
	"sync"
)

// gate lets one at a time through; whoever waits gives up with its context.
type gate chan struct{}

func (g gate) pass(ctx context.Context) (next func(), err error) {
	select {
	case g <- struct{}{}:
		return sync.OnceFunc(func() { <-g }), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
