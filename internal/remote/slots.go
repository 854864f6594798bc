// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package remote

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// maxSessions stays below sshd's MaxSessions (10): the user's own tools may
// share the connection limit through a jump host.
const maxSessions = 8

// errFull: bridges, which stay as long as who dialled likes, or programs that
// nobody waits for any more have taken every session of the connection. Another
// connection is needed.
var errFull = errors.New("all sessions of the connection are taken for good")

// slots counts the sessions of one connection against what sshd gives. Who
// waits is served in turn.
type slots struct {
	mu          sync.Mutex
	limit, used int
	// bridges are those of the used that are not soon given back.
	bridges int
	waiting []chan error
}

// newSlots begins with a limit that is known of the host; 0 means none is.
func newSlots(known int) *slots {
	if known <= 0 {
		known = maxSessions
	}
	return &slots{limit: known}
}

// take waits for a session on c. Where only one is left to commands, the shared
// shell makes room as soon as it has answered what it was asked.
func (s *slots) take(ctx context.Context, c *connection) error {
	s.mu.Lock()
	if s.used < s.limit && len(s.waiting) == 0 {
		s.used++
		s.mu.Unlock()
		return nil
	}
	if s.bridges >= s.limit {
		s.mu.Unlock()
		return errFull
	}
	turn := make(chan error, 1)
	s.waiting = append(s.waiting, turn)
	s.mu.Unlock()
	c.makeRoom()
	var err error
	select {
	case err := <-turn:
		return err
	case <-ctx.Done():
		err = ctx.Err()
	case <-c.done:
		err = c.broken(nil)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.waiting, turn); i >= 0 {
		s.waiting = slices.Delete(s.waiting, i, i+1)
	} else if <-turn == nil {
		s.used-- // our turn came meanwhile
	}
	s.next()
	return err
}

// takeForBridge takes a session if that leaves some to others, and does not wait.
func (s *slots) takeForBridge(spare int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.used >= s.limit-spare || len(s.waiting) > 0 {
		return false
	}
	s.used++
	s.bridges++
	return true
}

// give gives a session back.
func (s *slots) give(bridge bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used--
	if bridge {
		s.bridges--
	}
	s.next()
}

// refuse gives back what sshd did not give: as many as are open it gives, and no
// more. With none open that is no measure: one that ended may not have left its
// count yet. It tells the limit, and whether no other is open.
func (s *slots) refuse(bridge bool) (limit int, alone bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used--
	if bridge {
		s.bridges--
	}
	if s.used > 0 {
		s.limit = min(s.limit, s.used)
	}
	s.next()
	return s.limit, s.used == 0
}

// crowded says that somebody waits for the only session that is left to commands.
func (s *slots) crowded() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.limit-s.bridges == 1 && len(s.waiting) > 0
}

// idle says that no session is open.
func (s *slots) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.used == 0
}

// next serves who waits; mu is held.
func (s *slots) next() {
	for len(s.waiting) > 0 && (s.used < s.limit || s.bridges >= s.limit) {
		if s.used < s.limit {
			s.used++
			s.waiting[0] <- nil
		} else {
			s.waiting[0] <- errFull
		}
		s.waiting = s.waiting[1:]
	}
}
