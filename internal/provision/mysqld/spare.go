// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/group"
)

// share says how many of the other members have to be ONLINE before one may go. Those
// that are declared lost do not count, and the others have the time to come back.
type share int

const (
	// allOthers is for a machine that goes down, or whose disk is thrown away.
	allOthers share = iota
	// mostOthers is for a server that is taken out of the configuration: another one may
	// have left in a run that was cut off, and is counted on until its cluster is applied.
	mostOthers
)

// decide names those that are waited for, in a view that counts the absent ones as well;
// over says that they had their time. The error is the refusal. Without either the server
// may go.
func (s share) decide(view group.View, over bool) (missing []string, err error) {
	for _, member := range view.Members {
		if member.ID != view.Self && !member.Online() {
			missing = append(missing, member.Endpoint()+" "+member.State)
		}
	}
	switch {
	case len(missing) == 0:
		return nil, view.Spares(view.Self)
	case !over:
		return missing, nil
	case s == mostOthers:
		if err = view.Spares(view.Self); err == nil {
			return nil, nil
		}
	}
	return missing, errors.Join(err, fmt.Errorf("%w: %s, for %s. Nothing else is taken down. Bring it back; or, if it is gone for good, add its public address to lost in the provider block, "+
		"or take it out of the cluster's members in an apply of its own; and apply again", ErrAway, strings.Join(missing, ", "), backPatience))
}

// others looks for those that keep the server from going.
func (w *work) others(ctx context.Context, needs share) lookout {
	var others absence
	var underlay map[string]string
	looks := machines{of: w.run.Machine, silent: silences{}}
	return func(view group.View) ([]string, error) {
		if view.Self == "" {
			return nil, nil // it is on its way up or down, and await sees that
		}
		awaited := w.run.Awaited(view)
		if len(awaited) > 0 && underlay == nil {
			var err error
			if underlay, err = converge.Ask(ctx, w.host, underlayQuestion()); err != nil {
				return nil, err
			}
		}
		awaited = slices.DeleteFunc(awaited, func(one group.Registration) bool { return declaredLost(one.Address, underlay, w.lost) })
		counted := view.Counting(awaited)
		missing, _ := needs.decide(counted, false)
		missing, err := needs.decide(counted, others.over(view, missing, time.Now()))
		if err == nil && needs == allOthers {
			err = looks.gone(ctx, absentees(view, awaited))
		}
		return missing, publicly(err, underlay)
	}
}

// publicly adds to a refusal the public addresses of the machines that it names, which
// are what lost takes.
func publicly(err error, underlay map[string]string) error {
	if !errors.Is(err, ErrAway) {
		return err
	}
	var known []string
	for inside, outside := range underlay {
		if strings.Contains(err.Error(), net.JoinHostPort(inside, "")) {
			known = append(known, inside+" is "+outside)
		}
	}
	if len(known) == 0 {
		return err
	}
	slices.Sort(known)
	return fmt.Errorf("%w (%s)", err, strings.Join(known, ", "))
}

// spared waits until the site can do without the server, takes the group's turn, and
// hands the primary's role over.
func (w *work) spared(ctx context.Context, purpose string, needs share) (Status, *group.Lease, error) {
	others := w.others(ctx, needs)
	status, err := w.await(ctx, others)
	if err != nil {
		return status, nil, err
	}
	status, lease, err := w.inTurn(ctx, status.View, purpose, others)
	if err != nil {
		return status, nil, err
	}
	if err = w.handOver(ctx, status.View); err == nil {
		err = lease.Lost(ctx)
	}
	if err != nil {
		lease.Release()
		return status, nil, err
	}
	return status, lease, nil
}
