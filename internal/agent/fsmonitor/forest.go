// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package fsmonitor

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// kernel is what the forest asks of inotify.
type kernel interface {
	add(path string, mask uint32) (int, error)
	remove(watch int)
}

// forest is all that is watched: the replicas, and which nodes stand behind
// each watch. The kernel has one watch for a directory, however many paths
// lead to it: after a move, the old node and the new one share it.
type forest struct {
	kernel   kernel
	replicas []*replica
	watches  map[int]*standing
	// above are the watches of the directories that lead to a node.
	above map[*node][]int
	// arriving are the watches of what is new at a place.
	arriving map[place][]int
	scans    uint64
}

// standing is who is told about a watch.
type standing struct {
	nodes []*node
	// below are nodes that this directory only leads to.
	below []*node
	// arriving is a directory that is new.
	arriving []arrival
}

func newForest(kernel kernel) *forest {
	return &forest{kernel: kernel, watches: map[int]*standing{}, above: map[*node][]int{}, arriving: map[place][]int{}}
}

// of gives the replicas with the hash.
func (f *forest) of(hash string) []*replica {
	var found []*replica
	for _, r := range f.replicas {
		if r.hash == hash {
			found = append(found, r)
		}
	}
	return found
}

// scan is unison reading a part of a replica.
type scan struct {
	forest *forest
	start  *node
	number uint64
}

// begin starts a scan at a path below the root.
func (f *forest) begin(hash, root, path string) (*scan, error) {
	var of *replica
	for _, r := range f.of(hash) {
		if r.root == root {
			of = r
		}
	}
	if of == nil {
		of = newReplica(hash, root)
		f.replicas = append(f.replicas, of)
	}
	f.scans++
	s := &scan{forest: f, start: of.at(path), number: f.scans}
	s.start.forget()
	if s.start.told() {
		return s, nil
	}
	// No directory above is watched that would tell when the place itself goes away.
	if err := f.watch(s.start, absolute(s.start), watched|unix.IN_DONT_FOLLOW); err != nil {
		return nil, err
	}
	s.start.scan = s.number
	return s, f.watchAbove(s.start, absolute(s.start))
}

// enter watches what unison is about to read: a directory, or what a followed link leads to.
func (s *scan) enter(path string, link bool) error {
	n := s.start
	if path != "" {
		n = s.start.replica.at(strings.TrimPrefix(s.start.path()+"/"+path, "/"))
	}
	n.forget()
	n.scan = s.number
	mask := uint32(watched | unix.IN_DONT_FOLLOW | unix.IN_ONLYDIR)
	if link {
		mask = watched
	}
	err := s.forest.watch(n, absolute(n), mask)
	if errors.Is(err, unix.ENOENT) {
		// It went away while unison was on its way: let unison come again.
		n.markSelf(time.Now())
		return nil
	}
	if errors.Is(err, unix.EACCES) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		// Unison meets the same when it reads, and says so itself.
		return nil
	}
	return err
}

// end drops the nodes in which the scan did not come by.
func (s *scan) end() {
	s.forest.prune(s.start, s.number)
	s.forest.settle()
}

func (f *forest) prune(n *node, number uint64) {
	for _, child := range n.children {
		f.prune(child, number)
	}
	if n.scan != number {
		f.release(n)
		n.forget()
	}
	if n.watch == none && len(n.children) == 0 && n.parent != nil {
		f.drop(n)
	}
}

func (f *forest) drop(n *node) {
	f.release(n)
	if n.parent != nil {
		n.forget()
		delete(n.parent.children, n.name)
	}
}

// reset drops all replicas with the hash.
func (f *forest) reset(hash string) {
	for _, r := range f.of(hash) {
		f.dropAll(r.top)
	}
	f.replicas = slices.DeleteFunc(f.replicas, func(r *replica) bool { return r.hash == hash })
	f.settle()
}

func (f *forest) dropAll(n *node) {
	for _, child := range n.children {
		f.dropAll(child)
	}
	f.drop(n)
}

// watch has the node told about its path.
func (f *forest) watch(n *node, path string, mask uint32) error {
	number, err := f.kernel.add(path, mask)
	if err != nil {
		f.release(n)
		return err
	}
	if n.watch == number {
		return nil
	}
	f.release(n)
	n.watch = number
	who := f.standing(number)
	who.nodes = append(who.nodes, n)
	return nil
}

// watchAbove has the node told when one of the directories that lead to it
// moves or goes. One that may not be watched is passed over.
func (f *forest) watchAbove(n *node, path string) error {
	f.releaseAbove(n)
	for above := filepath.Dir(path); ; above = filepath.Dir(above) {
		number, err := f.kernel.add(above, watchedAbove)
		if errors.Is(err, unix.ENOSPC) {
			return err
		}
		if err == nil {
			who := f.standing(number)
			who.below = append(who.below, n)
			f.above[n] = append(f.above[n], number)
		}
		if above == filepath.Dir(above) {
			return nil
		}
	}
}

func (f *forest) standing(number int) *standing {
	who := f.watches[number]
	if who == nil {
		who = &standing{}
		f.watches[number] = who
	}
	return who
}

// release ends the node's own watch, and those above it.
func (f *forest) release(n *node) {
	f.releaseAbove(n)
	if n.watch == none {
		return
	}
	number := n.watch
	n.watch = none
	if who := f.watches[number]; who != nil {
		who.nodes = slices.DeleteFunc(who.nodes, func(other *node) bool { return other == n })
		f.tidy(number, who)
	}
}

func (f *forest) releaseAbove(n *node) {
	for _, number := range f.above[n] {
		if who := f.watches[number]; who != nil {
			who.below = slices.DeleteFunc(who.below, func(other *node) bool { return other == n })
			f.tidy(number, who)
		}
	}
	delete(f.above, n)
}

func (f *forest) tidy(number int, who *standing) {
	if len(who.nodes) == 0 && len(who.below) == 0 && len(who.arriving) == 0 {
		delete(f.watches, number)
		f.kernel.remove(number)
	}
}

// temporary are the names under which unison itself writes; it never reads them.
func temporary(name string) bool {
	return strings.HasPrefix(name, ".unison.") && strings.HasSuffix(name, ".unison.tmp")
}

// tell notes what an event means.
func (f *forest) tell(e event) {
	if e.mask&unix.IN_Q_OVERFLOW != 0 {
		for _, r := range f.replicas {
			r.top.markSelf(e.at)
		}
		return
	}
	who := f.watches[e.watch]
	if who == nil {
		return
	}
	for _, n := range who.nodes {
		switch {
		case e.mask&unix.IN_IGNORED != 0:
			n.watch = none
		case e.name == "":
			n.markSelf(e.at)
		case !temporary(e.name):
			n.mark(e.name, e.at, e.mask)
			if e.mask&unix.IN_CREATE != 0 && e.mask&unix.IN_ISDIR != 0 {
				n.filling(e.name, f.arrive(place{n, e.name}, filepath.Join(absolute(n), e.name)))
			}
		}
	}
	for _, one := range slices.Clone(who.arriving) {
		f.fills(one, e)
	}
	if e.name == "" && e.mask&(unix.IN_DELETE_SELF|unix.IN_MOVE_SELF|unix.IN_UNMOUNT) != 0 {
		for _, n := range who.below {
			n.markSelf(e.at)
		}
	}
	if e.mask&unix.IN_IGNORED != 0 {
		delete(f.watches, e.watch)
	}
}

func absolute(n *node) string { return filepath.Join(n.replica.root, n.path()) }
