// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package lab

import (
	"runtime"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// The first thread of a process stays where it was put: a daemon whose first
// thread entered a host's namespace would count as that host's process for good.
func TestFirstThreadIsLeftAlone(t *testing.T) {
	var wg sync.WaitGroup
	for range 2000 {
		wg.Go(func() {
			_ = onOwnThread(func() error {
				runtime.Gosched()
				if unix.Gettid() == unix.Getpid() {
					t.Error("a function that may leave its thread in any state ran on the process's first thread")
				}
				return nil
			})
		})
	}
	wg.Wait()
}
