// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqld"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// persistStatements write a member's variables. Those of the group's mode go
// off before the others go on.
func (c Cluster) persistStatements(key, group string) []string {
	var statements []string
	for _, want := range c.variables(key, group) {
		statements = append(statements, "SET PERSIST "+want.name+" = "+setLiteral(want.value))
	}
	// A member that boots outside of the group must not take writes; the group
	// clears it on the primary.
	return append(statements, "SET PERSIST_ONLY super_read_only = ON")
}

// setLiteral writes numbers bare: SET takes no text for them.
func setLiteral(value string) string {
	for _, r := range value {
		if r < '0' || r > '9' {
			return literal(value)
		}
	}
	if value == "" {
		return "''"
	}
	return value
}

// bootstrap makes the group with one member: a new one, or one that was down
// as a whole and keeps its name. newcomers are the keys of a new group: accounts
// for all of them are made first and stand in the binary log, where the joiners
// find them.
func (r *run) bootstrap(ctx context.Context, key string, newcomers []string) error {
	first, err := r.server(key)
	if err != nil {
		return err
	}
	seen := r.seen[key]
	// What only runs is the name of a group that was left.
	name := seen.Persisted["group_replication_group_name"]
	if row := r.cluster.row(seen); row != nil {
		name = row.Attributes.GroupName
	}
	if name == "" {
		name = newUUID()
	}
	statements := []string{"STOP GROUP_REPLICATION", "SET GLOBAL group_replication_force_members = ''", "SET GLOBAL super_read_only = OFF", "SET GLOBAL offline_mode = OFF"}
	accounts := newcomers
	if len(newcomers) == 0 {
		accounts = []string{key}
	}
	for _, account := range accounts {
		r.passwords[account] = password()
		statements = append(statements, accountStatements(r.cluster.recoverer(r.cluster.Members[account]), r.passwords[account])...)
	}
	statements = append(statements, channelStatement(r.cluster.Members[key].Account(), r.passwords[key]))
	statements = append(statements, r.cluster.persistStatements(key, name)...)
	if err := first.Run(ctx, "preparing the first member", statements...); err != nil {
		return err
	}
	if err := first.startGroup(ctx); err != nil || len(newcomers) == 0 {
		return err
	}
	complete := seen.Executed == "" && len(seen.Schemas) == 0
	if err := first.installMetadata(ctx, r.cluster, name, seen.Version, complete); err != nil {
		return err
	}
	return first.register(ctx, r.cluster, r.cluster.Members[key], seen.UUID)
}

// startGroup bootstraps. The flag that lets a member do so must not outlive the
// moment, whatever happens: with it, the next start makes a second group.
func (s *server) startGroup(ctx context.Context) error {
	err := s.Run(ctx, "starting the group", "SET GLOBAL group_replication_bootstrap_group = ON", "START GROUP_REPLICATION")
	if err != nil {
		err = fmt.Errorf("%w%s", err, s.GroupErrors(ctx))
	}
	quick, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	if clearErr := s.Run(quick, "clearing the bootstrap flag", "SET GLOBAL group_replication_bootstrap_group = OFF"); clearErr != nil {
		err = errors.Join(err, clearErr)
	}
	if err != nil {
		return err
	}
	for {
		writable, err := s.Text(ctx, "waiting for the first member", `SELECT COUNT(*) FROM performance_schema.replication_group_members
 WHERE member_id = @@server_uuid AND member_state = 'ONLINE' AND member_role = 'PRIMARY' AND @@global.super_read_only = 0`)
		if err != nil || writable == "1" {
			return err
		}
		if err := remote.Pause(ctx, pause/5); err != nil {
			return err
		}
	}
}

// force lets the members at addresses go on without the others. The list that
// says so keeps a member from ever starting again, so it must not outlive the
// moment.
func (r *run) force(ctx context.Context, o Force) error {
	member, err := r.server(o.Member)
	if err != nil {
		return err
	}
	err = member.Run(ctx, "going on without the others", "SET GLOBAL group_replication_force_members = "+literal(o.Addresses))
	if err != nil {
		err = fmt.Errorf("%w%s", err, member.GroupErrors(ctx))
	}
	quick, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	return errors.Join(err, member.Run(quick, "clearing the forced members", "SET GLOBAL group_replication_force_members = ''"))
}

// halt stops a member.
func (r *run) halt(ctx context.Context, key string) error {
	member, err := r.server(key)
	if err != nil {
		return err
	}
	return member.Run(ctx, "stopping the group", "STOP GROUP_REPLICATION")
}

// configure sets the variables of a running member that can be set there.
func (r *run) configure(ctx context.Context, key string) error {
	member, err := r.server(key)
	if err != nil {
		return err
	}
	var statements []string
	for _, wrong := range wrongVariables(r.cluster, key, r.seen[key]) {
		statements = append(statements, "SET "+wrong.scope+" "+wrong.name+" = "+setLiteral(wrong.value))
	}
	return member.Run(ctx, "setting variables", statements...)
}

// forget takes back a variable that was persisted by hand, and what it did.
func (r *run) forget(ctx context.Context, o Forget) error {
	member, err := r.server(o.Member)
	if err != nil {
		return err
	}
	return member.Run(ctx, "taking back "+o.Variable, "SET GLOBAL "+o.Variable+" = DEFAULT", "RESET PERSIST IF EXISTS "+o.Variable)
}

// renew lets a cloned server make a UUID of its own: it restarts, outside of
// any group.
func (r *run) renew(ctx context.Context, key string) error {
	if _, err := r.hosts[key].Run(ctx, mysqld.RenewIdentity()); err != nil {
		return err
	}
	// The session ended with the restart.
	_, err := r.reconnect(key)
	return err
}
