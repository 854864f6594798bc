// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package guardian

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Guardians talk through MySQL itself: each leaves its report in a user variable
// of a session that it keeps on every other member, where that one's guardian
// reads it as root. The session is that of the account which the server recovers
// with: it may hardly do anything else, and stands on the server already.
const reportVariable = "atoll_guardian"

// reportsQuery reads what the guardians of other members have left here, with the
// seconds since they last did.
const reportsQuery = `SELECT JSON_ARRAYAGG(JSON_OBJECT('age', t.processlist_time, 'facts', CONVERT(v.variable_value USING utf8mb4)))
 FROM performance_schema.user_variables_by_thread v JOIN performance_schema.threads t USING (thread_id)
 WHERE v.variable_name = '` + reportVariable + `' AND t.processlist_user REGEXP '^mysql_innodb_cluster_[0-9]+$'`

const (
	// call is how long another member may take to answer.
	call = 5 * time.Second
	// fresh is the age up to which a report counts, and often and seldom lie
	// between two: while something is the matter, and while nothing is.
	fresh  = 6
	often  = 500 * time.Millisecond
	seldom = 20 * time.Second
	// unheard is how long a server may answer without a report of its guardian.
	unheard = 15 * time.Second
)

// Reports are those of the others that are not old, by their endpoints; of two of
// one member it is the later one.
func (s *Server) Reports(ctx context.Context) (map[string]Facts, error) {
	var left []struct {
		Age   int    `json:"age"`
		Facts string `json:"facts"`
	}
	if err := s.document(ctx, "the reports of the others", reportsQuery, &left); err != nil {
		return nil, err
	}
	reports := map[string]Facts{}
	for _, one := range left {
		var facts Facts
		if one.Age > fresh || json.Unmarshal([]byte(one.Facts), &facts) != nil || facts.Protocol != Protocol {
			continue
		}
		if other, twice := reports[facts.Endpoint]; !twice || other.Beat < facts.Beat {
			reports[facts.Endpoint] = facts
		}
	}
	return reports, nil
}

// account is that which the server recovers with.
type account struct {
	user, password string
	// authorities is the file by which the server verifies others; "" where it does not.
	authorities string
}

// accountQuery: only by what the cluster of Atoll's wrote others are verified here.
const accountQuery = `SELECT user_name, user_password, IF(@@group_replication_ssl_mode LIKE 'VERIFY%' AND @@group_replication_recovery_ssl_ca = '/etc/mysql/atoll/members.pem', @@group_replication_recovery_ssl_ca, '')
 FROM mysql.slave_master_info WHERE channel_name = 'group_replication_recovery'`

// account asks the server for it.
func (s *Server) account(ctx context.Context) (account, error) {
	ctx, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	var own account
	if err := s.db.QueryRowContext(ctx, accountQuery).Scan(&own.user, &own.password, &own.authorities); err != nil {
		return account{}, fmt.Errorf("unable to read the account that the server recovers with: %w", err)
	}
	return own, nil
}

// Peers are sessions on the other members.
type Peers struct {
	server *Server
	// connector leads to another member as an account.
	connector func(endpoint string, own account) (driver.Connector, error)

	mu    sync.Mutex
	lines map[string]*line
}

// NewPeers has no session yet.
func NewPeers(server *Server) *Peers {
	return &Peers{server: server, connector: overTheMesh, lines: map[string]*line{}}
}

// Report leaves a report on each of the others, all at once, and drops the
// sessions on those that are no others any more. Whom it does not reach it tries
// again with the next report. One that does not answer keeps nobody else waiting:
// what others wait for are reports.
func (p *Peers) Report(ctx context.Context, facts Facts) {
	text, err := json.Marshal(facts)
	if err != nil {
		return // a struct of texts and numbers always encodes
	}
	var reporting sync.WaitGroup
	for _, line := range p.to(facts) {
		reporting.Go(func() {
			if !line.mu.TryLock() {
				return // it does not answer to the one before
			}
			defer line.mu.Unlock()
			_ = p.say(ctx, line, func(ctx context.Context, conn *sql.Conn) error {
				_, err := conn.ExecContext(ctx, "SET @"+reportVariable+" = ?", string(text))
				return err
			})
		})
	}
	all := make(chan struct{})
	go func() { reporting.Wait(); close(all) }()
	select {
	case <-all:
	case <-time.After(often):
	}
}

// to are the sessions on the others.
func (p *Peers) to(facts Facts) []*line {
	p.mu.Lock()
	defer p.mu.Unlock()
	declared := facts.declared()
	if facts.foreign() {
		declared = nil
	}
	for endpoint, line := range p.lines {
		if !slices.Contains(declared, endpoint) {
			delete(p.lines, endpoint)
			go line.close()
		}
	}
	var list []*line
	for _, endpoint := range declared {
		if endpoint == facts.Endpoint {
			continue
		}
		if p.lines[endpoint] == nil {
			p.lines[endpoint] = &line{endpoint: endpoint}
		}
		list = append(list, p.lines[endpoint])
	}
	return list
}

// speak does something in a session on another member. One that failed is given
// up, and all that it held with it.
func (p *Peers) speak(ctx context.Context, l *line, do func(context.Context, *sql.Conn) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return p.say(ctx, l, do)
}

// say is speak for who has the line already.
func (p *Peers) say(ctx context.Context, l *line, do func(context.Context, *sql.Conn) error) error {
	ctx, cancel := context.WithTimeout(ctx, call)
	defer cancel()
	if l.conn == nil {
		if err := p.open(ctx, l); err != nil {
			return fmt.Errorf("%s: %w", l.endpoint, err)
		}
	}
	if err := do(ctx, l.conn); err != nil {
		l.drop()
		return fmt.Errorf("%s: %w", l.endpoint, err)
	}
	return nil
}

// silent are those whose servers have answered for a while, and of whom there is
// no report.
func (p *Peers) silent(reports map[string]Facts) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []string
	for endpoint, line := range p.lines {
		opened := line.opened.Load()
		if _, heard := reports[endpoint]; !heard && opened != nil && time.Since(*opened) > unheard {
			list = append(list, endpoint)
		}
	}
	slices.Sort(list)
	return list
}

// Close ends all sessions.
func (p *Peers) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, line := range p.lines {
		line.close()
	}
}

// ErrTurn says that somebody else works on the group now.
var ErrTurn = errors.New("somebody else works on the group")

// quiet keeps a text between quotes what it is.
func quiet(text string) string { return strings.NewReplacer("'", "", `\`, "").Replace(text) }
