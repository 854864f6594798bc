// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/group"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// ErrAway says that other members of a server's group are away for too long.
var ErrAway = errors.New("not all other members of its group are online")

// absence is how long a server that is online itself waits for the same others.
type absence struct {
	of    string
	since time.Time
}

// over says that nothing has changed about the others for as long as a machine may take
// to boot. One that takes what it missed is on its way, however long that is; and so is
// the server itself.
func (a *absence) over(view group.View, missing []string, now time.Time) bool {
	of := strings.Join(missing, ", ")
	if own := view.Own(); !own.Online() || strings.Contains(of, "RECOVERING") || of != a.of {
		a.of, a.since = of, now
	}
	return of != "" && now.Sub(a.since) >= backPatience
}

// lasts is an error once their absence is over the time that it may take.
func (a *absence) lasts(view group.View, missing []string, now time.Time) error {
	if !a.over(view, missing, now) {
		return nil
	}
	return fmt.Errorf("%w: %s, for %s. Nothing else is taken down. Bring it back, or take it out of the configuration, and apply again", ErrAway, a.of, backPatience)
}

const (
	// gonePatience is how long the machine of an absent member may be silent by SSH, too:
	// as long as a machine that did not answer is taken for one that does not.
	gonePatience = time.Minute
	// goneBeat lies between two looks at such a machine.
	goneBeat = 10 * time.Second
)

// machines looks after those of members that are not online. What boots answers by SSH
// soon; of one that does not, nobody has to wait for the time that its server may take.
type machines struct {
	// of gives the machine of a member that this process was at, nil for another's.
	of     func(id string) remote.Host
	silent silences
	next   time.Time
}

// gone is an error once a machine is.
func (m *machines) gone(ctx context.Context, ids map[string]string) error {
	now := time.Now()
	if len(ids) == 0 || now.Before(m.next) {
		return nil
	}
	heard := map[string]error{}
	for id, member := range ids {
		if host := m.of(id); host != nil {
			heard[member] = host.Prove(ctx)
		}
	}
	m.next = time.Now().Add(goneBeat)
	return m.silent.last(heard, now)
}

// lasts is an error once waiting for the missing has no end in sight: their machines are
// gone, or nothing has changed for as long as one may take to boot.
func (w *work) lasts(ctx context.Context) func(view group.View, missing []string) error {
	var others absence
	looks := machines{of: w.run.Machine, silent: silences{}}
	return func(view group.View, missing []string) error {
		err := others.lasts(view, missing, time.Now())
		if err == nil && len(missing) > 0 {
			err = looks.gone(ctx, absentees(view, w.run.Awaited(view)))
		}
		return err
	}
}

// silences are since when which members' machines do not answer.
type silences map[string]time.Time

// last is an error once one has been silent for long. heard is how asking those of absent
// members went. Only a machine that cannot be reached is silent.
func (s *silences) last(heard map[string]error, now time.Time) error {
	still := silences{}
	var problems []error
	for member, err := range heard {
		if !errors.Is(err, remote.ErrUnreachable) {
			continue
		}
		since, known := (*s)[member]
		if !known {
			since = now
		}
		still[member] = since
		if now.Sub(since) >= gonePatience {
			problems = append(problems, fmt.Errorf("%w: the machine of %s has not answered for %s: %w. Nothing else is taken down. Bring it back, or, if it is gone for good, add its public address to lost in the provider block, and apply again",
				ErrAway, member, gonePatience, err))
		}
	}
	*s = still
	return errors.Join(problems...)
}

// absentees are the members that are not online, or that the cluster counts on and the
// group does not see, by their UUIDs.
func absentees(view group.View, awaited []group.Registration) map[string]string {
	ids := map[string]string{}
	for _, member := range view.Members {
		if !member.Online() && member.ID != view.Self {
			ids[member.ID] = member.Endpoint()
		}
	}
	for _, one := range awaited {
		ids[one.ID] = one.Address
	}
	return ids
}
