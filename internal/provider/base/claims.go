// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package base

import (
	"slices"
	"strings"
	"sync"
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
