// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package site

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Writer is an application that writes without pause through the router beside
// it: one row after another, each acknowledged before the next, reconnecting
// when the line breaks. It remembers what was acknowledged.
type Writer struct {
	db     *sql.DB
	cancel context.CancelFunc
	ended  chan struct{}

	mu           sync.Mutex
	acknowledged []int64
	// at are the times of the acknowledgements.
	at      []time.Time
	failed  int
	longest time.Duration
	last    time.Time
}

// attempt bounds one write: an application does not wait for ever either.
const attempt = 3 * time.Second

// OpenRouter connects to a router's local port on its own host, over SSH.
func OpenRouter(host remote.Host, address, user, password, database string) (*sql.DB, error) {
	config := mysql.NewConfig()
	config.User, config.Passwd, config.DBName = user, password, database
	config.Net, config.Addr = "tcp", address
	config.Logger = &mysql.NopLogger{}
	config.TLSConfig = "skip-verify"
	config.ReadTimeout = attempt
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		return host.Dial(ctx, remote.Endpoint{Network: network, Address: address})
	}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, fmt.Errorf("connecting to the router: %w", err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(2)
	return db, nil
}

// StartWriter begins to write into table writes (id BIGINT PRIMARY KEY).
func StartWriter(ctx context.Context, db *sql.DB) *Writer {
	ctx, cancel := context.WithCancel(ctx)
	w := &Writer{db: db, cancel: cancel, ended: make(chan struct{}), last: time.Now()}
	go w.work(ctx)
	return w
}

func (w *Writer) work(ctx context.Context) {
	defer close(w.ended)
	// From now on: an earlier writer's rows are in the way of none of ours.
	for id := time.Now().UnixNano(); ctx.Err() == nil; id++ {
		trial, cancel := context.WithTimeout(ctx, attempt)
		_, err := w.db.ExecContext(trial, "INSERT INTO writes (id) VALUES (?)", id)
		cancel()
		w.mu.Lock()
		if err == nil {
			w.acknowledged = append(w.acknowledged, id)
			w.longest = max(w.longest, time.Since(w.last))
			w.last = time.Now()
			w.at = append(w.at, w.last)
		} else {
			w.failed++
		}
		w.mu.Unlock()
		pause := 5 * time.Millisecond
		if err != nil {
			pause = 100 * time.Millisecond
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// Count is the number of writes acknowledged so far.
func (w *Writer) Count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.acknowledged)
}

// Slow is how long after a moment writes came slower than at half the rate that
// they had before it, in windows of a second.
func (w *Writer) Slow(moment time.Time) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slow(w.at, moment, time.Now())
}

func slow(at []time.Time, moment, now time.Time) time.Duration {
	if len(at) == 0 || !at[0].Before(moment) {
		return 0
	}
	windows := map[int]int{}
	before := 0
	for _, one := range at {
		if one.Before(moment) {
			before++
			continue
		}
		windows[int(one.Sub(moment)/time.Second)]++
	}
	rate := float64(before) / moment.Sub(at[0]).Seconds()
	count := 0
	for window := range int(now.Sub(moment) / time.Second) {
		if float64(windows[window]) < rate/2 {
			count++
		}
	}
	return time.Duration(count) * time.Second
}

// Report is what became of the writes.
type Report struct {
	Acknowledged, Failed, Lost int
	// StoodStill is the longest time between two acknowledged writes.
	StoodStill time.Duration
}

func (r Report) String() string {
	return fmt.Sprintf("%d writes acknowledged, %d of them lost; writes stood still for %s at most", r.Acknowledged, r.Lost, r.StoodStill.Round(100*time.Millisecond))
}

// Stop ends the writer and looks for every acknowledged row in the database.
func (w *Writer) Stop(ctx context.Context, db *sql.DB) (Report, error) {
	w.cancel()
	<-w.ended
	var there map[int64]bool
	// The connection of the writer may lead to a server that is gone, and a new primary
	// lets nobody read before it has what the last one had.
	err := askAgain(ctx, recovery, func() (err error) {
		there, err = present(ctx, db)
		return err
	})
	if err != nil {
		return Report{}, fmt.Errorf("reading back what was written: %w", err)
	}
	report := Report{Acknowledged: len(w.acknowledged), Failed: w.failed, StoodStill: w.longest}
	for _, id := range w.acknowledged {
		if !there[id] {
			report.Lost++
		}
	}
	return report, nil
}

// present are the rows that are there.
func present(ctx context.Context, db *sql.DB) (map[int64]bool, error) {
	rows, err := db.QueryContext(ctx, "SELECT id FROM writes")
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	there := map[int64]bool{}
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		there[id] = true
	}
	return there, rows.Err()
}
