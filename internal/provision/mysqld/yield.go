// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// ErrAlone says that nobody else has what the server has.
var ErrAlone = errors.New("no other server has its data")

// backPatience is how long a machine may take to boot after it was away.
const backPatience = 5 * time.Minute

// Yield makes the machine of a server dispensable: the primary's role goes to
// another member, the group keeps its quorum, and no other member of it goes
// down until the machine was told to be back. One that is discarded leaves its
// group, too.
//
// A server that the site cannot spare is refused with ErrQuorum or ErrAlone.
func (Plugin) Yield(ctx context.Context, host remote.Host, intent provision.Intent) (provision.Resume, error) {
	discard := intent == provision.Discard
	status, err := (Config{}).settled(ctx, host)
	if err != nil {
		return nil, err
	}
	nothing := func(context.Context) error { return nil }
	switch {
	case !status.Answers && !discard:
		return nothing, nil // what is down cannot be missed
	case !status.Answers:
		return nil, fmt.Errorf("%w, as far as can be known: MySQL on the machine does not answer. Start it, or destroy its atoll_mysql_server first", ErrAlone)
	case status.othersOnline() == 0 && discard:
		return nil, fmt.Errorf("%w: it sees no other member online. Let another one join first, or destroy its atoll_mysql_server first", ErrAlone)
	case status.othersOnline() == 0:
		return nil, fmt.Errorf("%w: the databases would stand still. Let another member join first, or stop MySQL on the machine yourself and apply again", ErrAlone)
	}
	status, release, err := spared(ctx, host, status.GroupName)
	if err != nil {
		return nil, err
	}
	if discard {
		if err := stopMember(ctx, host); err != nil {
			release()
			return nil, err
		}
		return func(context.Context) error { release(); return nil }, nil
	}
	count := len(status.Members)
	return func(ctx context.Context) error {
		defer release()
		if err := host.Await(ctx, backPatience); err != nil {
			return err
		}
		_, err := (Config{}).awaitOnline(ctx, host, count)
		return err
	}, nil
}

// spared waits for the server's turn in its group, refuses where the others
// would have no quorum without it, and hands the primary's role over.
func spared(ctx context.Context, host remote.Host, group string) (Status, func(), error) {
	release, err := turn(ctx, group)
	if err != nil {
		return Status{}, nil, err
	}
	status, err := (Config{}).ask(ctx, host)
	if err == nil {
		online := status.othersOnline()
		if others := len(status.Members) - 1; online*2 <= others {
			err = fmt.Errorf("%w: of the %d others only %d are online (%s). Mend them first", ErrQuorum, others, online, strings.Join(status.notOnline(), ", "))
		}
	}
	if err == nil {
		err = status.handOver(ctx, host)
	}
	if err != nil {
		release()
		return status, nil, err
	}
	return status, release, nil
}
