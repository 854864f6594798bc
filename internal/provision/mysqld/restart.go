// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/group"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// errUnknown: without the server's own word nothing is done to it.
var errUnknown = errors.New("whether it is in a group is not known, since it does not run")

// poll lies between two looks at a group.
const poll = time.Second

// turn is what a restart is for. The zero turn restarts and does nothing else.
type turn struct {
	// purpose says so to those who wait ("upgrading to 9.7.5"); "" is "restarting".
	purpose string
	// done says in the turn that somebody else has done it in the one before.
	done func(Status) bool
	// before is done to the server that is about to restart, when no other one is away.
	before func(context.Context) error
	// after is an error for one that is back and not as it should be.
	after func(Status) error
}

// restart restarts the server. A member of a group waits for the group's turn
// and for all others to be online, hands the primary's role over first, and
// ends its turn when it is online again.
func (w *work) restart(ctx context.Context, status Status, t turn) error {
	err := w.restartInTurn(ctx, status, t)
	if errors.Is(err, remote.ErrUnreachable) && w.place.Failed() == nil {
		// The others wait for this very machine, and would for as long as it may boot.
		w.place.Fail("does not answer", err)
	}
	return err
}

func (w *work) restartInTurn(ctx context.Context, status Status, t turn) error {
	if !status.Answers {
		return fmt.Errorf("restarting the server on %s: %w", w.host.Target().Host, errUnknown)
	}
	if len(status.View.Members) < 2 {
		if err := t.prepare(ctx); err != nil {
			return err
		}
		return w.restartUnit(ctx, status)
	}
	if status.View.Primary() {
		if err := w.place.Last(ctx); err != nil {
			return err
		}
	}
	own := status.View.Own().Endpoint()
	status, lease, err := w.inTurn(ctx, status.View, cmp.Or(t.purpose, "restarting")+" "+own, w.whole(ctx))
	if err != nil {
		return fmt.Errorf("a restart takes the group's turn when all members are online: %w", err)
	}
	defer lease.Release()
	// One that failed before its restart is online as all others are.
	if err := w.place.Failed(); err != nil {
		return err
	}
	if t.done != nil && t.done(status) {
		return nil
	}
	if err := w.handOver(ctx, status.View); err != nil {
		return err
	}
	if err := t.prepare(ctx); err != nil {
		w.place.Fail("failed before its restart", fmt.Errorf("%s: %w", own, err))
		return err
	}
	if err := w.bootsIntoGroup(ctx, status); err != nil {
		return err
	}
	if err := lease.Lost(ctx); err != nil {
		return err
	}
	if err := w.downAndUp(ctx, status, t); err != nil {
		w.place.Fail("did not come back", fmt.Errorf("%s: %w", own, err))
		return err
	}
	return nil
}

func (t turn) prepare(ctx context.Context) error {
	if t.before == nil {
		return nil
	}
	return t.before(ctx)
}

// downAndUp restarts a member and waits until it is one again.
func (w *work) downAndUp(ctx context.Context, status Status, t turn) error {
	err := w.restartUnit(ctx, status)
	if err == nil {
		err = w.startUnlessAtBoot(ctx, status.View)
	}
	if err != nil {
		return err
	}
	status, err = w.awaitBack(ctx, len(status.View.Members))
	if err == nil && t.after != nil {
		err = t.after(status)
	}
	return err
}

// bootsIntoGroup makes sure that the member starts group replication by itself.
// MySQL Shell does not persist that where it is the default, and the file that the
// server is about to read has it off, for servers that are in no group yet.
func (w *work) bootsIntoGroup(ctx context.Context, status Status) error {
	if status.Persisted[startOnBoot] == "ON" {
		return nil
	}
	return w.startAtBoot(ctx)
}

// startAtBoot lets MySQL itself start the member in its group at boot.
func (w *work) startAtBoot(ctx context.Context) error {
	_, err := w.host.Run(ctx, remote.Command{Name: "keeping the member in its group", Script: mysqlroot.Script("SET PERSIST " + startOnBoot + " = ON")})
	return err
}

// startUnlessAtBoot brings the member in where nobody else does.
func (w *work) startUnlessAtBoot(ctx context.Context, view group.View) error {
	session, err := mysqlroot.Connect(view.Own().Endpoint(), w.host)
	if err != nil {
		return err
	}
	defer session.Close()
	return group.StartUnlessAtBoot(ctx, session)
}

// handOver gives the primary's role to another member, if the server has it. Where
// all others are of a higher version they choose one when the server stops.
func (w *work) handOver(ctx context.Context, view group.View) error {
	successor, found := view.Successor()
	if !view.Primary() || !found {
		return nil
	}
	session, err := mysqlroot.Connect(view.Own().Endpoint(), w.host)
	if err != nil {
		return err
	}
	defer session.Close()
	if !view.TakesFrom(successor) {
		return group.AwaitTransactions(ctx, session)
	}
	return group.HandOver(ctx, session, successor)
}

// restartUnit restarts it; when it does not come up, what the server itself says
// about that is the error: systemd only knows that it ended.
func (w *work) restartUnit(ctx context.Context, status Status) error {
	return converge.Apply(ctx, w.host, converge.Manifest{Owner: Owner}, []converge.Step{{
		Title:  "restart " + Unit,
		Effect: converge.Effect{Kind: converge.EffectRestart, Name: Unit},
		Script: "began=$(date -u +%FT%T)\nsystemctl restart " + Unit + " || { " + whyScript(status.ErrorLog) + "exit 1; }",
	}})
}

// whyScript prints the errors that the server logged since $began, or what
// systemd says where it logged none.
func whyScript(errorLog string) string {
	if !strings.HasPrefix(errorLog, "/") {
		errorLog = "/var/log/mysql/error.log"
	}
	return `why=$(awk -v began="$began" '$1 >= began && /\[ERROR\]/' ` + remote.Quote(errorLog) + ` 2>/dev/null | tail -n 5)
[ -n "$why" ] || why=$(journalctl -q -n 15 -o cat -u ` + Unit + `)
printf '%s\n' "$why" >&2
`
}

// whole looks for members that are not online. Those that the cluster counts on and the
// group does not see may be booting: they get the time for that from the first look on, and
// then the majority decides.
func (w *work) whole(ctx context.Context) lookout {
	var began time.Time
	lasts := w.lasts(ctx)
	return func(view group.View) ([]string, error) {
		if began.IsZero() {
			began = time.Now()
		}
		list := view.NotOnline()
		if time.Since(began) < backPatience {
			for _, awaited := range w.run.Awaited(view) {
				list = append(list, awaited.Address+" "+group.Missing)
			}
		}
		return list, lasts(view, list)
	}
}

// awaitBack waits until the server is one of that many members, all online. Others that
// went away meanwhile get the time to boot.
func (w *work) awaitBack(ctx context.Context, count int) (Status, error) {
	lasts := w.lasts(ctx)
	return w.await(ctx, func(view group.View) ([]string, error) {
		missing := view.NotOnline()
		if away := count - len(view.Members); away > 0 {
			missing = append(missing, fmt.Sprintf("%d more", away))
			for _, awaited := range w.run.Awaited(view) {
				missing = append(missing, awaited.Address+" "+group.Missing)
			}
		}
		return missing, lasts(view, missing)
	})
}
