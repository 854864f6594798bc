// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mover

import (
	"context"

	"github.com/atollhq/terraform-provider-atoll/internal/agent/tree"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// Survey is where a tier stands on this node.
type Survey struct {
	// Days are those that something is to be done with, is waited for, or has to
	// be looked at, each with what comes next.
	Days []Outcome
	// Hot are the days that are too young, Archived those that are done.
	Hot, Archived int
	// HotRoom and ColdRoom are what the file systems have left.
	HotRoom, ColdRoom tree.Room
}

// Survey looks, asks the nodes, and changes nothing. A mover may be at work
// meanwhile; then it may find steps that are being taken.
func (m *Mover) Survey(ctx context.Context) (Survey, error) {
	m.begin()
	var survey Survey
	opened, err := openTrees(m.Config)
	if err != nil {
		return survey, err
	}
	m.trees = opened
	defer opened.close()
	if survey.HotRoom, err = m.hotPrivate.Room(); err != nil {
		return survey, err
	}
	if survey.ColdRoom, err = m.coldPrivate.Room(); err != nil {
		return survey, err
	}
	days, err := m.days(ctx)
	if err != nil {
		return survey, err
	}
	m.recall()
	told := m.ask(ctx, days)
	if err := m.review(days, told); err != nil {
		return survey, err
	}
	for _, day := range days {
		if err := ctx.Err(); err != nil {
			return survey, err
		}
		survey.add(m.lookAt(ctx, day, told(day.Path)))
	}
	return survey, nil
}

// lookAt tells what comes next for a day. What waits in an old directory is not
// looked for: sweeping is no news.
func (m *Mover) lookAt(ctx context.Context, day tier.Day, peers []Peer) (Outcome, Place) {
	outcome := Outcome{Day: day.Path}
	swept := map[int]bool{}
	numbers, _, err := m.oldNumbers(day.Path)
	for _, number := range numbers {
		swept[number] = true
	}
	if err != nil {
		outcome.Err = err
		return outcome, Absent
	}
	found, around, err := m.situation(ctx, day, peers, swept, nil)
	if err != nil {
		outcome.Err = err
		return outcome, Absent
	}
	outcome.Decision = Next(found, around)
	return outcome, found.Hot
}

func (s *Survey) add(outcome Outcome, hot Place) {
	switch {
	case outcome.Err != nil || outcome.Step != Nothing:
		s.Days = append(s.Days, outcome)
	case hot == Tree:
		s.Hot++
	case hot == Linked:
		s.Archived++
	}
}
