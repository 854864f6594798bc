// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package preflight

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
)

// asked are the variables that a check looks at.
var asked = []string{
	"binlog_expire_logs_auto_purge", "binlog_expire_logs_seconds", "character_set_server", "collation_server", "default_table_encryption",
	"group_replication_group_name", "group_replication_gtid_assignment_block_size", "group_replication_message_cache_size", "group_replication_transaction_size_limit",
	"innodb_buffer_pool_size", "innodb_page_size", "join_buffer_size", "log_bin", "lower_case_table_names", "max_binlog_size", "max_connections",
	"performance_schema", "read_buffer_size", "read_rnd_buffer_size", "replica_max_allowed_packet", "server_id", "slave_max_allowed_packet",
	"sort_buffer_size", "thread_stack", "transaction_isolation",
}

// own are the schemas that are not a user's.
const own = "('mysql', 'sys', 'information_schema', 'performance_schema', 'ndbinfo', 'mysql_innodb_cluster_metadata')"

// list makes a row of what can be many: columns by their names in the document,
// from a query that has them all, in the order of the named ones.
func list(mark, document, order, query string) string {
	return fmt.Sprintf(`SELECT '%s', JSON_OBJECT('count', MAX(total), 'first', JSON_ARRAYAGG(JSON_OBJECT(%s)))
 FROM (SELECT everything.*, COUNT(*) OVER () AS total FROM (%s) AS everything ORDER BY %s LIMIT %d) AS listed`, mark, document, query, order, shown)
}

// The manual's requirements of Group Replication: InnoDB, and a primary key or
// an equivalent, which is what the server itself takes for one (sql/table.cc): a
// unique key over whole columns that are all NOT NULL.
const tablesQuery = `SELECT t.table_schema AS s, t.table_name AS n, t.engine AS e, k.table_name IS NULL AS keyless FROM information_schema.tables t
 LEFT JOIN (SELECT DISTINCT table_schema, table_name FROM (SELECT table_schema, table_name, index_name FROM information_schema.statistics
  WHERE non_unique = 0 AND table_schema NOT IN ` + own + ` GROUP BY table_schema, table_name, index_name
  HAVING index_name = 'PRIMARY' OR SUM(nullable = 'YES') = 0 AND SUM(column_name IS NULL) = 0 AND SUM(sub_part IS NOT NULL) = 0) AS whole
 ) AS k ON k.table_schema = t.table_schema AND k.table_name = t.table_name
 WHERE t.table_type = 'BASE TABLE' AND t.engine IS NOT NULL AND t.table_schema NOT IN ` + own + ` HAVING e <> 'InnoDB' OR keyless`

const tableDocument = `'schema', s, 'name', n, 'engine', e, 'keyless', keyless,
 'increments', IFNULL((SELECT MAX(c.column_name) FROM information_schema.columns c WHERE c.table_schema = s AND c.table_name = n AND c.extra LIKE '%auto_increment%'), ''),
 'partitioned', IFNULL((SELECT CONCAT_WS(' ', MAX(p.partition_expression), MAX(p.subpartition_expression)) FROM information_schema.partitions p
  WHERE p.table_schema = s AND p.table_name = n), '')`

// A key of the parent is named where it is a unique one, be it longer or not than
// what refers to it.
const foreignKeysQuery = `SELECT * FROM (SELECT r.constraint_schema AS s, r.table_name AS n, r.constraint_name AS c, r.unique_constraint_schema AS ps, r.referenced_table_name AS pn,
 NOT EXISTS (SELECT 1 FROM information_schema.tables t WHERE t.table_schema = r.unique_constraint_schema AND t.table_name = r.referenced_table_name) AS orphaned,
 r.unique_constraint_name IS NULL OR (SELECT COUNT(*) FROM information_schema.statistics x WHERE x.table_schema = r.unique_constraint_schema
  AND x.table_name = r.referenced_table_name AND x.index_name = r.unique_constraint_name) <> (SELECT COUNT(*) FROM information_schema.key_column_usage k
  WHERE k.constraint_schema = r.constraint_schema AND k.table_name = r.table_name AND k.constraint_name = r.constraint_name AND k.referenced_table_name IS NOT NULL) AS loose,
 r.update_rule IN ('CASCADE', 'SET NULL', 'SET DEFAULT') OR r.delete_rule IN ('CASCADE', 'SET NULL', 'SET DEFAULT') AS cascades
 FROM information_schema.referential_constraints r WHERE r.constraint_schema NOT IN ` + own + `) AS every WHERE orphaned OR loose OR cascades`

const foreignKeyDocument = `'schema', s, 'name', n, 'constraint', c, 'parent', JSON_OBJECT('schema', ps, 'name', pn), 'orphaned', orphaned, 'loose', loose, 'cascades', cascades,
 'columns', (SELECT JSON_ARRAYAGG(k.referenced_column_name) FROM information_schema.key_column_usage k
  WHERE k.constraint_schema = s AND k.table_name = n AND k.constraint_name = c AND k.referenced_table_name IS NOT NULL)`

const accountsQuery = `SELECT u.user AS u, u.host AS h, u.plugin AS p, EXISTS (SELECT 1 FROM information_schema.plugins i
  WHERE i.plugin_type = 'AUTHENTICATION' AND i.plugin_status = 'ACTIVE' AND i.plugin_name = u.plugin) AS active
 FROM mysql.user u WHERE u.plugin NOT IN ('caching_sha2_password', 'auth_socket') AND u.user NOT IN ('mysql.sys', 'mysql.session', 'mysql.infoschema')`

const definersQuery = `SELECT definer, COUNT(*) AS c, MIN(CONCAT(kind, ' ', s, '.', n)) AS f FROM (
  SELECT definer, 'view' AS kind, table_schema AS s, table_name AS n FROM information_schema.views WHERE security_type = 'DEFINER'
  UNION ALL SELECT definer, LOWER(routine_type), routine_schema, routine_name FROM information_schema.routines WHERE security_type = 'DEFINER'
  UNION ALL SELECT definer, 'trigger', trigger_schema, trigger_name FROM information_schema.triggers
  UNION ALL SELECT definer, 'event', event_schema, event_name FROM information_schema.events) AS defined
 WHERE s NOT IN ` + own + ` AND CONVERT(definer USING utf8mb4) COLLATE utf8mb4_bin NOT IN
 (SELECT CONVERT(CONCAT(user, '@', host) USING utf8mb4) COLLATE utf8mb4_bin FROM mysql.user) GROUP BY definer`

// script asks for Facts: the server for what it knows, the machine for the rest.
// A server that keeps no binary log has none to list.
var script = mysqlroot.QuestionScript(statements...) + machineScript

// statements give a row each.
var statements = []string{
	`SELECT 'server', JSON_OBJECT('version', @@version, 'uuid', @@server_uuid)`,
	`SELECT 'variables', JSON_OBJECTAGG(variable_name, variable_value) FROM performance_schema.global_variables WHERE variable_name IN ('` + strings.Join(asked, "', '") + `')`,
	`SELECT 'member', IF(COUNT(*) > 0, 'true', 'false') FROM performance_schema.replication_group_members WHERE member_id = @@server_uuid AND member_state IN ('ONLINE', 'RECOVERING')`,
	list("tables", tableDocument, "s, n", tablesQuery),
	list("foreign_keys", foreignKeyDocument, "s, n, c", foreignKeysQuery),
	list("accounts", "'user', u, 'host', h, 'plugin', p, 'active', active", "u, h", accountsQuery),
	list("definers", "'definer', definer, 'count', c, 'first', f", "definer", definersQuery),
	list("events", "'schema', s, 'name', n", "s, n", `SELECT event_schema AS s, event_name AS n FROM information_schema.events WHERE status = 'ENABLED' AND event_schema NOT IN `+own),
	// REPLICA_SIDE_DISABLED, and SLAVESIDE_DISABLED before 8.3
	list("asleep", "'schema', s, 'name', n", "s, n", `SELECT event_schema AS s, event_name AS n FROM information_schema.events WHERE status LIKE '%SIDE_DISABLED' AND event_schema NOT IN `+own),
	mysqlroot.ViewsRow,
	`SELECT 'data', JSON_QUOTE(CAST(IFNULL(SUM(file_size), 0) AS CHAR)) FROM information_schema.innodb_tablespaces`,
	`SELECT 'schemas', JSON_ARRAYAGG(schema_name) FROM information_schema.schemata WHERE schema_name NOT IN ` + own,
	ChannelsRow,
	`SELECT 'filters', JSON_ARRAYAGG(filter) FROM (SELECT DISTINCT filter_name AS filter FROM performance_schema.replication_applier_global_filters WHERE filter_rule <> '') AS f`,
}

const machineScript = ` || exit
said=$(` + mysqlroot.Client + ` -e 'SHOW BINARY LOGS' 2>&1 </dev/null) || case $said in *' 1381 '*) said= ;; *) said=none ;; esac
case $said in none) log=null ;; *) log=$(printf '%s\n' "$said" | awk 'BEGIN {most = 0} NF >= 2 && $2 + 0 > most {most = $2} END {printf "\"%.0f\"", most}') ;; esac
printf 'log\t%s\n' "$log"
status=$(` + mysqlroot.Client + ` -e 'SHOW BINARY LOG STATUS' 2>/dev/null </dev/null || ` + mysqlroot.Client + ` -e 'SHOW MASTER STATUS' 2>/dev/null </dev/null) && status=yes:$status
case $status in yes:*) chosen=$(printf '%s\n' "$status" | awk -F '\t' 'NR == 1 {if ($3 != "") print "binlog-do-db"; if ($4 != "") print "binlog-ignore-db"}' | tr '\n' ' '); printf 'chosen\t"%s"\n' "$chosen" ;;
*) printf 'chosen\tnull\n' ;; esac
memory=$(` + mysqlroot.MemoryScript + `) || exit 1
at=/var/lib/mysql; data=false
for one in "$at"/*/; do
  case $one in "$at"/mysql/|"$at"/sys/|"$at"/performance_schema/|"$at"/\#*) ;; *) [ ! -d "$one" ] || data=true ;; esac
done
while [ ! -d "$at" ]; do at=$(dirname "$at"); done
free=$(df -kP "$at") || exit 1
printf 'machine\t{"memory": %s, "free": %s, "data": %s}\n' "${memory% bytes}" "$(printf '%s\n' "$free" | awk 'NR == 2 {printf "%.0f", $4 * 1024}')" "$data"`

// Question asks a server and its machine for Facts; nothing is changed.
func Question() converge.Question[Facts] {
	return converge.Question[Facts]{Name: "what stands against the server as a member", Script: script, Read: read}
}

func read(output string) (Facts, error) {
	rows, err := mysqlroot.ReadRows(output)
	if err != nil {
		return Facts{}, err
	}
	var facts Facts
	if err := rows.Read(map[string]any{"machine": &facts.Machine}); err != nil {
		return Facts{}, err
	}
	if facts.MemoryBytes == 0 {
		return Facts{}, fmt.Errorf("%w: the machine's memory is missing", mysqlroot.ErrNotWhole)
	}
	if facts.Unit, err = rows.Down(); err != nil || facts.Unit != "" {
		return facts, err
	}
	var server struct{ Version, UUID string }
	var data, log, chosen *string
	var views []string
	facts.Answers = true
	if err := rows.Read(map[string]any{
		"server": &server, "variables": &facts.Variables, "member": &facts.Member, "tables": &facts.Tables, "foreign_keys": &facts.ForeignKeys, "accounts": &facts.Accounts,
		"definers": &facts.Definers, "events": &facts.Events, "asleep": &facts.Asleep, "views": &views, "data": &data, "schemas": &facts.Schemas, "channels": &facts.Channels, "filters": &facts.Filters,
		"log": &log, "chosen": &chosen,
	}); err != nil {
		return Facts{}, err
	}
	facts.Lacks = mysqlroot.Lacks(views)
	facts.Version, facts.UUID = server.Version, server.UUID
	if facts.Version == "" || facts.UUID == "" || len(facts.Variables) == 0 || data == nil || log == nil || chosen == nil {
		return Facts{}, fmt.Errorf("%w: version, UUID, variables, size or binary logs are missing", mysqlroot.ErrNotWhole)
	}
	var problems [2]error
	facts.DataBytes, problems[0] = strconv.ParseUint(*data, 10, 64)
	facts.LargestLog, problems[1] = strconv.ParseUint(*log, 10, 64)
	facts.Filters = append(facts.Filters, strings.Fields(*chosen)...)
	return facts, errors.Join(problems[:]...)
}

// number is a variable's value; 0 for one that the server does not have.
func (f Facts) number(name string) uint64 {
	value, _ := strconv.ParseUint(f.Variables[name], 10, 64)
	return value
}

// Over asks a server that is reached by a session; of its machine, and of what it may
// leave out of its binary log, nothing is known then.
func Over(ctx context.Context, session *mysqlroot.Session) (Facts, error) {
	var text strings.Builder
	for _, statement := range statements {
		var mark string
		var document sql.NullString
		if err := session.While(ctx, "looking at what it holds", func(ctx context.Context) error {
			return session.DB.QueryRowContext(ctx, statement).Scan(&mark, &document)
		}); err != nil {
			return Facts{}, err
		}
		if !document.Valid {
			document.String = "null"
		}
		fmt.Fprintf(&text, "%s\t%s\n", mark, document.String)
	}
	text.WriteString("log\t\"0\"\nchosen\t\"\"\nmachine\t{\"memory\": 9223372036854775807, \"free\": 0, \"data\": true}\nend\ttrue\n")
	return read(text.String())
}
