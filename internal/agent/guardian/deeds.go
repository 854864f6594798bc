// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package guardian

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// resign gives back to MySQL what brings the member in when the guardian is told to end,
// since it may be for good. With its machine it only ends for a while.
func (g *Guardian) resign(ctx context.Context) {
	if g.Ending() {
		return
	}
	if said, err := g.Server.ask(ctx); err != nil || said.Boots || said.Place == "" {
		return
	}
	if err := g.Server.Resign(ctx); err != nil {
		g.status.Error = err.Error()
		g.Say(g.status)
	}
}

// act does a deed that may be due for some seconds first. A turn that somebody else has is no
// failure: it is asked for again at the next look.
func (g *Guardian) act(ctx context.Context, decision Decision) {
	done := g.meanwhile()
	err := g.carryOut(ctx, decision.Deed)
	done()
	g.looked = time.Time{}
	switch {
	case errors.Is(err, ErrTurn):
		g.status.Why = decision.Why + "; it waits, since somebody else works on the group"
		return
	case errors.Is(err, errChanged):
		return
	case err != nil:
		g.failures++
		g.later = time.Now().Add(backOff(g.failures))
	default:
		g.failures, g.later = 0, time.Now().Add(troubled)
	}
	g.status.did(err)
}

// backOff lies between a deed that failed that often in a row and its next try.
func backOff(failures int) time.Duration {
	return min(2*time.Second<<min(failures, 10), mostBackOff)
}

// errChanged says that a deed is not due any more.
var errChanged = errors.New("it is not due any more")

// meanwhile shows that the guardian lives while a deed takes its time: MySQL may
// need more than a minute to stop a member.
func (g *Guardian) meanwhile() (done func()) {
	ended, left, status := make(chan struct{}), make(chan struct{}), g.status
	go func() {
		defer close(left)
		for {
			select {
			case <-time.After(alive):
				g.Say(status)
			case <-ended:
				return
			}
		}
	}()
	return func() { close(ended); <-left }
}

// carryOut does a deed, in the group's turn where the group is concerned.
func (g *Guardian) carryOut(ctx context.Context, deed Deed) error {
	if deed == Attend || deed == Admit {
		return g.do(ctx, deed)
	}
	return g.inTurn(ctx, deed)
}

// inTurn takes the turn, decides again by what is reported from then on, and acts.
// The turn ends when the others have heard what came of it.
func (g *Guardian) inTurn(ctx context.Context, deed Deed) error {
	self := g.facts
	turn, err := g.Peers.take(ctx, self, string(deed))
	if err != nil {
		return err
	}
	defer turn.release()
	g.lives()
	if err := g.again(ctx, deed); err != nil {
		return err
	}
	if err := turn.kept(ctx, self); err != nil {
		return err
	}
	g.lives()
	err = g.do(ctx, deed)
	g.lives()
	if facts, lookErr := g.Server.ask(ctx); lookErr == nil {
		g.tell(ctx, g.complete(facts))
	}
	return err
}

// again decides anew by reports that were all made after it was called.
func (g *Guardian) again(ctx context.Context, deed Deed) error {
	before, err := g.Server.Reports(ctx)
	if err != nil {
		return err
	}
	for deadline := time.Now().Add(fresh * time.Second); ; {
		g.looked = time.Time{}
		observed, err := g.look(ctx)
		if err != nil {
			return err
		}
		if newer(observed.Peers, before) {
			if Decide(observed).Deed != deed {
				return errChanged
			}
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%w: not all of the others have reported again", errChanged)
		}
		g.lives()
		select {
		case <-time.After(troubled / 2):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// newer says whether all reports are two beats later than they were: the one
// between may have been on its way.
func newer(reports, before map[string]Facts) bool {
	for endpoint, was := range before {
		is, there := reports[endpoint]
		if there && is.Beat < was.Beat+2 && is.Beat >= was.Beat {
			return false
		}
	}
	return true
}

// do changes the own server.
func (g *Guardian) do(ctx context.Context, deed Deed) error {
	stop := func() error {
		if err := g.Purpose.Own(); err != nil {
			return err
		}
		return g.Server.Stop(ctx)
	}
	switch deed {
	case Attend:
		return g.Server.Attend(ctx)
	case Admit:
		return g.Server.Admit(ctx)
	case Disarm:
		return g.Server.Disarm(ctx)
	case Abandon:
		return stop()
	case Rejoin, Start:
		if g.facts.State() != "OFFLINE" {
			if err := stop(); err != nil {
				return err
			}
			g.lives()
		}
		if deed == Start {
			return g.Server.Start(ctx)
		}
		return g.Server.Join(ctx)
	}
	return fmt.Errorf("%q is no deed", deed)
}
