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
// wait until the primary sees it online. What it lacks comes from the binary logs.
func (r *run) join(ctx context.Context, key string) (err error) {
	diagnosis := r.diagnosis
	primary, err := r.server(diagnosis.Primary)
	if err != nil {
		return err
	}
	joiner, err := r.server(key)
	if err != nil {
		return err
	}
	member := r.cluster.Members[key]
	// Stopped first: one that is trying to come in must not meet a password
	// that changes under it.
	if err := joiner.Run(ctx, "stopping group replication", "STOP GROUP_REPLICATION"); err != nil {
		return err
	}
	secret, err := r.account(ctx, primary, key)
	if err != nil {
		return err
	}
	accounts, err := primary.accounts(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil && r.seen[key].SuperReadOnly {
			err = errors.Join(err, r.closeAgain(ctx, key))
		}
	}()
	if err := joiner.prepare(ctx, r.cluster, key, diagnosis.GroupName, accounts, secret); err != nil {
		return err
	}
	began, err := joiner.Text(ctx, "asking for the time", "SELECT NOW(6)")
	if err != nil {
		return err
	}
	if err := r.enter(ctx, primary, joiner, member); err != nil {
		return err
	}
	if err := r.await(ctx, diagnosis.Primary, key, began); err != nil {
		return err
	}
	uuid, err := joiner.Text(ctx, "asking for the UUID", "SELECT @@server_uuid")
	if err != nil {
		return err
	}
	return primary.register(ctx, r.identified(), member, uuid)
}

// enter starts a joiner, one after another: two that a group adds in one moment both
// count for its majority before either answers, and XCom stands still until it has
// dialled them again. Whom the primary has in its view is in, though the start itself
// takes a second to see it; what comes after, several do at once.
func (r *run) enter(ctx context.Context, primary, joiner *server, member Member) error {
	next, err := r.entering.pass(ctx)
	if err != nil {
		return err
	}
	defer next()
	started := make(chan error, 1)
	go func() { started <- group.Start(ctx, joiner.Session) }()
	for {
		select {
		case err := <-started:
			return err
		case <-time.After(pause / 5):
		}
		if state, err := primary.stateOf(ctx, member); err == nil && (state == "RECOVERING" || state == "ONLINE") {
			next()
		}
	}
}

// stateOf is what a server sees a member as; "" is not at all.
func (s *server) stateOf(ctx context.Context, member Member) (string, error) {
	return s.Text(ctx, "watching the joiner", "SELECT member_state FROM performance_schema.replication_group_members WHERE member_host = ? AND member_port = ?",
		member.Address, member.Port)
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
func (s *server) prepare(ctx context.Context, c Cluster, key, name string, accounts []copyAccount, secret string) error {
	statements := []string{
		"SET SESSION sql_log_bin = 0", "SET GLOBAL group_replication_force_members = ''", "SET GLOBAL super_read_only = OFF", "SET GLOBAL offline_mode = OFF",
	}
	for _, account := range accounts {
		statements = append(statements, account.statements()...)
	}
	statements = append(statements, "SET SESSION sql_log_bin = 1", channelStatement(c.Members[key].Account(), secret))
	statements = append(statements, c.persistStatements(key, name)...)
	// An earlier version of ours set it to clone.
	statements = append(statements, "SET GLOBAL group_replication_clone_threshold = DEFAULT")
	return s.Run(ctx, "preparing the joiner", statements...)
}

// await waits until the primary sees the member online. RECOVERING is progress
// however long it takes; ERROR, or an absence, is not.
//
// began is when it started, by its own clock; "" is not known.
func (r *run) await(ctx context.Context, primaryKey, key, began string) error {
	primary, err := r.server(primaryKey)
	if err != nil {
		return err
	}
	lastSeen := time.Now()
	var following follower
	for {
		state, err := primary.stateOf(ctx, r.cluster.Members[key])
		if err != nil {
			return err
		}
		switch {
		case state == "ONLINE":
			return nil
		case state == "RECOVERING":
			following.follow(ctx, r, key)
			lastSeen = time.Now()
			if began, err = r.hopeless(ctx, key, began); err != nil {
				return err
			}
		case time.Since(lastSeen) > absence:
			return r.failed(ctx, key, state)
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
		return group.Missing
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
