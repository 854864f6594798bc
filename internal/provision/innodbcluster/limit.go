// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
)

// routersOfOurs are the accounts that this provider made for routers, as the
// condition of a query: those that a router of ours names as its own.
const routersOfOurs = `CONVERT(user USING utf8mb4) COLLATE utf8mb4_bin IN (SELECT CONVERT(attributes ->> '$.MetadataUser' USING utf8mb4) COLLATE utf8mb4_bin FROM ` + schema + `.routers
 WHERE (router_name = 'atoll' OR router_name LIKE 'atoll-%') AND attributes ->> '$.MetadataUser' LIKE 'mysql_router_%')`

// limit gives each account of the cluster a twin that is let in from one host part
// only, with the same password, and notes it in the metadata. Nobody has to be told
// anything: the twin is what MySQL takes from then on. The former ones of routers
// go at once, those of members when each was let in by its twin.
//
// Each statement can be replayed by a server that has the account already, see
// accountStatements.
func (r *run) limit(ctx context.Context, primary *server, host string) error {
	members, err := primary.accounts(ctx)
	if err != nil {
		return err
	}
	routers, err := primary.copies(ctx, "WHERE "+routersOfOurs)
	if err != nil {
		return err
	}
	stats, err := primary.hasStats(ctx)
	if err != nil {
		return err
	}
	var statements, leftovers []string
	for _, account := range lacking(members, host) {
		statements = append(statements, account.statements()...)
	}
	for _, account := range lacking(routers, host) {
		statements = append(statements, account.made()...)
		statements = append(statements, routerGrants(account.name(), stats)...)
	}
	if err := primary.Run(ctx, "making accounts for "+host, statements...); err != nil {
		return err
	}
	if err := r.reached(ctx, primary); err != nil {
		return err
	}
	for _, account := range routers {
		if account.host != host {
			leftovers = append(leftovers, "DROP USER IF EXISTS "+account.name())
		}
	}
	if err := primary.Run(ctx, "dropping the routers' former accounts", leftovers...); err != nil {
		return err
	}
	return primary.allow(ctx, host, r.diagnosis.ClusterID)
}

// lacking are accounts for a host part, of those that have none there: each as the
// one that is the closest to it, since that is the one in use.
func lacking(accounts []copyAccount, host string) []copyAccount {
	var list []copyAccount
	for _, account := range accounts {
		same := func(one copyAccount) bool { return one.user == account.user }
		if slices.ContainsFunc(accounts, func(one copyAccount) bool { return same(one) && one.host == host }) {
			continue
		}
		if account.host == anywhere && slices.ContainsFunc(accounts, func(one copyAccount) bool { return same(one) && one.host != anywhere }) {
			continue
		}
		account.host = host
		if !slices.ContainsFunc(list, same) {
			list = append(list, account)
		}
	}
	return list
}

// reached waits until all members that are online have what the primary has.
func (r *run) reached(ctx context.Context, primary *server) error {
	executed, err := primary.Text(ctx, "asking for the executed transactions", "SELECT @@global.gtid_executed")
	if err != nil {
		return err
	}
	for _, other := range r.cluster.keys() {
		if r.diagnosis.Members[other].State != "ONLINE" || other == r.diagnosis.Primary || !r.seen[other].Answers {
			continue
		}
		member, err := r.server(other)
		if err != nil {
			return err
		}
		late, err := member.Await(ctx, "waiting for the accounts", "SELECT WAIT_FOR_EXECUTED_GTID_SET(?, 60)", executed)
		if err == nil && late != "0" {
			err = fmt.Errorf("member %s lags behind the primary by more than a minute: wait until it has caught up and apply again", other)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// allow notes in the metadata where the recovery accounts are let in from: MySQL
// Shell makes and drops them by that.
func (s *server) allow(ctx context.Context, host, cluster string) error {
	return s.Change(ctx, "noting the accounts' hosts", func(ctx context.Context, transaction *sql.Tx) error {
		for _, query := range []string{
			`UPDATE ` + schema + `.instances SET attributes = JSON_SET(attributes, '$.recoveryAccountHost', ?) WHERE cluster_id = ? AND attributes ->> '$.recoveryAccountUser' LIKE 'mysql_innodb_cluster_%'`,
			`UPDATE ` + schema + `.clusters SET attributes = JSON_SET(attributes, '$.opt_replicationAllowedHost', ?) WHERE cluster_id = ?`,
		} {
			if _, err := transaction.ExecContext(ctx, query, host, cluster); err != nil {
				return err
			}
		}
		return nil
	})
}
