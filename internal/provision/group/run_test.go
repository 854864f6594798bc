// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package group

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// The primary waits for those whose group is not known, and for its siblings.
func TestPrimaryGoesLast(t *testing.T) {
	var run Run
	primary, sibling, stranger, late := run.Begin(), run.Begin(), run.Begin(), run.Begin()
	primary.In("g")
	done := make(chan error, 1)
	go func() { done <- primary.Last(t.Context()) }()
	waits := func(why string) {
		t.Helper()
		select {
		case err := <-done:
			t.Fatalf("it did not wait for %s: %v", why, err)
		default:
		}
	}
	stranger.In("other")
	late.In("")
	waits("one whose group is not known")
	sibling.In("g")
	waits("its sibling")
	late.End()
	waits("its sibling")
	sibling.End()
	if err := <-done; err != nil {
		t.Error(err)
	}
	stranger.End()
	// Two primaries of different groups do not wait for each other.
	other := run.Begin()
	other.In("other")
	if err := errors.Join(primary.Last(t.Context()), other.Last(t.Context())); err != nil {
		t.Error(err)
	}
}

func TestFailureStopsSiblings(t *testing.T) {
	var run Run
	first, sibling, stranger := run.Begin(), run.Begin(), run.Begin()
	first.In("g")
	sibling.In("g")
	stranger.In("other")
	done := make(chan error, 1)
	go func() { done <- sibling.Last(t.Context()) }()
	first.Fail("did not come back", errors.New("it does not start"))
	if err := <-done; err == nil || !strings.Contains(err.Error(), "another member of the group did not come back, so this one is left as it is: it does not start") {
		t.Errorf("the sibling goes on: %v", err)
	}
	if err := stranger.Failed(); err != nil {
		t.Errorf("another group: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	lonely := run.Begin()
	lonely.In("third")
	unknown := run.Begin()
	if err := lonely.Last(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
	unknown.End()
}
