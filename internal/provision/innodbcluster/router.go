// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqld"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

var (
	// ErrNoPrimary says that no member that was asked knows of a primary.
	ErrNoPrimary = errors.New("the cluster has no primary now")
	// ErrNoCluster says that every member answered and none knows of a cluster.
	ErrNoCluster = errors.New("there is no such cluster on its servers")
)

// RouterAccount is the account of one router, made for it and with no more
// rights than it uses.
type RouterAccount struct {
	User, Password string
}

// routerGrants are the least that a running router needs: metadata reference of
// MySQL Router, and what 9.7 asks for in its bootstrap.
func routerGrants(name string, stats bool) []string {
	grants := []string{
		"GRANT SELECT, EXECUTE ON " + schema + ".* TO " + name,
		"GRANT INSERT, UPDATE, DELETE ON " + schema + ".routers TO " + name,
		"GRANT INSERT, UPDATE, DELETE ON " + schema + ".v2_routers TO " + name,
		"GRANT SELECT ON performance_schema.replication_group_members TO " + name,
		"GRANT SELECT ON performance_schema.replication_group_member_stats TO " + name,
		"GRANT SELECT ON performance_schema.global_variables TO " + name,
	}
	if stats {
		grants = append(grants, "GRANT INSERT, UPDATE ON "+schema+".router_stats TO "+name)
	}
	return grants
}

// bootstrapTables are those that only a bootstrap writes to.
var bootstrapTables = []string{schema + ".clusters", schema + ".v2_gr_clusters"}

// Routing is the cluster from a router's side.
type Routing struct {
	// Primary is the endpoint to bootstrap against.
	Primary string
	// Newest is the highest version of a member.
	Newest string
	server *server
	online []string
	run    *run
	stats  bool
	// version is that of the metadata.
	version string
	// host is where a router's account is let in from.
	host string
}

// OpenRouting finds the primary among the members and opens a session on it.
func OpenRouting(ctx context.Context, c Cluster, hosts map[string]remote.Host) (*Routing, error) {
	seen := Observe(ctx, hosts)
	diagnosis := Diagnose(c, seen)
	if diagnosis.Primary == "" || diagnosis.ClusterID == "" {
		reason := ErrNoPrimary
		silent := func(one Observation) bool { return !one.Answers }
		if !diagnosis.Found && !slices.ContainsFunc(slices.Collect(maps.Values(seen)), silent) {
			reason = ErrNoCluster
		}
		return nil, fmt.Errorf("%w: %s", reason, join(converge.Texts(diagnosis.Drift())))
	}
	r := begin(c, hosts)
	primary, err := r.server(diagnosis.Primary)
	if err != nil {
		return nil, err
	}
	routing := &Routing{Primary: c.Members[diagnosis.Primary].Endpoint(), Newest: Newest(seen), server: primary, run: r, host: cmp.Or(diagnosis.allowedHost, anywhere), version: seen[diagnosis.Primary].Schema}
	routing.stats = !older(mysqld.ParseVersion(routing.version), metadataVersion("9.0.0"))
	for _, key := range c.keys() {
		if diagnosis.Members[key].State == "ONLINE" && key != diagnosis.Primary && seen[key].Answers {
			routing.online = append(routing.online, key)
		}
	}
	return routing, nil
}

// Found is the cluster as a router's machine needs to know it.
type Found struct {
	Diagnosis
	// Routers and Accounts are those of routers that the primary has.
	Routers  []Router
	Accounts []string
	// Authorities are the certificates that all members are known by; "" where not all
	// of them show one by Atoll's, or could be asked.
	Authorities string
	// Awaited are the members that have no certificate now and get one.
	Awaited []string
}

// Find asks the members. A cluster that nobody says anything of has no primary.
func Find(ctx context.Context, c Cluster, hosts map[string]remote.Host) Found {
	seen := Observe(ctx, hosts)
	found := Found{Diagnosis: Diagnose(c, seen)}
	if trust := found.trust; trust.wanted {
		found.Awaited = trust.awaited
		if trust.ready && trust.whole {
			found.Authorities = trust.members
		}
	}
	leads := seen[found.Primary]
	found.Routers = leads.Routers
	for _, account := range leads.RouterAccounts {
		found.Accounts = append(found.Accounts, account.User)
	}
	return found
}

// Knows says whether the primary has a router's account and its row.
func (f Found) Knows(account, address, name string) bool {
	row := slices.ContainsFunc(f.Routers, func(r Router) bool { return r.Cluster == f.ClusterID && r.Address == address && r.Name == name })
	return row && slices.Contains(f.Accounts, account)
}

// Knows says whether the cluster has a router's account and its row by now.
func (r *Routing) Knows(ctx context.Context, account, address, name string) (bool, error) {
	found, err := r.server.Text(ctx, "asking for the router", `SELECT (SELECT COUNT(*) FROM mysql.user WHERE user = ?) > 0
 AND (SELECT COUNT(*) FROM `+schema+`.routers WHERE address = ? AND router_name = ? AND cluster_id IS NOT NULL) > 0`, account, address, name)
	return found == "1", err
}

// Newest is the highest version of those that answered; "" where nobody did.
func Newest(seen map[string]Observation) string {
	newest := ""
	for _, one := range seen {
		if one.Answers && (newest == "" || older(mysqld.ParseVersion(newest), mysqld.ParseVersion(one.Version))) {
			newest = one.Version
		}
	}
	return newest
}

// Close ends the sessions.
func (r *Routing) Close() { r.run.close() }

// Lock keeps two runs from bootstrapping one router at once: each would give
// the account another password. It is held until Close.
func (r *Routing) Lock(ctx context.Context, user string) error {
	got, err := r.server.Await(ctx, "taking the router's lock", "SELECT GET_LOCK(?, 300)", "atoll."+user)
	if err == nil && got != "1" {
		err = fmt.Errorf("another run is bootstrapping the router of %s: wait until it has ended and apply again", user)
	}
	return err
}

// Authorize makes the router's account with a new password, for its bootstrap,
// and waits until every member has it: the router tries all of them at once.
func (r *Routing) Authorize(ctx context.Context, user string) (RouterAccount, error) {
	account := RouterAccount{User: user, Password: password()}
	name := literal(user) + "@" + literal(r.host)
	statements := []string{
		"CREATE USER IF NOT EXISTS " + name + " IDENTIFIED WITH 'caching_sha2_password' BY " + literal(account.Password),
		"ALTER USER " + name + " IDENTIFIED WITH 'caching_sha2_password' BY " + literal(account.Password) + " REQUIRE SSL PASSWORD EXPIRE NEVER ACCOUNT UNLOCK",
	}
	statements = append(statements, routerGrants(name, r.stats)...)
	for _, table := range bootstrapTables {
		statements = append(statements, "GRANT UPDATE ON "+table+" TO "+name)
	}
	if err := r.server.Run(ctx, "making the router's account", statements...); err != nil {
		return account, err
	}
	return account, r.everywhere(ctx)
}

// Restrict takes back what only the bootstrap needed, and accounts of the router's
// name that are let in from elsewhere.
func (r *Routing) Restrict(ctx context.Context, user string) error {
	var statements []string
	for _, table := range bootstrapTables {
		statements = append(statements, "REVOKE IF EXISTS UPDATE ON "+table+" FROM "+literal(user)+"@"+literal(r.host)+" IGNORE UNKNOWN USER")
	}
	hosts, err := r.hosts(ctx, user)
	if err != nil {
		return err
	}
	for _, host := range hosts {
		if host != r.host {
			statements = append(statements, "DROP USER IF EXISTS "+literal(user)+"@"+literal(host))
		}
	}
	return r.server.Run(ctx, "restricting the router's account", statements...)
}

// hosts are the host parts of the accounts of a router's name.
func (r *Routing) hosts(ctx context.Context, user string) ([]string, error) {
	return r.server.List(ctx, "asking for the router's accounts", "SELECT host FROM mysql.user WHERE user = "+literal(user))
}

// Remove takes a router's account and its rows from the cluster.
func (r *Routing) Remove(ctx context.Context, user, address, name string) error {
	return r.server.dropRouter(ctx, user, address, name)
}

// everywhere waits until the other members have what the primary has.
func (r *Routing) everywhere(ctx context.Context) error {
	executed, err := r.server.Text(ctx, "asking for the executed transactions", "SELECT @@global.gtid_executed")
	if err != nil {
		return err
	}
	for _, key := range slices.Sorted(slices.Values(r.online)) {
		member, err := r.run.server(key)
		if err != nil {
			return err
		}
		if _, err := member.Await(ctx, "waiting for the account", "SELECT WAIT_FOR_EXECUTED_GTID_SET(?, 30)", executed); err != nil {
			return err
		}
	}
	return nil
}
