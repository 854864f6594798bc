// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"context"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/lab"
)

// lamenesses are faults of what half works: lines that carry one way, and disks that
// are slow.
func lamenesses() []mishap {
	return []mishap{
		{name: "nobody hears the primary for two minutes", does: func(f *fixture) { f.alone(f.primary(), f.mute) }},
		{name: "a secondary does not hear the primary for a minute", does: func(f *fixture) {
			mend := f.mute(f.primary(), f.secondary())
			time.Sleep(time.Minute)
			mend()
		}},
		{name: "the primary's disk does ten writes a second, for a minute", does: func(f *fixture) { f.slow(f.primary()) }},
		{name: "a secondary's disk does ten writes a second, for a minute", does: func(f *fixture) { f.slow(f.secondary()) }},
	}
}

// mute loses what one host sends to another, and nothing of what comes back.
func (f *fixture) mute(from, to string) (mend func()) {
	f.Helper()
	before, err := f.lab.GetLink(f.Context(), from, to)
	f.must(err)
	f.must(f.lab.SetLink(f.Context(), from, to, lab.Link{Cut: true}, true))
	f.Cleanup(func() { _ = f.lab.SetLink(context.Background(), from, to, before, true) })
	return func() { f.Helper(); f.must(f.lab.SetLink(f.Context(), from, to, before, true)) }
}

// slow lets a member's disk do few writes, of which a transaction needs some.
func (f *fixture) slow(host string) {
	f.Helper()
	f.must(f.lab.SlowDisk(f.Context(), host, 10))
	f.Cleanup(func() { _ = f.lab.SlowDisk(context.Background(), host, 0) })
	time.Sleep(time.Minute)
	if !f.allOnline() {
		f.Errorf("a slow disk of %s is taken for a silent member", host)
	}
	f.must(f.lab.SlowDisk(f.Context(), host, 0))
}
