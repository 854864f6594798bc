// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package fsmonitor

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// day is how far one clock is ahead.
const day = 24 * time.Hour

// The clock of one node is a day ahead, for its unison and in the times of what is written
// there: files and changes go both ways all the same, and stay. Of a path that both sides
// changed, newer takes the version of that node, whoever wrote last, and keeps the other
// one; without it each side keeps its own.
func TestUnisonWithAClockADayAhead(t *testing.T) {
	found := versions(t)
	for client := range found {
		for server := range found {
			for _, side := range []string{"here", "there"} {
				t.Run(client+" with "+server+", ahead "+side, func(t *testing.T) {
					t.Parallel()
					p := newPair(t, found[client], found[server])
					p.says("copyonconflict = true")
					p.ahead(side)
					p.start()
					goBothWays(t, p, side)
					p.stop()
					differ(t, p, side)
				})
			}
		}
	}
}

// sides are the trees of the node whose clock is ahead, and of the other one.
func (p *pair) sides(side string) (early, late string) {
	if side == "here" {
		return p.here, p.there
	}
	return p.there, p.here
}

// puts writes a file as a machine does whose clock is off by that much.
func puts(t *testing.T, path, text string, off time.Duration) {
	t.Helper()
	at := time.Now().Add(off)
	if err := errors.Join(os.WriteFile(path, []byte(text), 0o600), os.Chtimes(path, at, at)); err != nil {
		t.Fatal(err)
	}
}

// holds says whether a file has a content.
func holds(path, text string) func() bool {
	return func() bool { got, err := os.ReadFile(path); return err == nil && string(got) == text }
}

// goBothWays has a file of either side go to the other one, come back changed, and go.
func goBothWays(t *testing.T, p *pair, side string) {
	t.Helper()
	ahead, right := p.sides(side)
	off := func(root string) time.Duration {
		if root == ahead {
			return day
		}
		return 0
	}
	for _, from := range []string{ahead, right} {
		to := ahead
		if from == ahead {
			to = right
		}
		name := "by-ahead"
		if from == right {
			name = "by-right"
		}
		puts(t, filepath.Join(from, name), "first", off(from))
		p.until(name+" arrives", holds(filepath.Join(to, name), "first"))
		// By the clock of the other side this is a day before, or after, what was there.
		puts(t, filepath.Join(to, name), "changed", off(to))
		p.until("the change of "+name+" comes back", holds(filepath.Join(from, name), "changed"))
		puts(t, filepath.Join(from, name), "changed again", off(from))
		p.until("the second change of "+name+" arrives", holds(filepath.Join(to, name), "changed again"))
	}
	if err := os.Remove(filepath.Join(right, "by-ahead")); err != nil {
		t.Fatal(err)
	}
	p.until("by-ahead goes", func() bool { return !p.exists(filepath.Join(ahead, "by-ahead"))() })
	p.until("both trees are the same", p.same)
	want := map[string]string{".": "directory", "by-right": "file changed again"}
	if got := contents(t, ahead); !maps.Equal(got, want) {
		t.Errorf("the trees hold %q, want %q", got, want)
	}
}

// differ has both sides change two paths while they are apart, the one whose clock is right
// later. Of one it wins nevertheless: somebody gave it a time after the day that is ahead.
func differ(t *testing.T, p *pair, side string) {
	t.Helper()
	ahead, right := p.sides(side)
	puts(t, filepath.Join(ahead, "by-right"), "ahead", day)
	puts(t, filepath.Join(ahead, "touched"), "ahead", day)
	puts(t, filepath.Join(right, "by-right"), "right", time.Minute)
	puts(t, filepath.Join(right, "touched"), "right", 2*day)
	began := time.Now()
	p.start()
	kept := func(name, text string, clock time.Duration) func() bool {
		return func() bool {
			// Who keeps a version names it by its own clock.
			copies := []string{copyOf(name, began.Add(clock)), copyOf(name, time.Now().Add(clock))}
			both := 0
			for _, root := range []string{ahead, right} {
				if holds(filepath.Join(root, copies[0]), text)() || holds(filepath.Join(root, copies[1]), text)() {
					both++
				}
			}
			return both == 2
		}
	}
	for _, root := range []string{ahead, right} {
		p.until("the version of the clock that is ahead is on both", holds(filepath.Join(root, "by-right"), "ahead"))
		p.until("the version with the latest time is on both", holds(filepath.Join(root, "touched"), "right"))
	}
	p.until("the version of the clock that is right is kept on both", kept("by-right", "right", 0))
	p.until("the other version of the clock that is ahead is kept on both", kept("touched", "ahead", day))
	p.stop()
	// Where no side is to win, no clock is asked.
	p.saysNot("prefer = newer")
	puts(t, filepath.Join(ahead, "by-right"), "ahead again", day)
	puts(t, filepath.Join(right, "by-right"), "right again", 0)
	p.start()
	p.until("unison skips the path", func() bool { return strings.Contains(p.said(), "skipped: by-right") })
	if !holds(filepath.Join(ahead, "by-right"), "ahead again")() || !holds(filepath.Join(right, "by-right"), "right again")() {
		t.Error("a side has not its own version any more")
	}
}

// copyOf is the name that unison gives to a version that it keeps.
func copyOf(name string, at time.Time) string {
	return name + " (conflict_on_" + at.Format(time.DateOnly) + ")"
}
