// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/group"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// reset makes a server forget its group. super_read_only stays as it is at run
// time: Dissolve decides about it.
func (s *server) reset(ctx context.Context, c Cluster) error {
	if err := s.Run(ctx, "leaving the group", "STOP GROUP_REPLICATION"); err != nil {
		return err
	}
	if err := s.forgetChannels(ctx); err != nil {
		return err
	}
	if err := s.resetActions(ctx); err != nil {
		return err
	}
	statements := []string{"RESET PERSIST IF EXISTS super_read_only", "RESET PERSIST IF EXISTS " + weightVariable}
	c.trust.wanted = true // so that the list is whole
	for _, variable := range c.variables("", "") {
		statements = append(statements, "RESET PERSIST IF EXISTS "+variable.name)
	}
	return s.Run(ctx, "forgetting the group's settings", append(statements,
		"SET GLOBAL "+weightVariable+" = DEFAULT", "SET GLOBAL group_replication_group_seeds = DEFAULT", "SET GLOBAL group_replication_local_address = DEFAULT",
		"SET GLOBAL group_replication_start_on_boot = OFF")...)
}

// forgetChannels of a server that is out of the group: with what came by them and was
// not applied.
func (s *server) forgetChannels(ctx context.Context) error {
	for _, channel := range []string{"group_replication_applier", "group_replication_recovery"} {
		err := s.Run(ctx, "forgetting the group's channels", "RESET REPLICA ALL FOR CHANNEL "+literal(channel))
		var known *mysql.MySQLError
		// 3074: there is no such channel.
		if err != nil && (!errors.As(err, &known) || known.Number != 3074) {
			return err
		}
	}
	return nil
}

// resetActions takes back what others changed about what a primary does first. The
// server has to be open to administrators for that moment.
func (s *server) resetActions(ctx context.Context) error {
	err := s.Run(ctx, "forgetting the group's member actions", "SET @was = @@global.super_read_only, GLOBAL super_read_only = OFF", "DO group_replication_reset_member_actions()")
	quick, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	return errors.Join(err, s.Run(quick, "closing the server again", "SET GLOBAL super_read_only = IFNULL(@was, 1)"))
}

// leave takes a member out: routers first, then its role, then itself. It keeps
// its data and stays read-only until something else is decided about it.
func (r *run) leave(ctx context.Context, endpoint string) error {
	diagnosis := r.diagnosis
	leaver, err := r.server(endpoint)
	if err != nil {
		return err
	}
	primaryKey := diagnosis.Primary
	if primaryKey == endpoint {
		if primaryKey, err = r.handOver(ctx, leaver); err != nil {
			return err
		}
	}
	primary, err := r.server(primaryKey)
	if err != nil {
		return err
	}
	if err := primary.unregister(ctx, endpoint); err != nil {
		return err
	}
	executed, err := primary.Text(ctx, "asking for the executed transactions", "SELECT @@global.gtid_executed")
	if err != nil {
		return err
	}
	if _, err := leaver.Await(ctx, "waiting for the leaver", "SELECT WAIT_FOR_EXECUTED_GTID_SET(?, 60)", executed); err != nil {
		return err
	}
	if err := leaver.reset(ctx, r.cluster); err != nil {
		return err
	}
	member := r.cluster.Leavers[endpoint]
	statements := dropStatements(r.seen[endpoint].Accounts, DropAccount{Account: member.Account()})
	return primary.Run(ctx, "dropping the leaver's account", append(statements, "DROP USER IF EXISTS "+r.cluster.recoverer(member))...)
}

// handOver gives the primary's role from a leaver to a declared member.
func (r *run) handOver(ctx context.Context, leaver *server) (string, error) {
	declared := group.View{}
	for _, member := range r.diagnosis.view {
		if r.cluster.keyOf(member.Endpoint()) != "" {
			declared.Members = append(declared.Members, member)
		}
	}
	successor, found := declared.Successor()
	if !found {
		return "", errors.New("no other member is online to take the primary's role")
	}
	return r.cluster.keyOf(successor.Endpoint()), group.HandOver(ctx, leaver.Session, successor)
}

// promote gives the primary's role to a declared member.
func (r *run) promote(ctx context.Context, primary *server, key string) error {
	endpoint := r.cluster.Members[key].Endpoint()
	for _, member := range r.diagnosis.view {
		if member.Endpoint() == endpoint {
			return group.HandOver(ctx, primary.Session, member)
		}
	}
	return fmt.Errorf("member %s: %w", key, errAbsent)
}

// Dissolve ends the cluster: the metadata and the recovery accounts go, every
// server leaves the group, keeps its data and takes writes again. Secondaries
// go first. Machines that are declared lost are passed over.
func Dissolve(ctx context.Context, c Cluster, hosts map[string]remote.Host) error {
	seen := Observe(ctx, hosts)
	var problems []error
	for _, key := range c.keys() {
		switch one := seen[key]; {
		case hosts[key] == nil:
		case one.Err != nil:
			problems = append(problems, fmt.Errorf("member %s: %w", key, one.Err))
		case !one.Answers:
			problems = append(problems, fmt.Errorf("member %s: the server does not answer: start it, or its data keep a cluster that is gone", key))
		}
	}
	if err := errors.Join(problems...); err != nil {
		return err
	}
	r := begin(c, hosts)
	r.seen, r.diagnosis = seen, Diagnose(c, seen)
	defer r.close()
	if _, err := r.takeTurns(ctx, seen, r.diagnosis); err != nil && len(hosts) > 0 {
		return err
	}
	primary := r.diagnosis.Primary
	order := slices.DeleteFunc(c.keys(), func(key string) bool { return hosts[key] == nil || key == primary })
	if primary != "" {
		order = append(order, primary)
	}
	for _, key := range order {
		if err := r.catchUp(ctx, key); err != nil {
			return err
		}
		if err := r.standAlone(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

// eraseStatements remove what makes the data those of a cluster.
func eraseStatements(accounts []Account) []string {
	statements := []string{"DROP SCHEMA IF EXISTS " + schema}
	for _, account := range accounts {
		statements = append(statements, "DROP USER IF EXISTS "+literal(account.User)+"@"+literal(account.Host))
	}
	return statements
}

// dropStatements remove an account, of one host part or whatever it is let in from.
func dropStatements(accounts []Account, o DropAccount) []string {
	var statements []string
	for _, account := range accounts {
		if account.User == o.Account && (o.Host == "" || o.Host == account.Host) {
			statements = append(statements, "DROP USER IF EXISTS "+literal(account.User)+"@"+literal(account.Host))
		}
	}
	return statements
}

// catchUp waits until a member of the group has what the primary has.
func (r *run) catchUp(ctx context.Context, key string) error {
	if r.diagnosis.Primary == "" || r.diagnosis.Primary == key || r.diagnosis.Members[key].State != "ONLINE" {
		return nil
	}
	primary, err := r.server(r.diagnosis.Primary)
	if err != nil {
		return err
	}
	member, err := r.server(key)
	if err != nil {
		return err
	}
	executed, err := primary.Text(ctx, "asking for the executed transactions", "SELECT @@global.gtid_executed")
	if err != nil {
		return err
	}
	_, err = member.Await(ctx, "waiting for the member", "SELECT WAIT_FOR_EXECUTED_GTID_SET(?, 60)", executed)
	return err
}

// standAlone takes one server out of its group. What the cluster wrote into its
// data goes last, when nothing needs it any more: each server erases its own,
// without a transaction, so a run that is killed leaves a group that the next
// apply mends.
func (r *run) standAlone(ctx context.Context, key string) error {
	member, err := r.server(key)
	if err != nil {
		return err
	}
	if err := member.reset(ctx, r.cluster); err != nil {
		return err
	}
	statements := []string{
		"SET GLOBAL super_read_only = OFF", "SET GLOBAL read_only = OFF", "SET GLOBAL offline_mode = OFF", "SET SESSION sql_log_bin = 0",
	}
	statements = append(statements, eraseStatements(r.seen[key].Accounts)...)
	return member.Run(ctx, "standing alone", append(statements, "SET SESSION sql_log_bin = 1")...)
}
