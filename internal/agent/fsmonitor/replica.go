// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package fsmonitor

import (
	"slices"
	"strings"
	"time"
)

// change is when a name changed for the first and for the last time since
// unison was told.
type change struct{ first, last time.Time }

// pace says when a change is told.
type pace struct {
	// quiet is how long a name must rest: a file is mostly written in more
	// than one step.
	quiet time.Duration
	// patience is how long a name that never rests is held back.
	patience time.Duration
}

func (p pace) ripe(c change, now time.Time) bool {
	return now.Sub(c.last) >= p.quiet || now.Sub(c.first) >= p.patience
}

// node is a directory, or a file that a followed link leads to.
type node struct {
	replica  *replica
	parent   *node
	name     string
	children map[string]*node
	// watch is the kernel's number of the watch, or none.
	watch int
	// scan is the last one in which unison came here.
	scan uint64
	// changed are the names in this directory with changes not yet told.
	changed map[string]change
}

const none = -1

// replica is one tree that unison keeps in step, named by the hash of its
// archive and the absolute path of its root.
type replica struct {
	hash, root string
	top        *node
	// whole is set where the entire tree has to be looked at again.
	whole *change
	// pending are the nodes that have changes.
	pending map[*node]bool
}

func newReplica(hash, root string) *replica {
	r := &replica{hash: hash, root: root, pending: map[*node]bool{}}
	r.top = &node{replica: r, watch: none}
	return r
}

// at finds the node of a path below the root, and makes it where there is none.
func (r *replica) at(path string) *node {
	found := r.top
	for name := range strings.SplitSeq(path, "/") {
		if name == "" {
			continue
		}
		child := found.children[name]
		if child == nil {
			child = &node{replica: r, parent: found, name: name, watch: none}
			if found.children == nil {
				found.children = map[string]*node{}
			}
			found.children[name] = child
		}
		found = child
	}
	return found
}

// told says whether unison has read a directory above, whose watch tells when
// this node comes or goes.
func (n *node) told() bool {
	for above := n.parent; above != nil; above = above.parent {
		if above.scan != 0 {
			return true
		}
	}
	return false
}

// path is where the node is, relative to the replica's root.
func (n *node) path() string {
	var names []string
	for at := n; at.parent != nil; at = at.parent {
		names = append(names, at.name)
	}
	slices.Reverse(names)
	return strings.Join(names, "/")
}

// mark notes that a name in this directory changed.
func (n *node) mark(name string, now time.Time) {
	c, known := n.changed[name]
	if !known {
		c.first = now
	}
	c.last = now
	if n.changed == nil {
		n.changed = map[string]change{}
	}
	n.changed[name] = c
	n.replica.pending[n] = true
}

// markSelf notes that the node as a whole changed.
func (n *node) markSelf(now time.Time) {
	if n.parent != nil {
		n.parent.mark(n.name, now)
		return
	}
	if n.replica.whole == nil {
		n.replica.whole = &change{first: now}
	}
	n.replica.whole.last = now
}

// forget drops what is noted for this directory: unison is about to read it.
func (n *node) forget() {
	n.changed = nil
	delete(n.replica.pending, n)
	if n.parent == nil {
		n.replica.whole = nil
	}
}

// changes tells whether anything is noted, and whether any of it is ripe.
func (r *replica) changes(p pace, now time.Time) (noted, ripe bool) {
	if r.whole != nil {
		noted, ripe = true, p.ripe(*r.whole, now)
	}
	for n := range r.pending {
		for _, c := range n.changed {
			if noted = true; ripe || p.ripe(c, now) {
				return true, true
			}
		}
	}
	return noted, ripe
}

// take gives the ripe paths, each to be looked at with all that is below it, and forgets them.
func (r *replica) take(p pace, now time.Time) []string {
	var paths []string
	if r.whole != nil && p.ripe(*r.whole, now) {
		r.whole = nil
		paths = append(paths, "")
	}
	for n := range r.pending {
		prefix := n.path()
		if prefix != "" {
			prefix += "/"
		}
		for name, c := range n.changed {
			if p.ripe(c, now) {
				paths = append(paths, prefix+name)
				delete(n.changed, name)
			}
		}
		if len(n.changed) == 0 {
			n.changed = nil
			delete(r.pending, n)
		}
	}
	return outermost(paths)
}

// outermost drops the paths that lie below another one.
func outermost(paths []string) []string {
	// A slash sorts before all else, so that what is below a path follows it at once.
	slices.SortFunc(paths, func(a, b string) int {
		return strings.Compare(strings.ReplaceAll(a, "/", "\x00"), strings.ReplaceAll(b, "/", "\x00"))
	})
	var kept []string
	for _, path := range paths {
		if len(kept) > 0 {
			last := kept[len(kept)-1]
			if last == "" || path == last || strings.HasPrefix(path, last+"/") {
				continue
			}
		}
		kept = append(kept, path)
	}
	return kept
}
