// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqld"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Seen is what one server said about itself and its group.
type Seen struct {
	// Err is set when the machine could not be asked; the rest is empty then.
	Err error
	// Answers is false when the machine runs and its server does not.
	Answers  bool
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
	// View is the group as this server sees it; empty outside of one.
	View []mysqld.Member
	// Starting: Group Replication runs in the server, be it on its way in (at
	// boot it starts by itself) or trying to come back after an expulsion.
	Starting bool
	// Waited: this run has waited for it to come by itself, in vain.
	Waited bool
	// Schemas of the user's, Accounts for recovery, RecoveryUser is the
	// account that the server's own recovery channel uses.
	Schemas, Accounts []string
	RecoveryUser      string
	Clusters          []ClusterRow
	Instances         []InstanceRow
}

// ClusterRow is a row of the metadata's clusters.
type ClusterRow struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	Attributes struct {
		GroupName            string `json:"group_replication_group_name"`
		TransactionSizeLimit int64  `json:"opt_transactionSizeLimit"`
		GTIDSetIsComplete    bool   `json:"opt_gtidSetIsComplete"`
	} `json:"attributes"`
}

// InstanceRow is a row of the metadata's instances.
type InstanceRow struct {
	Address    string `json:"address"`
	UUID       string `json:"uuid"`
	Attributes struct {
		ServerID    int64  `json:"server_id"`
		RecoveryAcc string `json:"recoveryAccountUser"`
	} `json:"attributes"`
}

// schema is that of the metadata.
const schema = "mysql_innodb_cluster_metadata"

// observeScript asks for all of it in one request. Each statement stands alone:
// one that fails (no plugin, no metadata) leaves its own answer out.
var observeScript = mysqld.ClientScript(
	`SET SESSION group_replication_consistency = 'EVENTUAL'`,
	`SELECT 'server', JSON_OBJECT('version', @@version, 'uuid', @@server_uuid, 'server_id', @@server_id,
 'executed', @@global.gtid_executed, 'purged', @@global.gtid_purged, 'super_read_only', @@global.super_read_only, 'offline_mode', @@global.offline_mode,
 'host', @@report_host, 'port', @@port)`,
	`SELECT 'variables', JSON_OBJECTAGG(variable_name, variable_value) FROM performance_schema.global_variables
 WHERE variable_name LIKE 'group\\_replication\\_%' OR variable_name IN ('auto_increment_increment', 'auto_increment_offset', 'gtid_mode', 'lower_case_table_names')`,
	mysqld.MembersQuery,
	`SELECT 'starting', IF(COUNT(*) > 0, 'true', 'false') FROM performance_schema.threads
 WHERE name IN ('thread/group_rpl/THD_certifier_broadcast', 'thread/group_rpl/THD_autorejoin', 'thread/group_rpl/THD_delayed_initialization')`,
	`SELECT 'schemas', JSON_ARRAYAGG(schema_name) FROM information_schema.schemata
 WHERE schema_name NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema', '`+schema+`')`,
	`SELECT 'received', JSON_QUOTE(received_transaction_set) FROM performance_schema.replication_connection_status WHERE channel_name = 'group_replication_applier'`,
	`SELECT 'recovery', JSON_QUOTE(user) FROM performance_schema.replication_connection_configuration WHERE channel_name = 'group_replication_recovery'`,
	`SELECT 'accounts', JSON_ARRAYAGG(user) FROM mysql.user WHERE user REGEXP '^`+accountPrefix+`[0-9]+$'`,
	`SELECT 'clusters', JSON_ARRAYAGG(JSON_OBJECT('id', cluster_id, 'name', cluster_name, 'attributes', attributes)) FROM `+schema+`.clusters`,
	`SELECT 'instances', JSON_ARRAYAGG(JSON_OBJECT('address', address, 'uuid', mysql_server_uuid, 'attributes', attributes)) FROM `+schema+`.instances`,
) + " 2>/dev/null || :"

// Observe asks all servers at once: one round trip each on a warm connection.
func Observe(ctx context.Context, hosts map[string]remote.Host) map[string]Seen {
	seen := make(map[string]Seen, len(hosts))
	var mu sync.Mutex
	var group sync.WaitGroup
	for key, host := range hosts {
		group.Go(func() {
			one := observe(ctx, host)
			mu.Lock()
			defer mu.Unlock()
			seen[key] = one
		})
	}
	group.Wait()
	return seen
}

func observe(ctx context.Context, host remote.Host) Seen {
	result, err := host.Run(ctx, remote.Command{Name: "asking the server about its group", Reads: true, Script: observeScript})
	if err != nil {
		return Seen{Err: err}
	}
	seen, err := parseSeen(string(result.Stdout))
	if err != nil {
		return Seen{Err: fmt.Errorf("asking the server on %s about its group: %w", host.Target().Host, err)}
	}
	return seen
}

func parseSeen(text string) (Seen, error) {
	rows := mysqld.ParseRows(text)
	if rows["server"] == nil {
		return Seen{}, nil
	}
	var server struct {
		Version, UUID, Executed, Purged, Host string
		Port                                  int
		ServerID                              int64 `json:"server_id"`
		SuperReadOnly                         int   `json:"super_read_only"`
		OfflineMode                           int   `json:"offline_mode"`
	}
	if err := json.Unmarshal(rows["server"], &server); err != nil {
		return Seen{}, fmt.Errorf("reading the answer: %w", err)
	}
	flat := func(set string) string { return strings.ReplaceAll(set, "\n", "") }
	seen := Seen{
		Answers: true, Version: server.Version, UUID: server.UUID, ServerID: server.ServerID, Endpoint: Member{Address: server.Host, Port: server.Port}.Endpoint(),
		Executed: flat(server.Executed), Purged: flat(server.Purged),
		SuperReadOnly: server.SuperReadOnly == 1, OfflineMode: server.OfflineMode == 1,
	}
	for mark, target := range map[string]any{
		"variables": &seen.Variables, "members": &seen.View, "schemas": &seen.Schemas, "received": &seen.Received,
		"recovery": &seen.RecoveryUser, "starting": &seen.Starting, "accounts": &seen.Accounts, "clusters": &seen.Clusters, "instances": &seen.Instances,
	} {
		if rows[mark] == nil {
			continue
		}
		if err := json.Unmarshal(rows[mark], target); err != nil {
			return Seen{}, fmt.Errorf("reading the answer: %s: %w", mark, err)
		}
	}
	seen.Received = flat(seen.Received)
	return seen, nil
}

// state is the server's own row of its view.
func (s Seen) state() (state, role string) {
	for _, member := range s.View {
		if member.ID == s.UUID {
			return member.State, member.Role
		}
	}
	return "OFFLINE", ""
}

// hasMajority: the server is online among more than half of those it sees.
func (s Seen) hasMajority() bool {
	state, _ := s.state()
	alive := 0
	for _, member := range s.View {
		if member.State == "ONLINE" || member.State == "RECOVERING" {
			alive++
		}
	}
	return (state == "ONLINE") && alive*2 > len(s.View)
}

// transactions are all that the server holds, applied or only received.
func (s Seen) transactions() (GTIDSet, error) {
	executed, err := ParseGTIDSet(s.Executed)
	if err != nil {
		return nil, err
	}
	received, err := ParseGTIDSet(s.Received)
	return executed.Union(received), err
}
