// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/group"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqld"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/preflight"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/reach"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Observation is what one server said about itself and its group.
type Observation struct {
	// Err is set when the machine could not be asked; the rest is empty then.
	Err error
	// Answers is false when the machine runs and its server does not; then Unit
	// is systemd's word for it.
	Answers  bool
	Unit     string
	Version  string
	UUID     string
	ServerID int64
	// Executed, Purged and Received are sets of transactions; Received are
	// those that came from the group and may not be applied yet.
	Executed, Purged, Received string
	SuperReadOnly, OfflineMode bool
	Endpoint                   string
	// Variables are those of Group Replication and its surroundings.
	Variables map[string]string
	// Running has those that all members have alike as the group was started with
	// them; empty outside of one.
	Running map[string]string
	// View is the group as this server sees it; empty outside of one.
	View []group.Member
	// Starting: Group Replication runs in the server, be it on its way in (at
	// boot it starts by itself) or trying to come back after an expulsion.
	Starting bool
	// Waited: this run has waited for it to come by itself, in vain.
	Waited bool
	// Persisted are the group's variables that a start sets.
	Persisted map[string]string
	// Guarded: a guardian is to run beside the server, which starts the member at
	// boot instead of MySQL.
	Guarded bool
	// Guardian is why the server's guardian does nothing where something is
	// wrong; "" where nothing is, or none is there.
	Guardian string
	// Schemas of the user's.
	Schemas []string
	// Cloned is the endpoint of the server whose copy it holds; "" for none.
	Cloned string
	// Channels replicate from elsewhere, those of a group left out.
	Channels []preflight.Channel
	// Accounts for recovery; RecoveryUser is the one that the server's own
	// recovery channel uses, and Login "yes" when it is let in by it.
	Accounts            []Account
	RecoveryUser, Login string
	// Ways is which other members it reaches anew, by their keys; nil where that was not tried.
	Ways reach.Reach
	// RouterAccounts are those that this provider made for routers of a cluster.
	RouterAccounts []Account
	// RouterUsers are the names of all accounts that go by a router's, Sessions all
	// users that have a session open on the server.
	RouterUsers, Sessions []string
	// Certificate is what the server shows to others, Trust by which it knows them.
	Certificate mysqld.Certificate
	Trust       Trust
	// Networks of the machine's meshes in CIDR form, by the meshes' names.
	Networks  map[string]string
	Clusters  []ClusterRow
	Instances []InstanceRow
	// Routers of all clusters that the metadata know, by their rows.
	Routers []Router
	// Now is the server's clock, in seconds since 1970.
	Now int64
	// Schema is the version of the metadata's schema; "" without one.
	Schema string
}

// ClusterRow is a row of the metadata's clusters.
type ClusterRow struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// PrimaryMode is "pm" for one primary, "mm" for many.
	PrimaryMode string `json:"primary_mode"`
	Attributes  struct {
		GroupName            string `json:"group_replication_group_name"`
		TransactionSizeLimit int64  `json:"opt_transactionSizeLimit"`
		AllowedHost          string `json:"opt_replicationAllowedHost"`
		GTIDSetIsComplete    bool   `json:"opt_gtidSetIsComplete"`
	} `json:"attributes"`
	// RouterOptions are what all routers are told, without what Router notes there
	// of itself.
	RouterOptions map[string]json.RawMessage `json:"router_options"`
}

// InstanceRow is a row of the metadata's instances.
type InstanceRow struct {
	Address string `json:"address"`
	UUID    string `json:"uuid"`
	// Type is group-member or read-replica; "" before version 2.2 of the metadata.
	Type       string `json:"type"`
	Attributes struct {
		ServerID    int64  `json:"server_id"`
		RecoveryAcc string `json:"recoveryAccountUser"`
		// RecoveryHost is that account's host part; "" before MySQL Shell noted it.
		RecoveryHost string `json:"recoveryAccountHost"`
		// Tags are whatever administrators wrote; routers read the hidden one.
		Tags struct {
			Hidden any `json:"_hidden"`
			// Disconnect is whether a hidden one loses its sessions; absent is yes.
			Disconnect any `json:"_disconnect_existing_sessions_when_hidden"`
		} `json:"tags"`
	} `json:"attributes"`
}

// schema is that of the metadata.
const schema = "mysql_innodb_cluster_metadata"

// observeScript asks for all of it in one request.
var observeScript = mysqlroot.QuestionScript(
	`SET SESSION group_replication_consistency = 'EVENTUAL'`,
	`SELECT 'server', JSON_OBJECT('version', @@version, 'uuid', @@server_uuid, 'server_id', @@server_id,
 'executed', @@global.gtid_executed, 'purged', @@global.gtid_purged, 'super_read_only', @@global.super_read_only, 'offline_mode', @@global.offline_mode,
 'host', @@report_host, 'port', @@port, 'now', UNIX_TIMESTAMP())`,
	`SELECT 'variables', JSON_OBJECTAGG(variable_name, variable_value) FROM performance_schema.global_variables
 WHERE variable_name LIKE 'group_replication_%' OR variable_name IN ('auto_increment_increment', 'auto_increment_offset', 'gtid_mode', 'lower_case_table_names')`,
	`SELECT 'running', (SELECT JSON_OBJECT('`+stackVariable+`', UPPER(m.member_communication_stack), '`+leaderVariable+`', IF(c.write_consensus_single_leader_capable, 'ON', 'OFF'))
 FROM performance_schema.replication_group_members m, performance_schema.replication_group_communication_information c WHERE m.member_id = @@server_uuid AND m.member_state IN ('ONLINE', 'RECOVERING') LIMIT 1)`,
	group.MembersQuery,
	`SELECT 'starting', IF(COUNT(*) > 0, 'true', 'false') FROM performance_schema.threads
 WHERE name IN ('thread/group_rpl/THD_certifier_broadcast', 'thread/group_rpl/THD_autorejoin', 'thread/group_rpl/THD_delayed_initialization')`,
	`SELECT 'schemas', JSON_ARRAYAGG(schema_name) FROM information_schema.schemata
 WHERE schema_name NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema', '`+schema+`')`,
	`SELECT 'received', JSON_QUOTE(MAX(received_transaction_set)) FROM performance_schema.replication_connection_status WHERE channel_name = 'group_replication_applier'`,
	guardianRow, preflight.ChannelsRow,
	mysqlroot.WhereTable("cloned", "performance_schema", "clone_status", `SELECT 'cloned', JSON_QUOTE(MAX(source)) FROM performance_schema.clone_status WHERE state = 'Completed'`),
	`SELECT 'recovery', JSON_QUOTE(MAX(user)) FROM performance_schema.replication_connection_configuration WHERE channel_name = 'group_replication_recovery'`,
	`SELECT 'accounts', JSON_ARRAYAGG(JSON_OBJECT('user', u.user, 'host', u.host, 'plugin', u.plugin, 'locked', u.account_locked = 'Y', 'tls', u.ssl_type <> '', 'replicates', u.repl_slave_priv = 'Y',
 'grants', (SELECT JSON_ARRAYAGG(g.priv) FROM mysql.global_grants g WHERE g.user = u.user AND g.host = u.host)))
 FROM mysql.user u WHERE u.user REGEXP '^`+accountPrefix+`[0-9]+$'`,
	mysqlroot.WhereTable("router_accounts", schema, "routers", `SELECT 'router_accounts', JSON_ARRAYAGG(JSON_OBJECT('user', u.user, 'host', u.host)) FROM mysql.user u WHERE `+routersOfOurs),
	`SELECT 'persisted', JSON_OBJECTAGG(variable_name, variable_value) FROM performance_schema.persisted_variables WHERE variable_name LIKE 'group_replication_%' OR variable_name IN ('auto_increment_increment', 'auto_increment_offset')`,
	mysqlroot.WhereTable("schema", schema, "schema_version", `SELECT 'schema', JSON_QUOTE(CONCAT_WS('.', major, minor, patch)) FROM `+schema+`.schema_version`),
	mysqlroot.WhereTable("clusters", schema, "clusters", `SELECT 'clusters', JSON_ARRAYAGG(JSON_OBJECT('id', c.cluster_id, 'name', c.cluster_name, 'primary_mode', c.primary_mode, 'attributes', c.attributes, 'router_options', JSON_REMOVE(c.told, '$.Configuration')))
 FROM (SELECT NULL AS router_options) AS before_2_1, LATERAL (SELECT cluster_id, cluster_name, primary_mode, attributes, router_options AS told FROM `+schema+`.clusters) c`),
	mysqlroot.WhereTable("instances", schema, "instances", `SELECT 'instances', JSON_ARRAYAGG(JSON_OBJECT('address', i.address, 'uuid', i.mysql_server_uuid, 'type', IFNULL(i.type, ''), 'attributes', i.attributes))
 FROM (SELECT NULL AS instance_type) AS before_2_2, LATERAL (SELECT address, mysql_server_uuid, attributes, instance_type AS type FROM `+schema+`.instances) i`),
	routersRow, checkInsRow,
	`SELECT 'router_users', JSON_ARRAYAGG(u.user) FROM (SELECT DISTINCT user FROM mysql.user WHERE user REGEXP '^mysql_router') u`,
	`SELECT 'sessions', JSON_ARRAYAGG(s.user) FROM (SELECT DISTINCT processlist_user AS user FROM performance_schema.threads WHERE processlist_user IS NOT NULL) s`,
	mysqld.TLSRow,
) + " || exit\nprintf 'guarded\\t%s\\n' \"$(systemctl is-enabled -q " + mysqld.GuardianUnit + " >/dev/null 2>&1 && echo true || echo false)\"\n" + networksScript + "\n" + mysqld.TrustScript + mysqlroot.LoginScript("login")

// Observe asks all servers at once: one round trip each on a warm connection.
func Observe(ctx context.Context, hosts map[string]remote.Host) map[string]Observation {
	return each(hosts, func(_ string, host remote.Host) Observation { return observe(ctx, host) })
}

// each asks all servers at once, and waits for the last.
func each[T any](hosts map[string]remote.Host, ask func(key string, host remote.Host) T) map[string]T {
	seen := make(map[string]T, len(hosts))
	var mu sync.Mutex
	var asked sync.WaitGroup
	for key, host := range hosts {
		asked.Go(func() {
			one := ask(key, host)
			mu.Lock()
			defer mu.Unlock()
			seen[key] = one
		})
	}
	asked.Wait()
	return seen
}

func observe(ctx context.Context, host remote.Host) Observation {
	seen, err := converge.Ask(ctx, host, question())
	if err != nil {
		return Observation{Err: err}
	}
	return seen
}

func question() converge.Question[Observation] {
	return converge.Question[Observation]{Name: "the server's view of its group", Asker: mysqld.Owner + ".cluster", Script: observeScript, Read: readObservation}
}

// readObservation reads the answer to observeScript. Every row of it is required: a
// member without its view would be one that nobody waits for.
func readObservation(text string) (Observation, error) {
	rows, err := mysqlroot.ReadRows(text)
	if err != nil {
		return Observation{}, err
	}
	if state, err := rows.Down(); err != nil || state != "" {
		return Observation{Unit: state}, err
	}
	var server struct {
		Version, UUID, Executed, Purged, Host string
		Port                                  int
		ServerID                              int64 `json:"server_id"`
		SuperReadOnly                         int   `json:"super_read_only"`
		OfflineMode                           int   `json:"offline_mode"`
		Now                                   int64
	}
	var checkIns map[int64]int64
	seen := Observation{Answers: true}
	var tls struct{ Used, Until string }
	if err := rows.Read(map[string]any{
		"server": &server, "variables": &seen.Variables, "running": &seen.Running, "members": &seen.View, "schemas": &seen.Schemas, "channels": &seen.Channels, "cloned": &seen.Cloned, "received": &seen.Received,
		"guarded": &seen.Guarded, "guardian": &seen.Guardian, "recovery": &seen.RecoveryUser, "login": &seen.Login, "networks": &seen.Networks, "router_accounts": &seen.RouterAccounts, "persisted": &seen.Persisted, "starting": &seen.Starting, "accounts": &seen.Accounts, "clusters": &seen.Clusters, "instances": &seen.Instances, "schema": &seen.Schema,
		"routers": &seen.Routers, "check_ins": &checkIns, "router_users": &seen.RouterUsers, "sessions": &seen.Sessions,
		"certificate": &seen.Certificate, "trust": &seen.Trust, "tls": &tls,
	}); err != nil {
		return Observation{}, err
	}
	if server.Version == "" || server.UUID == "" || len(seen.Variables) == 0 {
		return Observation{}, fmt.Errorf("%w: version, UUID and variables are empty", mysqlroot.ErrNotWhole)
	}
	for i, router := range seen.Routers {
		seen.Routers[i].Seen = max(router.Seen, checkIns[router.ID])
	}
	seen.Certificate.Used, seen.Certificate.UsedUntil = tls.Used, tls.Until
	flat := func(set string) string { return strings.ReplaceAll(set, "\n", "") }
	seen.Version, seen.UUID, seen.ServerID, seen.Now = server.Version, server.UUID, server.ServerID, server.Now
	seen.Endpoint = Member{Address: server.Host, Port: server.Port}.Endpoint()
	seen.Executed, seen.Purged, seen.Received = flat(server.Executed), flat(server.Purged), flat(seen.Received)
	seen.SuperReadOnly, seen.OfflineMode = server.SuperReadOnly == 1, server.OfflineMode == 1
	return seen, nil
}

// group is the view of the server.
func (s Observation) group() group.View {
	return group.View{Name: s.Variables["group_replication_group_name"], Self: s.UUID, Members: s.View}
}

// state is that of the server's own row of its view.
func (s Observation) state() string { return s.group().Own().State }

// left says whether the server is out of a group for good: nothing starts it
// there again, neither MySQL nor a guardian, or the group has struck it off before it went.
func (s Observation) left() bool {
	if s.state() != "OFFLINE" || s.Starting {
		return false
	}
	struckOff := !slices.ContainsFunc(s.Instances, func(row InstanceRow) bool { return row.UUID == s.UUID })
	return struckOff || s.Variables["group_replication_start_on_boot"] == "OFF" && s.Persisted["group_replication_local_address"] == ""
}

// transactions are all that the server holds, applied or only received.
func (s Observation) transactions() (GTIDSet, error) {
	executed, err := ParseGTIDSet(s.Executed)
	if err != nil {
		return nil, err
	}
	received, err := ParseGTIDSet(s.Received)
	return executed.Union(received), err
}
