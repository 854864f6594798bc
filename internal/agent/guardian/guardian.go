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
	"slices"
	"sync"
	"sync/atomic"
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
	// Ending says whether the machine is going down.
	Ending func() bool
	// Beat is called as long as the guardian's work goes on, see lives.
	Beat func()

	facts  Facts
	looked time.Time
	status Status
	// due is since when the same deed is, later when it may be tried again, and
	// failures how often it failed in a row.
	due, later time.Time
	failures   int
	// refusal is what plans are told.
	refusal string
	// last are the members of the group when the own one was there last.
	last []string

	mu     sync.Mutex
	report Facts
	beat   uint64
	// reported says that the reports have gone on since the last beat.
	reported atomic.Bool
}

// Run looks and acts until the context ends.
func (g *Guardian) Run(ctx context.Context) error {
	defer g.resign(context.WithoutCancel(ctx))
	go g.reports(ctx)
	for ctx.Err() == nil {
		g.lives()
		wait := g.step(ctx)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
	return nil
}

// lives is called wherever the work has come another wait further. Between two calls
// lies one answer that is waited for, or those of all the others: 190 s at most, for
// a server that starts in its group and does not end that in time. Others that hear
// nothing of the member take its guardian for dead, so the reports have to go on, too.
func (g *Guardian) lives() {
	if g.reported.Swap(false) {
		g.Beat()
	}
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
		g.reported.Store(true)
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
		g.looked, g.refusal, g.last = time.Time{}, "", nil // who joins meanwhile is not seen
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
	return Observed{g.facts, reports, g.Peers.silent(reports)}, err
}

// complete adds what the server cannot know by itself. Where that cannot be
// noted, the member counts as stopped: nothing is done to it then.
func (g *Guardian) complete(said said) Facts {
	facts := said.facts()
	stopped, err := g.Purpose.Stopped(said.process, said.Stops, facts.inside())
	facts.Stopped = stopped || err != nil
	if facts.inside() {
		g.last = nil
		for _, member := range facts.View {
			g.last = append(g.last, member.ID)
		}
	}
	facts.Last = g.last
	return facts
}
