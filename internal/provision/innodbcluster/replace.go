// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqld"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// ErrClone says that a member did not get the data of another one.
var ErrClone = errors.New("the clone did not succeed")

// errNoSupervisor is MySQL's number for a server that cannot start itself again after a
// clone, though all was copied (ER_RESTART_SERVER_FAILED).
const errNoSupervisor = 3707

// replace gives a member the data of a donor in the place of its own, and lets it in
// as any other that comes back. What it had is gone from the moment that the clone
// begins. One that is ended in the middle leaves the server out of the group: with what
// it had, or with a copy of the group's.
func (r *run) replace(ctx context.Context, o Replace) error {
	if err := r.wayIn(ctx, o.Member); err != nil {
		return err
	}
	primary, err := r.server(r.diagnosis.Primary)
	if err != nil {
		return err
	}
	member, err := r.server(o.Member)
	if err != nil {
		return err
	}
	if err := member.Run(ctx, "stopping group replication", "STOP GROUP_REPLICATION"); err != nil {
		return err
	}
	// What it received and did not apply would be applied to the copy.
	if err := member.forgetChannels(ctx); err != nil {
		return err
	}
	secret, err := r.account(ctx, primary, o.Member)
	if err != nil {
		return err
	}
	if err := r.clone(ctx, o, secret); err != nil {
		return err
	}
	return r.join(ctx, o.Member)
}

// joinByClone lets a server in that first takes a copy, outside of the group: a member
// that clones leaves the group in the middle, for a start with the copy, and XCom takes
// seconds for each way. A copy that an ended apply began is waited for: the next look
// says what it still lacks.
func (r *run) joinByClone(ctx context.Context, o Join) error {
	if whole, err := r.awaitCopy(ctx, o.Member); err != nil || whole {
		return err
	}
	return r.replace(ctx, Replace{o.Member, o.Donor})
}

// clone copies a donor of the group.
func (r *run) clone(ctx context.Context, o Replace, secret string) error {
	donor := r.cluster.Members[o.Donor]
	from := origin{name: o.Donor, address: donor.Address, port: donor.Port, user: r.cluster.Members[o.Member].Account(), password: secret}
	if r.cluster.trust.verifies(o.Member) { // as Group Replication does for its own clones
		from.ca = mysqld.MembersFile
	}
	return r.copyOf(ctx, o.Member, from)
}

// origin is whom a server clones, and as whom.
type origin struct {
	name, address  string
	port           int
	user, password string
	// ca is the file by which it is verified; "" for not at all.
	ca string
}

// copyOf clones, and waits for the server that starts itself again then.
func (r *run) copyOf(ctx context.Context, key string, from origin) error {
	copying, err := connect(key, r.hosts[key])
	if err != nil {
		return err
	}
	defer copying.Close()
	began, err := copying.Text(ctx, "asking for the time", "SELECT NOW(3)")
	if err != nil {
		return err
	}
	statements := []string{
		"SET GLOBAL super_read_only = OFF", "SET GLOBAL clone_valid_donor_list = " + literal(net.JoinHostPort(from.address, strconv.Itoa(from.port))),
	}
	if from.ca != "" {
		statements = append(statements, "SET GLOBAL clone_ssl_ca = "+literal(from.ca))
	}
	// A donor serves one at a time, and refuses the others; the start that follows is the
	// member's own.
	next, err := r.cloning.pass(ctx)
	if err != nil {
		return err
	}
	defer next()
	ended := make(chan error, 1)
	go func() {
		ended <- copying.Run(ctx, "cloning "+from.name, append(statements,
			fmt.Sprintf("CLONE INSTANCE FROM %s@%s:%d IDENTIFIED BY %s REQUIRE SSL", literal(from.user), literal(from.address), from.port, literal(from.password)))...)
	}()
	following := follower{away: true}
	for cloning := true; cloning; {
		select {
		case err = <-ended:
			cloning = false
		case <-time.After(pause):
			following.follow(ctx, r, key)
		}
	}
	next()
	var known *mysql.MySQLError
	if errors.As(err, &known) && known.Number != errNoSupervisor {
		return errors.Join(err, r.closeAgain(ctx, key))
	}
	return r.cloned(ctx, key, began, err)
}

// cloned waits for the server and asks what became of it: the session of a clone ends
// with the server's own start, whether it succeeded or not. began is when, by its own
// clock, and why the error that its session ended with.
func (r *run) cloned(ctx context.Context, key, began string, why error) error {
	for heard := time.Now(); ; {
		member, err := r.reconnect(key)
		if err != nil {
			return err
		}
		said, err := member.Text(ctx, "asking for the clone", "SELECT CONCAT_WS(' ', state, NULLIF(error_no, 0), NULLIF(error_message, '')) FROM performance_schema.clone_status WHERE begin_time >= ?", began)
		switch {
		case err == nil && said == "Completed":
			return nil
		case err == nil && said != "In Progress":
			return errors.Join(fmt.Errorf("%w: member %s says %q of it", ErrClone, key, said), why)
		case time.Since(heard) > absence:
			if err := r.alive(ctx, key); err != nil {
				return err
			}
			heard = time.Now()
		}
		if err := remote.Pause(ctx, pause); err != nil {
			return fmt.Errorf("waiting for member %s after its clone: %w", key, err)
		}
	}
}
