// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package guardian

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/model/group"
)

// world is three servers and the group that they are in, as far as a guardian's
// statements touch it. What stands below SQL is made up, and all above it is real.
type world struct {
	t       *testing.T
	mu      sync.Mutex
	servers map[string]*server
	// groups counts those that were started.
	groups int
	// fuse is the number of the statement at which the guardian that says it is
	// killed; late says that it is carried out all the same. Those count that change
	// something: between two of them it makes no difference when a guardian ends.
	fuse, said int
	late       bool
	// stands is the number of the statement at which its server stands still, for
	// stillness; those count that change something or are part of a turn.
	stands, asked int
	stillness     time.Duration
	// expelTimeout is MySQL's, in seconds: a guardian looks ten times in it, and once a
	// second at least.
	expelTimeout int
	// beat is when each guardian's work went on last, gap the longest time between two.
	beat map[string]time.Time
	gap  time.Duration
}

// server is one of them, by its endpoint.
type server struct {
	id, state     string
	boots, armed  bool
	starts, stops int
	// tries is group_replication_autorejoin_tries.
	tries int
	// connections is max_connections.
	connections int
	executed    string
	// dead: its machine answers to nothing.
	dead bool
	// still is closed when one that stands still goes on again.
	still    chan struct{}
	sessions map[*session]bool
}

// life is one run of a guardian.
type life struct {
	over   bool
	cancel context.CancelFunc
}

func newWorld(t *testing.T, state string) *world {
	w := &world{t: t, expelTimeout: 2, servers: map[string]*server{}, beat: map[string]time.Time{}}
	for i, id := range []string{"a", "b", "c"} {
		w.servers["10.0.0."+strconv.Itoa(i+1)+":3306"] = &server{id: id, state: state, executed: source + ":1-10", tries: 3, connections: 151, sessions: map[*session]bool{}}
	}
	return w
}

// kill ends a life, and what it held.
func (w *world) kill(l *life) {
	l.over = true
	l.cancel()
	for _, server := range w.servers {
		for s := range server.sessions {
			if s.life == l {
				delete(server.sessions, s)
			}
		}
	}
}

// start is START GROUP_REPLICATION.
func (w *world) start(own *server) (time.Duration, error) {
	own.starts++
	running := len(w.online()) > 0
	switch {
	case own.armed && running:
		w.t.Error("a second group was started")
	case own.armed:
		w.groups++
	case !running:
		return 65 * time.Second, errors.New("nobody is there")
	}
	own.state = "ONLINE"
	return time.Second, nil
}

func (w *world) online() []string {
	var list []string
	for endpoint, server := range w.servers {
		if server.state == "ONLINE" {
			list = append(list, endpoint)
		}
	}
	slices.Sort(list)
	return list
}

func (w *world) view(endpoint string) []Member {
	own := w.servers[endpoint]
	if own.state != "ONLINE" {
		return []Member{{own.id, endpoint, own.state}}
	}
	var view []Member
	for _, other := range w.online() {
		view = append(view, Member{w.servers[other].id, other, "ONLINE"})
	}
	return view
}

func (w *world) reports(own *server) []map[string]any {
	list := []map[string]any{}
	for s := range own.sessions {
		if text, there := s.variables[reportVariable]; there && strings.HasPrefix(s.user, "mysql_innodb_cluster_") {
			list = append(list, map[string]any{"age": int(time.Since(s.told).Seconds()), "facts": text})
		}
	}
	return list
}

// guard runs a guardian beside a server, and one after it whenever it was killed,
// as systemd does.
func (w *world) guard(ctx context.Context, endpoint, directory string) {
	for ctx.Err() == nil {
		within, cancel := context.WithCancel(ctx)
		l := &life{cancel: cancel}
		open := func(endpoint, user string) connector { return connector{w, endpoint, user, l} }
		own := &Server{db: sql.OpenDB(open(endpoint, "root")), turns: sql.OpenDB(open(endpoint, "root"))}
		own.turns.SetMaxIdleConns(-1)
		peers := NewPeers(own)
		peers.connector = func(endpoint string, own account) (driver.Connector, error) { return open(endpoint, own.user), nil }
		purpose, err := OpenPurpose(directory)
		if err != nil {
			w.t.Error(err)
		}
		g := &Guardian{Server: own, Peers: peers, Purpose: purpose, Say: func(Status) {}, Ending: func() bool { return true }, Beat: w.beats(endpoint)}
		if err := g.Run(within); err != nil {
			w.t.Error(err)
		}
		cancel()
		peers.Close()
		own.Close()
		time.Sleep(time.Second)
	}
}

// beats notes how long a guardian's work stood still.
func (w *world) beats(endpoint string) func() {
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if last, there := w.beat[endpoint]; there {
			w.gap = max(w.gap, time.Since(last))
		}
		w.beat[endpoint] = time.Now()
	}
}

// apply takes the turn on a majority as an apply does, until it is released.
func (w *world) apply() (release func()) {
	var held []*session
	for _, endpoint := range []string{"10.0.0.1:3306", "10.0.0.2:3306"} {
		conn, err := connector{w, endpoint, "root", nil}.Connect(context.Background())
		if err != nil {
			w.t.Fatal(err)
		}
		s, _ := conn.(*session)
		s.locks = []string{group.LockName(source)}
		held = append(held, s)
	}
	return func() {
		for _, s := range held {
			_ = s.Close()
		}
	}
}

// settled says what is not as it has to be when nothing more happens.
func (w *world) settled() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if online := w.online(); len(online) != 3 {
		return fmt.Errorf("%v are ONLINE", online)
	}
	for endpoint, server := range w.servers {
		if server.armed || server.boots || server.tries > 0 || server.connections < group.LeastConnections {
			return fmt.Errorf("%s: bootstrap_group %v, start_on_boot %v, autorejoin_tries %d, max_connections %d", endpoint, server.armed, server.boots, server.tries, server.connections)
		}
		for s := range server.sessions {
			if len(s.locks) > 0 {
				return fmt.Errorf("%s: %v is held", endpoint, s.locks)
			}
		}
	}
	return nil
}

// openDB leads to the first server as root.
func openDB(w *world) *sql.DB { return sql.OpenDB(connector{w, "10.0.0.1:3306", "root", nil}) }
