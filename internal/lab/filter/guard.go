// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filter

import (
	"container/list"
	"sync"
	"time"
)

// capacity is how many flows a guard remembers; the one that was silent for
// longest makes room.
const capacity = 16384

// How long a flow may be silent before it is forgotten: what Linux takes by
// default for connections that stand, close, and for the rest.
const (
	idleTCP     = 5 * 24 * time.Hour
	idleClosing = 2 * time.Minute
	idleUDP     = 3 * time.Minute
	idleICMP    = 30 * time.Second
	idleOther   = 10 * time.Minute
)

// Guard stands before one machine.
type Guard struct {
	mu    sync.Mutex
	walls []Rules
	flows map[flow]*list.Element
	// recent has the flows by when they were last seen, the latest first.
	recent *list.List
}

// remembered is a flow that was let through.
type remembered struct {
	flow flow
	// opened is the packet that did it, which new rules are asked about.
	opened    packet
	direction Direction
	seen      time.Time
	idle      time.Duration
}

// NewGuard makes a guard that knows of nothing that goes on already: what was
// open before passes as far as the rules let each packet pass.
func NewGuard(walls []Rules) *Guard {
	return &Guard{walls: walls, flows: map[flow]*list.Element{}, recent: list.New()}
}

// Passes judges one IPv4 packet. What is none is dropped.
func (g *Guard) Passes(b []byte, direction Direction, now time.Time) bool {
	p, ok := read(b)
	if !ok {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	known := g.find(p.flow(), now)
	verdict := decide(g.walls, direction, p, known != nil)
	switch {
	case verdict.opens:
		g.open(&remembered{flow: p.flow(), opened: p, direction: direction}, now)
	case verdict.passes && known != nil:
		g.touch(known, p.ends, now)
	}
	return verdict.passes
}

// Change puts other rules in force, also for what goes on already: a flow stays
// only where the packet that opened it would still pass.
func (g *Guard) Change(walls []Rules) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.walls = walls
	for _, element := range g.flows {
		known := element.Value.(*remembered)
		if !decide(walls, known.direction, known.opened, false).passes {
			g.forget(element)
		}
	}
}

// find gives a flow that is remembered and was not silent for too long.
func (g *Guard) find(wanted flow, now time.Time) *list.Element {
	element := g.flows[wanted]
	if element == nil {
		return nil
	}
	if known := element.Value.(*remembered); now.Sub(known.seen) > known.idle {
		g.forget(element)
		return nil
	}
	return element
}

// open remembers a flow from now on, anew where it was known.
func (g *Guard) open(opened *remembered, now time.Time) {
	if before := g.flows[opened.flow]; before != nil {
		g.forget(before)
	}
	if len(g.flows) >= capacity {
		g.forget(g.recent.Back())
	}
	opened.seen, opened.idle = now, idle(opened.flow.protocol)
	g.flows[opened.flow] = g.recent.PushFront(opened)
}

func (g *Guard) touch(element *list.Element, ends bool, now time.Time) {
	known := element.Value.(*remembered)
	known.seen = now
	if ends {
		known.idle = idleClosing
	}
	g.recent.MoveToFront(element)
}

func (g *Guard) forget(element *list.Element) {
	delete(g.flows, element.Value.(*remembered).flow)
	g.recent.Remove(element)
}

func idle(protocol uint8) time.Duration {
	switch protocol {
	case TCP:
		return idleTCP
	case UDP:
		return idleUDP
	case ICMP:
		return idleICMP
	default:
		return idleOther
	}
}
