// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/group"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// turns are the leases of one run: that of the cluster by its name, which is
// there before a group is, and that of the group, which servers on their way
// down or up take, too.
type turns struct {
	cluster, group *group.Lease
	name           string
}

func (t *turns) release() {
	for _, lease := range []*group.Lease{t.group, t.cluster} {
		if lease != nil {
			lease.Release()
		}
	}
	t.cluster, t.group = nil, nil
}

// takeTurns takes the leases that are not held yet, or not any more: a server
// that was restarted has let go of its lock. waited says that somebody else may
// have worked since the servers were asked.
func (r *run) takeTurns(ctx context.Context, seen map[string]Observation, diagnosis Diagnosis) (waited bool, err error) {
	t := &r.turns
	name := ""
	if len(diagnosis.view) > 0 {
		name = diagnosis.GroupName
	}
	lost := t.cluster != nil && t.cluster.Lost(ctx) != nil || t.group != nil && t.group.Lost(ctx) != nil
	if t.cluster != nil && !lost && t.name == name {
		return false, nil
	}
	if lost || t.name != name && t.group != nil {
		t.release()
	}
	if t.cluster == nil {
		seats, err := r.seats(seen, func(key string) (string, bool) {
			member, declared := r.cluster.Members[key]
			return member.Endpoint(), declared
		})
		if err != nil {
			return false, err
		}
		members := len(r.cluster.Members)
		if len(r.cluster.Options.QuorumSurvivors) > 0 && (diagnosis.State == StateNoQuorum || diagnosis.State == StateOffline) {
			members = len(seats) // a person vouches for the others, and each who does has to ask these
		}
		if t.cluster, err = group.Take(ctx, r.cluster.Name, r.purpose, members, seats); err != nil {
			return false, err
		}
	}
	if t.name = name; name != "" {
		seats, err := r.seats(seen, func(key string) (string, bool) { return seen[key].UUID, inView(diagnosis.view, seen[key].UUID) })
		if err != nil {
			return false, err
		}
		if t.group, err = group.Take(ctx, name, r.purpose, len(diagnosis.view), seats); err != nil {
			return false, err
		}
	}
	return true, r.awaitShell(ctx, seen)
}

// shellQuery names those who hold the lock that MySQL Shell takes for a change of a
// cluster or a member: one of the locking service.
const shellQuery = `SELECT CONCAT('session ', t.processlist_id, ' of ', IFNULL(t.processlist_user, '?'), '@', IFNULL(t.processlist_host, '?'))
 FROM performance_schema.metadata_locks l JOIN performance_schema.threads t ON t.thread_id = l.owner_thread_id
 WHERE l.object_type = 'LOCKING SERVICE' AND l.object_schema LIKE 'AdminAPI%' AND l.lock_status = 'GRANTED'`

// ErrShell says that MySQL Shell is changing the cluster.
var ErrShell = errors.New("MySQL Shell is at work on the cluster")

// awaitShell waits until no MySQL Shell is at work on one of the servers.
func (r *run) awaitShell(ctx context.Context, seen map[string]Observation) error {
	for deadline := time.Now().Add(startPatience); ; {
		var held []string
		for _, key := range slices.Sorted(maps.Keys(seen)) {
			if !seen[key].Answers {
				continue
			}
			session, err := r.server(key)
			if err != nil {
				return err
			}
			list, err := session.List(ctx, "asking for MySQL Shell", shellQuery)
			if err != nil {
				return err
			}
			held = append(held, list...)
		}
		if len(held) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%w: %s. Wait until it has ended, or end it, and apply again", ErrShell, strings.Join(held, "; "))
		}
		if err := remote.Pause(ctx, 4*pause); err != nil {
			return err
		}
	}
}

// seats opens a session on each server that answers and that which has a place for.
func (r *run) seats(seen map[string]Observation, place func(key string) (id string, there bool)) ([]group.Seat, error) {
	var seats []group.Seat
	for key, one := range seen {
		id, there := place(key)
		if !there || !one.Answers {
			continue
		}
		session, err := connect(key, r.hosts[key])
		if err != nil {
			return nil, err
		}
		seats = append(seats, group.Seat{ID: id, Session: session.Session})
	}
	return seats, nil
}

func inView(view []group.Member, uuid string) bool {
	for _, member := range view {
		if member.ID == uuid {
			return true
		}
	}
	return false
}
