// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package guardian watches over the group membership of the mysqld beside it,
// and does what an apply would do too, only at once.
//
// It looks several times a second. Decide, a function without memory, says what
// is to be done now; the rest of the package does that and nothing else, over the
// server's own socket, as the machine's root. It needs no password and opens no
// port. Killed at any moment it leaves nothing that the next look does not see.
package guardian

import (
	"context"
	"slices"
	"time"
)

// How often a guardian looks.
const (
	// nudging lies between two nudges.
	nudging = 150 * time.Millisecond
	// whole lies between two looks at everything while nothing is the matter.
	whole = 5 * time.Second
	// away lies between two tries to reach a server that does not answer.
	away = time.Second
)

// pace lies between two looks: a tenth of expel_timeout, so that a short one is
// not made longer by the look, and a long one costs little.
func pace(expelTimeout int) time.Duration {
	return min(max(time.Duration(expelTimeout)*time.Second/10, 200*time.Millisecond), time.Second)
}

// Guardian is one at work.
type Guardian struct {
	Server *Server
	// Say is told what was decided, and by what.
	Say func(Status)

	facts  Facts
	looked time.Time
	status Status
}

// Run looks and acts until the context ends.
func (g *Guardian) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		wait := g.step(ctx)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
	return nil
}

// step looks once, does what is to be done, and says how long to wait.
func (g *Guardian) step(ctx context.Context) time.Duration {
	if err := g.look(ctx); err != nil {
		g.looked = time.Time{}
		g.status.fail(err)
		g.Say(g.status)
		return away
	}
	decision := Decide(Observed{Self: g.facts})
	g.status.take(g.facts, decision)
	wait := pace(g.facts.ExpelTimeout)
	if decision.Deed == Nudge {
		g.status.did(g.Server.Nudge(ctx))
		wait = nudging
	}
	g.Say(g.status)
	return wait
}

// look asks for the view alone, and for the rest when that is another one or was
// not looked at for some seconds.
func (g *Guardian) look(ctx context.Context) error {
	view, err := g.Server.View(ctx)
	if err != nil {
		return err
	}
	if time.Since(g.looked) < whole && slices.Equal(view, g.facts.View) {
		return nil
	}
	facts, err := g.Server.Facts(ctx)
	if err != nil {
		return err
	}
	g.facts, g.looked = facts, time.Now()
	return nil
}
