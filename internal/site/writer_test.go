// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package site

import (
	"testing"
	"time"
)

// Seconds with less than half the writes of before count, and so do empty ones.
func TestSlowSeconds(t *testing.T) {
	began := time.Unix(1000, 0)
	moment := began.Add(10 * time.Second)
	var at []time.Time
	write := func(from, seconds, rate int) {
		for i := range seconds * rate {
			at = append(at, began.Add(time.Duration(from)*time.Second+time.Duration(i)*time.Second/time.Duration(rate)))
		}
	}
	write(0, 10, 20)
	write(10, 2, 20) // as before
	write(12, 3, 1)  // one a second
	write(17, 4, 12) // after 2 s of nothing: a bit slower than before
	if got := slow(at, moment, began.Add(21*time.Second)); got != 5*time.Second {
		t.Errorf("slow for %s, want 5s", got)
	}
	if got := slow(nil, moment, moment); got != 0 {
		t.Errorf("without any write: %s", got)
	}
}
