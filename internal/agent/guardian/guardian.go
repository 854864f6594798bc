// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package guardian watches over the group membership of the mysqld beside it,
// and does what an apply would do too, only at once: it lets a dead member be
// expelled in time, brings its own back when it fell out, and starts the group
// again after all of its members were down.
//
// It looks several times a second. Decide, a function without memory, says what
// is to be done now; the rest of the package does that and nothing else: to its
// own server, over that one's socket, as the machine's root. Guardians hear of
// each other through MySQL, see Peers. It needs no password and opens no port.
// Killed at any moment it leaves nothing that the next look does not see.
package guardian

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// How often a guardian looks.
const (
	// nudging lies between two nudges.
	nudging = 150 * time.Millisecond
	// whole lies between two looks at everything while nothing is the matter, and
	// troubled while something is.
	whole    = 5 * time.Second
	troubled = 500 * time.Millisecond
	// away lies between two tries to reach a server that does not answer.
	away = time.Second
	// refusing is how long a reason to do nothing stands before plans show it.
	refusing = 3 * time.Second
	// mostBackOff is the longest time between two deeds that failed.
	mostBackOff = 2 * time.Minute
)

// pace lies between two looks: a tenth of expel_timeout, so that a short one is
// not made longer by the look, and a long one costs little.
func pace(expelTimeout int) time.Duration {
	return min(max(time.Duration(expelTimeout)*time.Second/10, 200*time.Millisecond), time.Second)
}

// Guardian is one at work.
type Guardian struct {
	Server  *Server
	Peers   *Peers
	Purpose *Purpose
	// Say is told what was decided, and by what.
	Say func(Status)

	facts  Facts
	looked time.Time
	status Status
	// due is since when the same deed is, later when it may be tried again, and
	// failures how often it failed in a row.
	due, later time.Time
	failures   int
	// refusal is what plans are told.
	refusal string

	mu     sync.Mutex
	report Facts
	beat   uint64
}

// Run looks and acts until the context ends.
func (g *Guardian) Run(ctx context.Context) error {
	go g.reports(ctx)
	for ctx.Err() == nil {
		wait := g.step(ctx)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
	return nil
}

// reports tells the other guardians what the own server said last.
func (g *Guardian) reports(ctx context.Context) {
	last := time.Time{}
	for ctx.Err() == nil {
		g.mu.Lock()
		facts := g.report
		g.mu.Unlock()
		if facts.ID != "" && (!facts.calm() || time.Since(last) >= seldom) {
			g.tell(ctx, facts)
			last = time.Now()
		}
		select {
		case <-time.After(often):
		case <-ctx.Done():
		}
	}
}

// tell leaves a report with the others.
func (g *Guardian) tell(ctx context.Context, facts Facts) {
	g.mu.Lock()
	g.beat++
	facts.Beat = g.beat
	g.mu.Unlock()
	g.Peers.Report(ctx, facts)
}

// step looks once, does what is to be done, and says how long to wait.
func (g *Guardian) step(ctx context.Context) time.Duration {
	observed, err := g.look(ctx)
	if err != nil {
		g.looked, g.refusal = time.Time{}, ""
		g.hush()
		g.status.fail(err)
		g.Say(g.status)
		return away
	}
	decision := Decide(observed)
	if decision.Deed != g.status.Deed || g.status.Error != "" && g.due.IsZero() {
		g.due = time.Now()
	}
	g.status.take(g.facts, decision)
	wait := pace(g.facts.ExpelTimeout)
	switch {
	case decision.Deed == Nudge:
		g.status.did(g.Server.Nudge(ctx))
		wait = nudging
	case decision.Deed != Nothing && time.Since(g.due) >= decision.Deed.patience() && time.Now().After(g.later):
		g.act(ctx, decision)
	case g.facts.State() == "ONLINE":
		g.failures, g.later = 0, time.Time{}
	}
	g.refuse(ctx, decision)
	g.Say(g.status)
	return wait
}

// refuse lets plans know why nothing is done, where that is a reason that has
// stood for some seconds.
func (g *Guardian) refuse(ctx context.Context, decision Decision) {
	why := ""
	if decision.Refused && time.Since(g.status.Since) > refusing {
		why = decision.Why
	}
	if why == g.refusal {
		return
	}
	if err := g.Server.Refuse(ctx, why); err != nil {
		g.status.Error = err.Error()
		return
	}
	g.refusal = why
}

// act does a deed that needs the group's turn. A turn that somebody else has is no
// failure: it is asked for again at the next look.
func (g *Guardian) act(ctx context.Context, decision Decision) {
	err := g.inTurn(ctx, decision.Deed)
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

// inTurn takes the turn, decides again by what is reported from then on, and acts.
// The turn ends when the others have heard what came of it.
func (g *Guardian) inTurn(ctx context.Context, deed Deed) error {
	self := g.facts
	turn, err := g.Peers.take(ctx, self, string(deed))
	if err != nil {
		return err
	}
	defer turn.release()
	if err := g.again(ctx, deed); err != nil {
		return err
	}
	if err := turn.kept(ctx, self); err != nil {
		return err
	}
	err = g.do(ctx, deed)
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
	case Disarm:
		return g.Server.Disarm(ctx)
	case Abandon:
		return stop()
	case Rejoin, Start:
		if g.facts.State() != "OFFLINE" {
			if err := stop(); err != nil {
				return err
			}
		}
		if deed == Start {
			return g.Server.Start(ctx)
		}
		return g.Server.Join(ctx)
	}
	return fmt.Errorf("%q is no deed that needs the turn", deed)
}

// hush keeps a report of a server that does not answer from being told again.
func (g *Guardian) hush() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.report = Facts{}
}

// look asks for the view alone, and for the rest when that is another one, or
// something is the matter, or it was not looked at for some seconds.
func (g *Guardian) look(ctx context.Context) (Observed, error) {
	view, err := g.Server.View(ctx)
	if err != nil {
		return Observed{}, err
	}
	every := whole
	if !g.facts.calm() {
		every = troubled
	}
	if time.Since(g.looked) >= every || !slices.Equal(view, g.facts.View) {
		facts, err := g.Server.ask(ctx)
		if err != nil {
			return Observed{}, err
		}
		g.facts, g.looked = g.complete(facts), time.Now()
		g.mu.Lock()
		g.report = g.facts
		g.mu.Unlock()
	}
	if g.facts.majority() {
		return Observed{Self: g.facts}, nil
	}
	reports, err := g.Server.Reports(ctx)
	return Observed{g.facts, reports}, err
}

// complete adds what the server cannot know by itself. Where that cannot be
// noted, the member counts as stopped: nothing is done to it then.
func (g *Guardian) complete(said said) Facts {
	facts := said.facts()
	stopped, err := g.Purpose.Stopped(said.process, said.Stops, facts.inside())
	facts.Stopped = stopped || err != nil
	return facts
}
