// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/group"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqld"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// absence is how long a joiner that needs no restart may be missing from the group's
// view before it counts as failed.
const absence = 30 * time.Second

// errAbsent: a member that should be on its way in is not.
var errAbsent = errors.New("the member does not come online")

// join brings a server into the group, for the first time or again: the account
// on the primary, all accounts on the joiner, its variables, the start, and the
// wait until the primary sees it online.
func (r *run) join(ctx context.Context, o Join) (err error) {
	diagnosis := r.diagnosis
	primary, err := r.server(diagnosis.Primary)
	if err != nil {
		return err
	}
	joiner, err := r.server(o.Member)
	if err != nil {
		return err
	}
	member := r.cluster.Members[o.Member]
	// Stopped first: one that is trying to come in must not meet a password
	// that changes under it.
	if err := joiner.Run(ctx, "stopping group replication", "STOP GROUP_REPLICATION"); err != nil {
		return err
	}
	secret, err := r.account(ctx, primary, o.Member)
	if err != nil {
		return err
	}
	accounts, err := primary.accounts(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil && r.seen[o.Member].SuperReadOnly {
			err = errors.Join(err, r.closeAgain(ctx, o.Member))
		}
	}()
	if err := joiner.prepare(ctx, r.cluster, o, diagnosis.GroupName, accounts, secret); err != nil {
		return err
	}
	began, err := joiner.Text(ctx, "asking for the time", "SELECT NOW(6)")
	if err != nil {
		return err
	}
	if err := group.Start(ctx, joiner.Session); err != nil {
		return err
	}
	if err := r.await(ctx, diagnosis.Primary, o, began); err != nil {
		return err
	}
	if o.Clone {
		// The session ended with the server's own restart, and the clone
		// brought the donor's account.
		if joiner, err = r.reconnect(o.Member); err != nil {
			return err
		}
		if err := joiner.Run(ctx, "renewing the recovery account", channelStatement(member.Account(), secret), "SET GLOBAL group_replication_clone_threshold = DEFAULT"); err != nil {
			return err
		}
	}
	uuid, err := joiner.Text(ctx, "asking for the UUID", "SELECT @@server_uuid")
	if err != nil {
		return err
	}
	return primary.register(ctx, r.identified(), member, uuid)
}

// closeAgain leaves a server that did not get in as it was found: one that takes
// no writes.
func (r *run) closeAgain(ctx context.Context, key string) error {
	quick, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	joiner, err := r.reconnect(key)
	if err != nil {
		return err
	}
	return joiner.Run(quick, "closing the server again", "SET GLOBAL super_read_only = ON")
}

// account makes sure that the joiner's account is on every member that the
// joiner may dial, with a password that this run knows.
func (r *run) account(ctx context.Context, primary *server, key string) (string, error) {
	r.mu.Lock()
	secret, known := r.passwords[key]
	r.mu.Unlock()
	if known {
		return secret, nil
	}
	secret = password()
	if err := primary.Run(ctx, "making the recovery account", accountStatements(r.cluster.recoverer(r.cluster.Members[key]), secret)...); err != nil {
		return "", err
	}
	if err := r.reached(ctx, primary); err != nil {
		return "", err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.passwords[key] = secret
	return secret, nil
}

// prepare readies the joiner without a trace in its binary log: transactions of
// its own would keep it out.
func (s *server) prepare(ctx context.Context, c Cluster, o Join, name string, accounts []copyAccount, secret string) error {
	statements := []string{
		"SET SESSION sql_log_bin = 0", "SET GLOBAL group_replication_force_members = ''", "SET GLOBAL super_read_only = OFF", "SET GLOBAL offline_mode = OFF",
	}
	for _, account := range accounts {
		statements = append(statements, account.statements()...)
	}
	threshold := "DEFAULT"
	if o.Clone {
		threshold = "1"
	}
	statements = append(statements, "SET SESSION sql_log_bin = 1", channelStatement(c.Members[o.Member].Account(), secret))
	statements = append(statements, c.persistStatements(o.Member, name)...)
	statements = append(statements, "SET GLOBAL group_replication_clone_threshold = "+threshold)
	return s.Run(ctx, "preparing the joiner", statements...)
}

// await waits until the primary sees the member online. RECOVERING is progress
// however long it takes; ERROR, or an absence without a clone's restart, is not.
//
// began is when it started, by its own clock; "" is not known.
func (r *run) await(ctx context.Context, primaryKey string, o Join, began string) error {
	key, clone := o.Member, o.Clone
	primary, err := r.server(primaryKey)
	if err != nil {
		return err
	}
	member := r.cluster.Members[key]
	lastSeen := time.Now()
	var following follower
	for {
		state, err := primary.Text(ctx, "watching the joiner", "SELECT member_state FROM performance_schema.replication_group_members WHERE member_host = ? AND member_port = ?",
			member.Address, member.Port)
		if err != nil {
			return err
		}
		if state == "RECOVERING" || clone && state != "ONLINE" {
			following.away = state != "RECOVERING"
			following.follow(ctx, r, key)
		}
		switch {
		case state == "ONLINE":
			return nil
		case state == "RECOVERING":
			lastSeen = time.Now()
			if began, err = r.hopeless(ctx, key, began); err != nil && !clone {
				return err
			}
		case !clone && time.Since(lastSeen) > absence:
			return r.failed(ctx, key, state)
		case clone && time.Since(lastSeen) > absence:
			// The server restarts itself after a clone, which may take long
			// with much data; one that gave up does not come back.
			if err := r.alive(ctx, key); err != nil {
				return err
			}
			lastSeen = time.Now()
		}
		if err := remote.Pause(ctx, pause/2); err != nil {
			return fmt.Errorf("the primary saw it %s last%s: %w", strings.ToLower(orMissing(state)), following.said(), err)
		}
	}
}

// ErrRecovery says that what the joiner gets from the group cannot be applied there.
var ErrRecovery = errors.New("its recovery from the group's binary logs cannot succeed")

// hopeless is an error once the joiner's recovery has stopped at something that
// it cannot apply, after the given moment of its own clock; without one it says
// what the moment is. Group Replication itself would try ten donors, a minute
// apart, with what each of them has alike. A joiner that says nothing may be
// starting again.
func (r *run) hopeless(ctx context.Context, key, since string) (string, error) {
	joiner, err := r.server(key)
	if err != nil {
		return since, nil
	}
	if since == "" {
		since, _ = joiner.Text(ctx, "asking for the time", "SELECT NOW(6)")
		return since, nil
	}
	why, _ := joiner.Text(ctx, "asking for the recovery", `SELECT MAX(last_error_message) FROM
 (SELECT last_error_message, last_error_timestamp FROM performance_schema.replication_applier_status_by_worker WHERE channel_name = 'group_replication_recovery' AND last_error_number <> 0
 UNION ALL SELECT last_error_message, last_error_timestamp FROM performance_schema.replication_applier_status_by_coordinator WHERE channel_name = 'group_replication_recovery' AND last_error_number <> 0) AS errors
 WHERE last_error_timestamp > ?`, since)
	if why == "" {
		return since, nil
	}
	// Outside of the group it can be joined otherwise; in it, it would be waited for.
	quick, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	_ = joiner.Run(quick, "giving up the recovery", "STOP GROUP_REPLICATION")
	return since, fmt.Errorf("member %s: %w: %s. Set recovery_method = \"clone\", which gives it a copy of all of the group's data in the place of its own, or mend what differs", key, ErrRecovery, why)
}

func orMissing(state string) string {
	if state == "" {
		return "MISSING"
	}
	return state
}

// alive says whether the joiner's unit still tries.
func (r *run) alive(ctx context.Context, key string) error {
	_, err := r.hosts[key].Run(ctx, remote.Command{Name: "looking after the clone", Reads: true, Script: "if systemctl is-failed -q " + mysqld.Unit +
		"; then echo 'the server did not come back after the clone:' >&2; grep ERROR /var/log/mysql/error.log | tail -n 3 >&2; exit 1; fi"})
	return err
}

// failed adds what the joiner's own log says.
func (r *run) failed(ctx context.Context, key, state string) error {
	why := ""
	if joiner, err := r.server(key); err == nil {
		why = joiner.GroupErrors(ctx)
	}
	return fmt.Errorf("%w: member %s is %s%s", errAbsent, key, orMissing(state), why)
}

// credential gives a running member its own account again.
func (r *run) credential(ctx context.Context, primary *server, key string) error {
	member, err := r.server(key)
	if err != nil {
		return err
	}
	secret, account := password(), r.cluster.Members[key].Account()
	if err := primary.Run(ctx, "renewing the recovery account", accountStatements(r.cluster.recoverer(r.cluster.Members[key]), secret)...); err != nil {
		return err
	}
	return member.Run(ctx, "telling the member its recovery account", channelStatement(account, secret))
}
