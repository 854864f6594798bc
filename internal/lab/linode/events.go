// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"context"
	"time"
)

// How long things take at the real API, in seconds, by the recordings of
// TestEventPoller_InstancePower and TestInstance_Resize; delete is a guess.
const (
	createSeconds   = 65
	bootSeconds     = 24
	shutdownSeconds = 28
	rebootSeconds   = 40
	resizeSeconds   = 120
	migrateSeconds  = 120
	rebuildSeconds  = 65
	deleteSeconds   = 10
)

// percents that events pass through, as recorded.
var percents = []int{0, 50, 59, 61}

// job is one thing that happens to an instance, told by one event.
type job struct {
	action    string
	secondary *Entity
	seconds   float64
	// status of the instance while it goes on.
	status string
	// do moves the machine; it runs without the lock. Nil for nothing to do.
	do func(ctx context.Context) error
	// done and failed are what the instance is like afterwards.
	done, failed string
	event        *Event
}

// start lets jobs happen to an instance, one after another. It is busy until
// the last has ended; a job that fails ends the rest.
func (s *Server) start(known *instance, jobs ...*job) {
	known.working = true
	for _, next := range jobs {
		next.event = s.enter(next.action, known.entity(), "scheduled")
		next.event.SecondaryEntity = next.secondary
	}
	stuck := jobs[0].action == "linode_create" && s.strikes(Stuck)
	fails := s.strikes(FailedEvent)
	s.work.Go(func() {
		if stuck {
			<-s.ctx.Done()
			return
		}
		for i, next := range jobs {
			if !s.perform(known, next, fails && i == len(jobs)-1) {
				for _, left := range jobs[i+1:] {
					s.update(func() { left.event.Status = "failed" })
				}
				break
			}
		}
		s.update(func() { known.working = false })
	})
}

// perform carries out one job and tells of it; false means that it failed.
func (s *Server) perform(known *instance, next *job, fails bool) bool {
	s.wait(next.seconds * 0.1)
	begun := time.Now()
	s.update(func() {
		next.event.Status = "started"
		if next.status != "" {
			known.Status = next.status
		}
	})
	for _, percent := range percents {
		s.wait(next.seconds * 0.9 / float64(len(percents)))
		s.update(func() { next.event.PercentComplete = percent })
	}
	var err error
	if next.do != nil && !fails && s.options.Machines != nil {
		err = next.do(s.ctx)
	}
	s.update(func() {
		took := time.Since(begun).Seconds()
		next.event.Duration = &took
		next.event.Status, next.event.PercentComplete = "finished", 100
		status := next.done
		if fails || err != nil {
			next.event.Status, status = "failed", next.failed
		}
		if err != nil {
			next.event.Message = err.Error()
		}
		known.Status, known.Updated = status, now()
	})
	return err == nil && !fails
}

// wait sleeps for seconds of the real API.
func (s *Server) wait(seconds float64) {
	select {
	case <-time.After(time.Duration(seconds / s.options.Speed * float64(time.Second))):
	case <-s.ctx.Done():
	}
}

func (s *Server) update(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// enter adds an event to the account's list.
func (s *Server) enter(action string, entity *Entity, status string) *Event {
	event := &Event{ID: s.nextID(), Created: now(), Action: action, Username: username, Entity: entity, Status: status}
	s.events = append(s.events, event)
	return event
}

// note tells of something that is done at once.
func (s *Server) note(action string, entity *Entity) {
	event := s.enter(action, entity, "notification")
	event.PercentComplete = 100
}

func (s *Server) listEvents(c *call) (any, *refusal) {
	all := make([]Event, 0, len(s.events))
	// The newest first, as the API does.
	for i := len(s.events) - 1; i >= 0; i-- {
		all = append(all, *s.events[i])
	}
	return page(c, all)
}

func (s *Server) getEvent(c *call) (any, *refusal) {
	for _, event := range s.events {
		if event.ID == c.id("eventId") {
			return event, nil
		}
	}
	return nil, notFound()
}
