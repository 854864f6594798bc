// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// gates let the members of one group restart one after another, whatever
// Terraform's parallelism.
var gates sync.Map // of group name to chan struct{}

// primaryWaits is how long the primary lets secondaries go first.
const primaryWaits = 3 * time.Second

// errUnknown: without the server's own word nothing is done to it.
var errUnknown = errors.New("whether it is in a group is not known, since it does not run")

// poll lies between two looks at a group.
const poll = time.Second

// restart restarts the server. In a group it waits for its turn and for all
// others to be online, hands the primary's role over first, and ends when the
// server is online again.
func (c Config) restart(ctx context.Context, host remote.Host, status Status) error {
	if !status.Answers {
		return fmt.Errorf("restarting the server on %s: %w", host.Target().Host, errUnknown)
	}
	if len(status.Members) < 2 {
		return c.restartUnit(ctx, host)
	}
	if status.role() == "PRIMARY" {
		if err := remote.Pause(ctx, primaryWaits); err != nil {
			return err
		}
	}
	release, err := turn(ctx, status.GroupName)
	if err != nil {
		return err
	}
	defer release()
	status, err = c.awaitOnline(ctx, host, len(status.Members))
	if err != nil {
		return fmt.Errorf("a restart has to wait until all members are online: %w", err)
	}
	if err := status.handOver(ctx, host); err != nil {
		return err
	}
	if err := c.restartUnit(ctx, host); err != nil {
		return err
	}
	_, err = c.awaitOnline(ctx, host, len(status.Members))
	return err
}

// turn waits until no other member of the group is on its way out or in.
func turn(ctx context.Context, group string) (release func(), err error) {
	value, _ := gates.LoadOrStore(group, make(chan struct{}, 1))
	gate, _ := value.(chan struct{})
	select {
	case gate <- struct{}{}:
		return func() { <-gate }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// handOver gives the primary's role to another member, if the server has it.
func (s Status) handOver(ctx context.Context, host remote.Host) error {
	successor := s.successor()
	if s.role() != "PRIMARY" || successor == "" {
		return nil
	}
	_, err := host.Run(ctx, remote.Command{Name: "handing the primary's role over", Long: true,
		Script: mysqlroot.Script("SELECT group_replication_set_as_primary('" + successor + "')")})
	return err
}

func (c Config) restartUnit(ctx context.Context, host remote.Host) error {
	return converge.Apply(ctx, host, converge.Manifest{Owner: Owner}, []converge.Step{{
		Title:  "restart " + Unit,
		Effect: converge.Effect{Kind: converge.EffectRestart, Name: Unit},
		Script: "systemctl restart " + Unit + " || { journalctl -q -n 15 -o cat -u " + Unit + " >&2; exit 1; }",
	}})
}

// awaitOnline waits until the server sees that many members and all are online.
func (c Config) awaitOnline(ctx context.Context, host remote.Host, count int) (Status, error) {
	for {
		status, err := c.ask(ctx, host)
		if err != nil {
			return status, err
		}
		missing := status.notOnline()
		if status.Answers && len(missing) == 0 && len(status.Members) >= count {
			return status, nil
		}
		if err := remote.Pause(ctx, poll); err != nil {
			return status, fmt.Errorf("%w: %d of %d members seen, not online: %s", err, len(status.Members), count, strings.Join(missing, ", "))
		}
	}
}

func (s Status) role() string {
	for _, member := range s.Members {
		if member.ID == s.UUID {
			return member.Role
		}
	}
	return ""
}

// successor is another online member that can take the primary's role.
func (s Status) successor() string {
	for _, member := range s.Members {
		if member.ID != s.UUID && member.State == "ONLINE" {
			return member.ID
		}
	}
	return ""
}

func (s Status) notOnline() []string {
	var list []string
	for _, member := range s.Members {
		if member.State != "ONLINE" {
			list = append(list, fmt.Sprintf("%s:%d %s", member.Host, member.Port, member.State))
		}
	}
	return list
}
