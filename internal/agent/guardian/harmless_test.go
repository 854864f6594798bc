// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package guardian

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// scenes are what guardians meet, each with what they have to make of it.
var scenes = []struct {
	name string
	set  func(*world)
	// groups is how many have to be started.
	groups int
}{
	{"all were down", func(*world) {}, 1},
	{"all were down, and MySQL has the start at boot", func(w *world) {
		for _, server := range w.servers {
			server.boots = true
		}
	}, 1},
	{"one was expelled", func(w *world) {
		w.servers["10.0.0.1:3306"].state, w.servers["10.0.0.2:3306"].state, w.servers["10.0.0.3:3306"].state = "ONLINE", "ONLINE", "ERROR"
	}, 0},
	{"one shuts others out", func(w *world) {
		for _, server := range w.servers {
			server.state = "ONLINE"
		}
		w.servers["10.0.0.2:3306"].connections = 1
	}, 0},
	{"one is armed", func(w *world) { w.servers["10.0.0.2:3306"].armed = true }, 1},
}

// play lets guardians work on a world until nothing is left to do, for some minutes
// at most, which are none outside; beside says how many are beside each server.
func play(ctx context.Context, w *world, beside int, directories map[string]string) error {
	ctx, end := context.WithCancel(ctx)
	var guards sync.WaitGroup
	for endpoint, directory := range directories {
		for range beside {
			guards.Go(func() { w.guard(ctx, endpoint, directory) })
		}
	}
	err := w.settled()
	for tries := 0; err != nil && tries < 600; tries++ {
		time.Sleep(time.Second)
		err = w.settled()
	}
	end()
	guards.Wait()
	return err
}

func directories(t *testing.T) map[string]string {
	return map[string]string{"10.0.0.1:3306": t.TempDir(), "10.0.0.2:3306": t.TempDir(), "10.0.0.3:3306": t.TempDir()}
}

// A guardian that is killed at any statement, before it or after it, leaves nothing
// that its successor or the others do not finish: the group is there, it is one,
// and no flag and no turn is left behind.
func TestKilledAtAnyStatement(t *testing.T) {
	for _, scene := range scenes {
		for _, late := range []bool{false, true} {
			for fuse, burnt := 1, true; burnt; fuse++ {
				where := directories(t)
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, "OFFLINE")
					w.fuse, w.late = fuse, late
					scene.set(w)
					err := play(t.Context(), w, 1, where)
					if err != nil || w.groups != scene.groups {
						t.Fatalf("%s, killed at statement %d (late %v): %d groups were started, %v", scene.name, fuse, late, w.groups, err)
					}
					burnt = w.said >= fuse
				})
			}
		}
	}
}

// Two guardians beside each server, which a lock on the machine prevents, still
// make one group.
func TestDoubledGuardiansMakeOneGroup(t *testing.T) {
	for _, scene := range scenes {
		where := directories(t)
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, "OFFLINE")
			scene.set(w)
			if err := play(t.Context(), w, 2, where); err != nil || w.groups != scene.groups {
				t.Errorf("%s: %d groups were started, %v", scene.name, w.groups, err)
			}
		})
	}
}

// While an apply has the turn no guardian starts, stops or joins anything, and they
// go on when it is over.
func TestGuardiansStepAsideForAnApply(t *testing.T) {
	where := directories(t)
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "OFFLINE")
		release := w.apply()
		done := make(chan error)
		go func() { done <- play(t.Context(), w, 1, where) }()
		time.Sleep(5 * time.Minute)
		w.mu.Lock()
		for endpoint, server := range w.servers {
			if server.starts+server.stops > 0 || server.armed {
				t.Errorf("%s: %d starts and %d stops while an apply is at work", endpoint, server.starts, server.stops)
			}
		}
		w.mu.Unlock()
		release()
		if err := <-done; err != nil || w.groups != 1 {
			t.Errorf("after the apply: %d groups were started, %v", w.groups, err)
		}
	})
}

// The work of a guardian goes on however long its server stands still, and at whatever
// statement; the watchdog of its unit leaves 300 s. One whose reports have ended is not
// alive.
func TestGuardianLivesBesideWhatStandsStill(t *testing.T) {
	// A turn, the decision in it and a deed are those statements.
	const statements = 12
	for _, scene := range scenes[1:3] {
		for statement := range statements {
			where := directories(t)
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, "OFFLINE")
				w.stands, w.stillness = statement+1, 6*time.Minute
				scene.set(w)
				ctx, end := context.WithCancel(t.Context())
				var guards sync.WaitGroup
				for endpoint, directory := range where {
					guards.Go(func() { w.guard(ctx, endpoint, directory) })
				}
				time.Sleep(7 * time.Minute)
				for endpoint := range where {
					w.beats(endpoint)()
				}
				end()
				guards.Wait()
				if w.gap > 200*time.Second {
					t.Errorf("%s, a server stands still at statement %d: a guardian does not live for %s", scene.name, w.stands, w.gap)
				}
			})
		}
	}
	beats := 0
	g := &Guardian{Beat: func() { beats++ }}
	if g.lives(); beats > 0 {
		t.Error("it lives without reports")
	}
}

// A guardian tells who was in the group when its member was there last, until it loses
// sight of its server.
func TestGuardianRemembersWhoWasThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "ONLINE")
		purpose, err := OpenPurpose(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		own := &Server{db: openDB(w)}
		defer func() { _ = own.db.Close() }()
		g := &Guardian{Server: own, Peers: NewPeers(own), Purpose: purpose, Say: func(Status) {}, Beat: func() {}}
		look := func(ctx context.Context, when, state string, want ...string) {
			w.mu.Lock()
			w.servers["10.0.0.1:3306"].state = state
			w.mu.Unlock()
			if g.step(ctx); !slices.Equal(g.last, want) {
				t.Errorf("%s: %v, want %v", when, g.last, want)
			}
		}
		look(t.Context(), "in the group", "ONLINE", "a", "b", "c")
		look(t.Context(), "fallen out", "ERROR", "a", "b", "c")
		if !slices.Equal(g.facts.Last, g.last) {
			t.Errorf("it tells of %v", g.facts.Last)
		}
		away, cancel := context.WithCancel(t.Context())
		cancel()
		look(away, "away", "ERROR")
		look(t.Context(), "back", "ERROR")
	})
}

// Guardians of another protocol are not heard, and nothing is done on what they say;
// one of before the start at boot was the guardian's says less, and is understood.
func TestOlderGuardians(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "OFFLINE")
		for endpoint, text := range map[string]string{
			"10.0.0.2:3306": `{"protocol": 0, "beat": 9, "id": "b", "endpoint": "10.0.0.2:3306", "group": "` + source + `", "view": [{"id": "b", "endpoint": "10.0.0.2:3306", "state": "ONLINE"}]}`,
			"10.0.0.3:3306": `{"protocol": 1, "beat": 9, "id": "c", "endpoint": "10.0.0.3:3306", "version": "9.7.4", "group": "` + source + `", "wanted": true, "executed": "` + source + `:1-10", "view": []}`,
			"10.0.0.4:3306": `{"protocol": 1, "beat`,
		} {
			conn, err := connector{w, "10.0.0.1:3306", "mysql_innodb_cluster_" + endpoint[7:8], nil}.Connect(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			s, _ := conn.(*session)
			s.variables[reportVariable], s.told = text, time.Now()
		}
		own := &Server{db: openDB(w)}
		defer func() { _ = own.db.Close() }()
		reports, err := own.Reports(t.Context())
		if err != nil || len(reports) != 1 || !reports["10.0.0.3:3306"].Wanted {
			t.Fatalf("%+v, %v", reports, err)
		}
		answer, err := own.ask(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := Decide(Observed{Self: answer.facts(), Peers: reports}); got.Deed != Nothing || !strings.Contains(got.Why, "nothing is heard of 10.0.0.2:3306") {
			t.Errorf("%+v", got)
		}
		time.Sleep(time.Minute)
		if reports, err := own.Reports(t.Context()); err != nil || len(reports) > 0 {
			t.Errorf("a minute later: %+v, %v", reports, err)
		}
	})
}

// Whoever does not answer keeps nobody else waiting for reports: beside a dead
// machine the others still hear each other twice in the time that a deed has.
func TestDeadMachineKeepsNobodyWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, "ONLINE")
		w.servers["10.0.0.3:3306"].dead = true
		own := &Server{db: openDB(w)}
		defer func() { _ = own.db.Close() }()
		peers := NewPeers(own)
		peers.connector = func(endpoint string, own account) (driver.Connector, error) {
			return connector{w, endpoint, own.user, nil}, nil
		}
		defer peers.Close()
		self := Facts{Protocol: Protocol, Endpoint: "10.0.0.1:3306", Seeds: []string{"10.0.0.2:3306", "10.0.0.3:3306"}}
		began := time.Now()
		for self.Beat = range 3 {
			peers.Report(t.Context(), self)
			time.Sleep(often)
		}
		if took := time.Since(began); took > fresh*time.Second/2 {
			t.Errorf("three reports took %s", took)
		}
		heard := &Server{db: sql.OpenDB(connector{w, "10.0.0.2:3306", "root", nil})}
		defer func() { _ = heard.db.Close() }()
		if reports, err := heard.Reports(t.Context()); err != nil || reports["10.0.0.1:3306"].Beat != 2 {
			t.Errorf("%+v, %v", reports, err)
		}
		time.Sleep(call)
	})
}
