// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package fsmonitor

import (
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// A directory that has just been made is mostly being filled: an archive is
// unpacked, a day begins. Unison carries a new directory in one piece, and what is
// added to one that it knows file by file, which takes several times as long. So it
// is told of a new one when nobody fills it any more, and to know that, the new one
// is watched before unison comes to read it.

// place is a name in a directory, of which unison is to be told.
type place struct {
	in   *node
	name string
}

// arrival is a directory that is new: the place itself, or a directory below it.
type arrival struct {
	place
	path string
}

// mostArriving bounds the watches of one place: beyond them it counts as filled when
// what is watched of it rests.
const mostArriving = 1000

// arrive watches a directory that is new, and those in it that were made before the
// watch was there. It says whether there is anything to watch.
func (f *forest) arrive(at place, path string) bool {
	if len(f.arriving[at]) >= mostArriving {
		return false
	}
	number, err := f.kernel.add(path, watched|unix.IN_DONT_FOLLOW|unix.IN_ONLYDIR)
	if err != nil {
		return false // it is gone again, or unison meets the same and says so
	}
	who := f.standing(number)
	if slices.ContainsFunc(who.arriving, func(one arrival) bool { return one.place == at }) {
		return true
	}
	who.arriving = append(who.arriving, arrival{at, path})
	f.arriving[at] = append(f.arriving[at], number)
	entries, _ := os.ReadDir(path)
	for _, entry := range entries {
		if entry.IsDir() {
			f.arrive(at, filepath.Join(path, entry.Name()))
		}
	}
	return true
}

// fills notes what happens in a directory that is new.
func (f *forest) fills(one arrival, e event) {
	c, noted := one.in.changed[one.name]
	if !noted {
		return
	}
	c.last = e.at
	one.in.changed[one.name] = c
	if e.mask&unix.IN_CREATE != 0 && e.mask&unix.IN_ISDIR != 0 {
		f.arrive(one.place, filepath.Join(one.path, e.name))
	}
}

// settle ends the watches of new directories of which unison has been told: it
// watches them itself when it reads them.
func (f *forest) settle() {
	for at, numbers := range f.arriving {
		if _, noted := at.in.changed[at.name]; noted && slices.Contains(f.replicas, at.in.replica) {
			continue
		}
		delete(f.arriving, at)
		for _, number := range numbers {
			if who := f.watches[number]; who != nil {
				who.arriving = slices.DeleteFunc(who.arriving, func(one arrival) bool { return one.place == at })
				f.tidy(number, who)
			}
		}
	}
}
