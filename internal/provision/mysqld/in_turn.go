// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/group"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// lookout names the members that somebody has to wait for, in a view. It ends the wait with
// an error, also where it names none.
type lookout func(group.View) (missing []string, err error)

// inTurn takes the group's turn, and holds it while nobody is missing. Who comes back takes
// the turn for that, so nobody waits for him with the turn in hand: it is given back, and
// taken again when he seems to be there.
func (w *work) inTurn(ctx context.Context, view group.View, purpose string, who lookout) (Status, *group.Lease, error) {
	for {
		lease, err := group.TakeFrom(ctx, w.host, view, purpose)
		if err != nil {
			return Status{}, nil, err
		}
		status, list, err := w.look(ctx, who)
		if err == nil && len(list) == 0 {
			return status, lease, nil
		}
		lease.Release()
		if err == nil {
			status, err = w.await(ctx, who)
		}
		if err != nil {
			return status, nil, err
		}
		view = status.View
	}
}

// look asks once who is missing.
func (w *work) look(ctx context.Context, who lookout) (Status, []string, error) {
	status, err := w.config.settled(ctx, w.host)
	if err == nil && !status.Answers {
		err = fmt.Errorf("%s is %s", Unit, status.Unit)
	}
	if err != nil {
		return status, nil, err
	}
	list, err := who(status.View)
	return status, list, err
}

// await asks until nobody is missing. It ends when a sibling has failed, too, and when the
// server does not run any more.
func (w *work) await(ctx context.Context, who lookout) (Status, error) {
	for {
		status, err := w.config.ask(ctx, w.host)
		if err != nil {
			return status, err
		}
		if status.down() {
			return status, fmt.Errorf("%s is %s", Unit, status.Unit)
		}
		list, lasts := who(status.View)
		if status.Answers && len(list) == 0 && lasts == nil {
			return status, nil
		}
		if err := errors.Join(w.place.Failed(), lasts); err != nil {
			return status, err
		}
		if err := remote.Pause(ctx, poll); err != nil {
			return status, fmt.Errorf("%w: not online: %s", err, strings.Join(list, ", "))
		}
	}
}
