// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mover

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/atollhq/terraform-provider-atoll/internal/agent/tree"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// Node is another node of the tier.
type Node interface {
	Name() string
	// Report asks how far it is with the days. A node that cannot tell gives an
	// error, never a report without them.
	Report(ctx context.Context, days []string) (tier.Report, error)
}

// Mover moves the days of one tier on this node.
type Mover struct {
	Config Config
	Nodes  []Node
	// Now is the clock; time.Now where it is nil.
	Now func() time.Time
	// Point is told of each place where a run can be cut off; an error from it
	// cuts it off. Tests use it.
	Point func(name string) error

	*trees
	began     time.Time
	conflicts []Conflict
	// putBack are the old directories from which this run gave the archive again what it
	// had lost.
	putBack map[string]bool
	// own is what this node says of itself.
	own tier.Statement
}

// Conflict is a file that two sides wrote differently; both are kept.
type Conflict struct {
	Day   string `json:"day"`
	Path  string `json:"path"`
	Aside string `json:"aside"`
}

// Outcome is where a run left a day.
type Outcome struct {
	Day string `json:"day"`
	Decision
	// Hot and Archived say where a day is with which nothing is to be done.
	Hot      bool `json:"-"`
	Archived bool `json:"-"`
	// Done are the steps that were taken.
	Done []Step `json:"done,omitempty"`
	// Err is why a step failed; the next run tries again.
	Err error `json:"-"`
}

// Result is what a run did.
type Result struct {
	Days      []Outcome
	Conflicts []Conflict
}

// BusyError means that another mover works on the tier.
type BusyError struct{ Tier string }

func (e *BusyError) Error() string {
	return fmt.Sprintf("another mover works on the tier %q: it will be done without this one", e.Tier)
}

// Run moves as far as it can. It may be cut off at any instant.
func (m *Mover) Run(ctx context.Context) (Result, error) {
	m.begin()
	opened, err := openTrees(m.Config)
	if err != nil {
		return Result{}, err
	}
	m.trees, m.conflicts, m.putBack = opened, nil, map[string]bool{}
	defer opened.close()
	unlock, err := m.lock()
	if err != nil {
		return Result{}, err
	}
	defer unlock()
	if err := m.hotPrivate.CanExchange(); err != nil {
		return Result{}, err
	}
	days, err := m.days(ctx)
	if err != nil {
		return Result{}, err
	}
	outcomes, err := m.both(ctx, days)
	return Result{Days: outcomes, Conflicts: m.conflicts}, err
}

// both takes all days as far as they go without the others, and then with them.
func (m *Mover) both(ctx context.Context, days []tier.Day) ([]Outcome, error) {
	m.recall()
	// First all that needs nobody else: the others may wait for these copies.
	told := notAsked(m.Nodes)
	if len(m.Nodes) == 0 {
		if err := m.review(days, told); err != nil {
			return nil, err
		}
	}
	outcomes, err := m.pass(ctx, days, told)
	if err == nil && len(m.Nodes) > 0 {
		// What was asked before a long copy is old: ask now.
		told = m.ask(ctx, days)
		if err := m.review(days, told); err != nil {
			return outcomes, err
		}
		var again []Outcome
		again, err = m.pass(ctx, days, told)
		outcomes = combine(outcomes, again)
	}
	if err == nil {
		err = m.review(days, told)
	}
	if err == nil {
		err = m.say()
	}
	return outcomes, err
}

func (m *Mover) begin() {
	if m.Now == nil {
		m.Now = time.Now
	}
	m.began = m.Now()
}

// combine keeps the steps of the first pass and the decisions of the second. What went
// wrong in both for one reason is said once.
func combine(first, second []Outcome) []Outcome {
	for i := range second {
		second[i].Done = append(first[i].Done, second[i].Done...)
		before, after := first[i].Err, second[i].Err
		if before != nil && (after == nil || before.Error() != after.Error()) {
			second[i].Err = errors.Join(before, after)
		}
	}
	return second
}

func (m *Mover) lock() (func(), error) {
	file, err := m.hotPrivate.Append("lock")
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return func() { _ = file.Close() }, nil
	}
	_ = file.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, &BusyError{Tier: m.Config.Tier}
	}
	return nil, fmt.Errorf("unable to lock the tier %q: %w", m.Config.Tier, err)
}

func (m *Mover) pass(ctx context.Context, days []tier.Day, told told) ([]Outcome, error) {
	var outcomes []Outcome
	for _, day := range days {
		outcome := m.day(ctx, day, told(day.Path))
		outcomes = append(outcomes, outcome)
		if errors.Is(outcome.Err, ErrCut) || ctx.Err() != nil {
			return outcomes, errors.Join(outcome.Err, ctx.Err())
		}
	}
	return outcomes, nil
}

// ErrCut is for Point, to cut a run off.
var ErrCut = errors.New("the run was cut off")

// most is how many steps a day can take in one pass. More would mean that it
// goes in circles.
const most = 24

// day takes a day as far as it goes now.
func (m *Mover) day(ctx context.Context, day tier.Day, peers []Peer) Outcome {
	outcome := Outcome{Day: day.Path}
	swept, kept := map[int]bool{}, map[int]bool{}
	for range most {
		found, around, err := m.situation(ctx, day, peers, swept, kept)
		if err == nil {
			outcome.Decision = Next(found, around)
			outcome.Hot, outcome.Archived = found.Hot == Tree, found.Hot == Linked
			switch outcome.Step {
			case Nothing, Wait, Leave:
				return outcome
			}
			m.note(day.Path, outcome.Decision)
			err = m.take(ctx, found, outcome.Decision, swept, kept)
			m.changed()
		}
		if errors.Is(err, unix.EEXIST) && outcome.Step == Copy {
			continue // the archive's own run brought the day meanwhile: merge with it
		}
		if why, known := holdsUp(err); known {
			outcome.Decision = why
			return outcome
		}
		if err != nil {
			outcome.Err = err
			return outcome
		}
		outcome.Done = append(outcome.Done, outcome.Step)
	}
	outcome.Err = fmt.Errorf("the day goes in circles: %v", outcome.Done)
	return outcome
}

func (m *Mover) situation(ctx context.Context, day tier.Day, peers []Peer, swept, kept map[int]bool) (Day, Surroundings, error) {
	around := Surroundings{Policy: m.Config.policy(), Now: m.Now(), Began: m.began, Peers: peers}
	found, err := m.observe(ctx, day, around.Policy, around.Now)
	if err != nil {
		return found, around, err
	}
	for i, old := range found.Old {
		found.Old[i].Swept, found.Old[i].Kept, found.Old[i].PutBack = swept[old.Number], kept[old.Number], m.putBack[oldName(day.Path, old.Number)]
	}
	if len(m.Config.Pairs) > 0 && !m.own.Days[day.Path].Read {
		around.Unsettled = "the trees were not read again since all nodes have flipped"
	}
	around.Room, err = m.coldPrivate.Room()
	return found, around, err
}

// take takes one step.
func (m *Mover) take(ctx context.Context, found Day, next Decision, swept, kept map[int]bool) error {
	day := found.Path
	switch next.Step {
	case Discard:
		return m.discard(found.Remains)
	case Copy:
		return m.archive(ctx, day)
	case Merge:
		return m.merge(ctx, day)
	case Flip:
		return m.flip(ctx, day)
	case Settle:
		return m.settle(day)
	case Sweep:
		swept[next.Old] = true
		return m.sweep(ctx, day, next.Old)
	case ReadBack:
		return m.readBack(ctx, day, next.Old)
	case Clean:
		gone, err := m.clean(ctx, day, next.Old)
		kept[next.Old] = !gone
		return err
	case Link:
		return m.link(day)
	}
	return fmt.Errorf("there is no step %q", next.Step)
}

// holdsUp tells what is no failure but has to be waited for, or looked at.
func holdsUp(err error) (Decision, bool) {
	var unknown *tree.UnknownKindError
	var leads *tree.LinkLeadsOutError
	switch {
	case err == nil || errors.Is(err, ErrCut):
		return Decision{}, false
	case full(err):
		return noRoom(err.Error()), true
	case errors.Is(err, tree.ErrMoving), errors.Is(err, tree.ErrOpenForWriting), errors.Is(err, tree.ErrNotArchived):
		return decide(Wait, "%s", err), true
	case errors.As(err, &unknown), errors.As(err, &leads):
		return decide(Leave, "it stays hot: %s", err), true
	}
	return Decision{}, false
}
