// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package base

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Claims are what the plans of this process want for themselves on machines, such
// as a directory or a port, so that one that collides with another is refused
// before both are there. The zero value is ready.
type Claims struct {
	mu  sync.Mutex
	all []claim
}

type claim struct{ machine, what, owner string }

// Declare notes what an owner wants on a machine, and gives another owner and
// what that wants where collide says that the two cannot be.
func (c *Claims) Declare(machine, what, owner string, collide func(a, b string) bool) (other, its string, clash bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	one := claim{machine, what, owner}
	for _, known := range c.all {
		if known.machine == machine && known.owner != owner && collide(known.what, what) {
			return known.owner, known.what, true
		}
	}
	if !slices.Contains(c.all, one) {
		c.all = append(c.all, one)
	}
	return "", "", false
}

// Account is what the plans of one run want for themselves in an account. Terraform
// configures a provider anew for each run of plans, and asks in one at most once for each
// resource that is made. The zero value is ready.
type Account struct {
	// Labels are those of all kinds, Guarded the machines that are behind a firewall.
	Labels, Guarded Claims
	Meetings
	news atomic.Int64
}

// Meetings are what the states of one run hold. The zero value is ready.
type Meetings struct{ met sync.Map }

// Meet notes that a state of this run holds something, such as the linode 7.
func (m *Meetings) Meet(what, id string) { m.met.Store(what+" "+id, true) }

// Met says whether one does.
func (m *Meetings) Met(what, id string) bool {
	_, met := m.met.Load(what + " " + id)
	return met
}

// New names the next one that is to be made, which nothing else tells apart.
func (a *Account) New() string { return fmt.Sprintf("new %d", a.news.Add(1)) }

// Lists are what the plans of this process declare to be all of something, so that one
// that is not among them is refused. Case is ignored. The zero value is ready.
type Lists struct {
	mu  sync.Mutex
	all map[string][]string
}

// List notes all that there are to be of something; nil says that nobody declares it.
func (l *Lists) List(of string, names []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if names == nil {
		delete(l.all, of)
		return
	}
	if l.all == nil {
		l.all = map[string][]string{}
	}
	l.all[of] = names
}

// Lacks says whether there is a list, and a name is not in it.
func (l *Lists) Lacks(of, name string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	names, listed := l.all[of]
	return listed && !slices.ContainsFunc(names, func(one string) bool { return strings.EqualFold(one, name) })
}
