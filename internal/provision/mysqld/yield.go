// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// ErrAlone says that nobody else has what the server has.
var ErrAlone = errors.New("no other server has its data")

// backPatience is how long a machine may take to boot after it was away.
const backPatience = 5 * time.Minute

// Yield makes the machine of a server dispensable: the primary's role goes to
// another member, the group keeps its quorum, and no other member of it goes
// down until the machine was told to be back. A server whose machine pauses is
// stopped here, in its turn: the turn ends with the machine, and from then on
// the others see who is missing. One that is discarded leaves its group.
//
// A server that the site cannot spare is refused with ErrQuorum, ErrAlone or ErrAway.
func (p *Plugin) Yield(ctx context.Context, host remote.Host, intent provision.Intent) (provision.Resume, error) {
	w := p.begin(host, Config{})
	resume, err := w.yield(ctx, intent)
	if err != nil {
		w.place.End()
		return nil, err
	}
	return func(ctx context.Context) error { defer w.place.End(); return resume(ctx) }, nil
}

func (w *work) yield(ctx context.Context, intent provision.Intent) (provision.Resume, error) {
	status, err := w.config.settled(ctx, w.host)
	if err != nil {
		return nil, err
	}
	discard := intent == provision.Discard
	switch alone := status.View.OthersOnline() == 0; {
	case !status.Answers && !discard:
		return func(context.Context) error { return nil }, nil // what is down cannot be missed
	case !status.Answers:
		return nil, fmt.Errorf("%w, as far as can be known: MySQL on the machine does not run. Start it, or destroy its atoll_mysql_server first", ErrAlone)
	case alone && discard:
		return nil, fmt.Errorf("%w: it sees no other member online. Let another one join first, or destroy its atoll_mysql_server first", ErrAlone)
	case alone:
		return nil, fmt.Errorf("%w: the databases would stand still. Let another member join first, or stop MySQL on the machine yourself and apply again", ErrAlone)
	}
	w.place.In(status.View.Name)
	verb := "pausing the machine of "
	if discard {
		verb = "discarding the machine of "
	}
	status, lease, err := w.spared(ctx, verb+status.View.Own().Endpoint(), allOthers)
	if err != nil {
		return nil, err
	}
	if discard {
		if err := w.leave(ctx, status); err != nil {
			lease.Release()
			return nil, err
		}
		return func(context.Context) error { lease.Release(); return nil }, nil
	}
	if err := w.unit(ctx, "stop"); err != nil {
		lease.Release()
		return nil, errors.Join(err, w.unit(ctx, "start"))
	}
	return func(ctx context.Context) error {
		defer lease.Release()
		return w.back(ctx, len(status.View.Members))
	}, nil
}

// back waits for the machine, and for its server to be a member again.
func (w *work) back(ctx context.Context, count int) error {
	if err := w.host.Await(ctx, backPatience); err != nil {
		return err
	}
	// It has started by itself, unless the machine never went down.
	if err := w.unit(ctx, "start"); err != nil {
		return err
	}
	_, err := w.awaitBack(ctx, count)
	return err
}

func (w *work) unit(ctx context.Context, verb string) error {
	kind := converge.EffectStart
	if verb == "stop" {
		kind = converge.EffectStop
	}
	return converge.Apply(ctx, w.host, converge.Manifest{Owner: Owner}, []converge.Step{{
		Title: verb + " " + Unit, Script: "systemctl " + verb + " " + Unit, Effect: converge.Effect{Kind: kind, Name: Unit},
	}})
}
