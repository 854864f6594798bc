// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package group

import (
	"context"
	"fmt"
	"sync"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Run is what one process knows of the groups that it works on: which members
// it is at, so that the primary goes last; whose restart failed, so that no
// other is begun; who left for good, so that nobody waits for them; and on
// which machines their servers are. The zero value is ready, and it is safe for
// concurrent use.
type Run struct {
	mu      sync.Mutex
	works   map[*Work]bool
	failed  map[string]error
	left    map[string]bool
	hosts   map[string]remote.Host
	changed chan struct{}
}

// Work is at one server. It does not know at first which group that is in.
type Work struct {
	run   *Run
	known bool
	group string
}

// Begin notes that work on a server begins.
func (r *Run) Begin() *Work {
	work := &Work{run: r}
	r.note(func() {
		if r.works == nil {
			r.works = map[*Work]bool{}
		}
		r.works[work] = true
	})
	return work
}

// note changes what is known and wakes those who wait for it.
func (r *Run) note(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
	if r.changed != nil {
		close(r.changed)
	}
	r.changed = make(chan struct{})
}

// In says which group the server is in; "" is none.
func (w *Work) In(group string) { w.run.note(func() { w.known, w.group = true, group }) }

// At says on which machine the server of a UUID is.
func (w *Work) At(id string, host remote.Host) {
	w.run.note(func() {
		if w.run.hosts == nil {
			w.run.hosts = map[string]remote.Host{}
		}
		w.run.hosts[id] = host
	})
}

// Machine is that of a server that this process was at; nil for another.
func (r *Run) Machine(id string) remote.Host {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.hosts[id]
}

// End says that nothing more is done to the server.
func (w *Work) End() { w.run.note(func() { delete(w.run.works, w) }) }

// Fail says what became of the server ("did not come back"): no other member of its
// group may follow.
func (w *Work) Fail(what string, err error) {
	w.run.note(func() {
		if w.run.failed == nil {
			w.run.failed = map[string]error{}
		}
		w.run.failed[w.group] = fmt.Errorf("another member of the group %s, so this one is left as it is: %w", what, err)
	})
}

// Failed is the error of a sibling that failed.
func (w *Work) Failed() error {
	w.run.mu.Lock()
	defer w.run.mu.Unlock()
	if err := w.run.failed[w.group]; err != nil && w.group != "" {
		return err
	}
	return nil
}

// Last waits until this process is at no other member of the group any more,
// nor at a server of which that is not known yet: the primary goes last, so that
// its role moves once. Who waits holds nothing that others wait for.
func (w *Work) Last(ctx context.Context) error {
	for {
		w.run.mu.Lock()
		others := 0
		for other := range w.run.works {
			if other != w && (!other.known || other.group == w.group) {
				others++
			}
		}
		changed := w.run.changed
		w.run.mu.Unlock()
		if err := w.Failed(); err != nil || others == 0 {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("waiting for the other members, since the primary goes last: %w", ctx.Err())
		}
	}
}

// Leave notes that a member leaves its group for good.
func (r *Run) Leave(id string) {
	r.note(func() {
		if r.left == nil {
			r.left = map[string]bool{}
		}
		r.left[id] = true
	})
}

// Awaited lists the members that the cluster counts on, that the group does not
// see and that did not leave by this process.
func (r *Run) Awaited(view View) []Registration {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []Registration
	for _, missing := range view.Missing() {
		if !r.left[missing.ID] {
			list = append(list, missing)
		}
	}
	return list
}
