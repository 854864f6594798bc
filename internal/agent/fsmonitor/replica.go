// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package fsmonitor

import (
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// change is when a name changed for the first and for the last time since
// unison was told.
type change struct {
	first, last time.Time
	// open says that somebody writes into the file, as far as was seen: he has not
	// closed it since. filling says that it is a new directory.
	open, filling bool
}

// pace says when a change is told.
type pace struct {
	// quiet is how long a name must rest: a file is mostly written in more
	// than one step.
	quiet time.Duration
	// patience is how long a file that never rests is held back.
	patience time.Duration
	// gather is how long a tree that never rests is: what happens at once goes in
	// one run of unison.
	gather time.Duration
}

func (p pace) ripe(c change, now time.Time) bool {
	switch {
	case c.filling:
		return now.Sub(c.last) >= p.quiet || now.Sub(c.first) >= p.gather
	case c.open:
		return now.Sub(c.last) >= p.quiet || now.Sub(c.first) >= p.patience
	}
	return true
}

// outlook is how the changes of a replica stand.
type outlook struct {
	// noted says that there are any, ripe that one of them can be told.
	noted, ripe bool
	// first and last are when the first and the last of them happened.
	first, last time.Time
}

func (o *outlook) add(p pace, c change, now time.Time) {
	if !o.noted || c.first.Before(o.first) {
		o.first = c.first
	}
	if c.last.After(o.last) {
		o.last = c.last
	}
	o.noted, o.ripe = true, o.ripe || p.ripe(c, now)
}

// due says whether unison is to come: something can be told, and no more of it is
// on its way, or it has been long enough.
func (o *outlook) due(p pace, now time.Time) bool {
	return o.ripe && (now.Sub(o.last) >= p.quiet || now.Sub(o.first) >= p.gather)
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

// mark notes that a name in this directory changed, as the kernel's mask says.
func (n *node) mark(name string, now time.Time, mask uint32) {
	c, known := n.changed[name]
	if !known {
		c.first = now
	}
	c.last = now
	switch {
	case mask&unix.IN_ISDIR == 0 && mask&(unix.IN_CREATE|unix.IN_MODIFY) != 0:
		c.open = true
	case mask&(unix.IN_CLOSE_WRITE|unix.IN_MOVED_FROM|unix.IN_MOVED_TO|unix.IN_DELETE) != 0:
		c.open, c.filling = false, false
	}
	if n.changed == nil {
		n.changed = map[string]change{}
	}
	n.changed[name] = c
	n.replica.pending[n] = true
}

// filling notes whether a name that was noted is a directory that is being filled.
func (n *node) filling(name string, is bool) {
	c := n.changed[name]
	c.filling = is
	n.changed[name] = c
}

// markSelf notes that the node as a whole changed.
func (n *node) markSelf(now time.Time) {
	if n.parent != nil {
		n.parent.mark(n.name, now, 0)
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

// outlook says how what is noted stands.
func (r *replica) outlook(p pace, now time.Time) outlook {
	var all outlook
	if r.whole != nil {
		all.add(p, *r.whole, now)
	}
	for n := range r.pending {
		for _, c := range n.changed {
			all.add(p, c, now)
		}
	}
	return all
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
