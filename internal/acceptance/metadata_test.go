// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"embed"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// metadata holds names, types and keys of the schema mysql_innodb_cluster_metadata
// 2.4.0, as information_schema of a MySQL 9.7 server showed them after MySQL
// Shell 9.6 had made a cluster there. The columns are those of the queries below.
//
//go:embed testdata/innodb-cluster-metadata
var metadata embed.FS

func TestMetadataAreThoseOfInnoDBCluster(t *testing.T) {
	f := stand(t)
	f.agedMetadata()
	f.metadataAre("2.4.0", all, f.asksSecondary)
}

// later are the tables that came with a version of the metadata; nothing else did.
var later = map[string][]string{"2.2.0": {"routing_guidelines", "router_stats"}, "2.3.0": {"router_stats"}, "2.4.0": {}}

// asksSecondary asks a server that has not made the metadata itself.
func (f *fixture) asksSecondary(query string) string { return f.sql(f.secondary(), query) }

// all are the fields of a column's line.
const all = 8

// metadataAre compares the schema of the server that is asked with that of a version, and
// of its columns the first fields.
func (f *fixture) metadataAre(version string, fields int, ask func(query string) string) {
	f.Helper()
	for file, query := range map[string]string{
		"columns.tsv": `SELECT table_name, column_name, column_type, is_nullable, column_key, character_set_name, collation_name, extra
 FROM information_schema.columns WHERE table_schema = 'mysql_innodb_cluster_metadata' ORDER BY table_name, ordinal_position`,
		"keys.tsv": `SELECT table_name, index_name, non_unique, seq_in_index, column_name FROM information_schema.statistics
 WHERE table_schema = 'mysql_innodb_cluster_metadata' ORDER BY table_name, index_name, seq_in_index`,
		"foreign-keys.tsv": `SELECT table_name, constraint_name, column_name, ordinal_position, referenced_table_name, referenced_column_name
 FROM information_schema.key_column_usage WHERE table_schema = 'mysql_innodb_cluster_metadata' AND referenced_table_name IS NOT NULL
 ORDER BY table_name, constraint_name, ordinal_position`,
		"views.tsv": `SELECT table_name, is_updatable, security_type, check_option FROM information_schema.views
 WHERE table_schema = 'mysql_innodb_cluster_metadata' ORDER BY table_name`,
		"routines.tsv": `SELECT r.routine_name, r.routine_type, r.security_type, p.parameter_mode, p.parameter_name, p.dtd_identifier
 FROM information_schema.routines r JOIN information_schema.parameters p ON p.specific_schema = r.routine_schema AND p.specific_name = r.routine_name
 WHERE r.routine_schema = 'mysql_innodb_cluster_metadata' ORDER BY r.routine_name, p.ordinal_position`,
	} {
		content, err := metadata.ReadFile("testdata/innodb-cluster-metadata/" + file)
		f.must(err)
		counted := all
		if file == "columns.tsv" {
			counted = fields
		}
		if diff := cmp.Diff(tables(string(content), counted, later[version]...), tables(ask(query), counted)); diff != "" {
			f.Errorf("%s of real InnoDB Cluster %s (-) and ours (+):\n%s", file, version, diff)
		}
	}
}

// agedMetadata makes the metadata those of version 2.1.0, which MySQL Shell 8.0 made,
// and has an apply bring them to the newest: what stands in them, and what routers may,
// stays.
func (f *fixture) agedMetadata() {
	f.Helper()
	const rows = `SELECT CONCAT_WS(' ', (SELECT GROUP_CONCAT(address, mysql_server_uuid, attributes ORDER BY 1) FROM mysql_innodb_cluster_metadata.instances),
 (SELECT GROUP_CONCAT(router_id, address, router_name ORDER BY 1) FROM mysql_innodb_cluster_metadata.routers))`
	before := f.sql("hk1", rows)
	f.ageMetadata()
	f.inSync() // older ones are no drift while nobody asks for newer
	f.override("atoll_mysql_cluster.main", "metadata_version = \"2.4.0\"")
	f.apply()
	f.inSync()
	if after := f.sql("hk1", rows); after != before {
		f.Errorf("the metadata held\n%s\nand hold\n%s", before, after)
	}
	if got := f.sql("hk1", "SELECT COUNT(*) FROM mysql.tables_priv WHERE table_name = 'router_stats' AND user LIKE 'mysql\\_router%'"); got != "2" {
		f.Errorf("%s of two routers may say that they are there", got)
	}
}

// ageMetadata makes the metadata those of version 2.1.0.
func (f *fixture) ageMetadata() {
	f.Helper()
	f.sql(f.primary(), `USE mysql_innodb_cluster_metadata;
REVOKE IF EXISTS INSERT, UPDATE ON router_stats FROM mysql_router_203_0_113_21@'10.77.0.0/255.255.255.0';
DROP TABLE router_stats; DROP TABLE routing_guidelines; ALTER TABLE instances DROP COLUMN instance_type; ALTER TABLE routers MODIFY COLUMN address VARCHAR(256) CHARACTER SET ascii COLLATE ascii_general_ci;
DROP VIEW v2_router_options; DROP PROCEDURE v2_set_global_cluster_router_option; DROP PROCEDURE v2_set_cluster_routing_option;
CREATE PROCEDURE v2_set_global_router_option() SQL SECURITY INVOKER DO 0; CREATE PROCEDURE v2_set_routing_option() SQL SECURITY INVOKER DO 0;
CREATE OR REPLACE SQL SECURITY INVOKER VIEW v2_this_instance AS SELECT i.cluster_id, i.instance_id, c.cluster_name, c.cluster_type FROM instances i JOIN clusters c USING (cluster_id)
 WHERE i.mysql_server_uuid = (SELECT CONVERT(variable_value USING utf8mb4) COLLATE utf8mb4_general_ci FROM performance_schema.global_variables WHERE variable_name = 'server_uuid');
CREATE OR REPLACE SQL SECURITY INVOKER VIEW v2_instances AS SELECT instance_id, cluster_id, instance_name AS label, mysql_server_uuid, address, addresses->>'$.mysqlClassic' AS endpoint, addresses->>'$.mysqlX' AS xendpoint, attributes FROM instances;
CREATE OR REPLACE SQL SECURITY INVOKER VIEW schema_version (major, minor, patch) AS SELECT 2, 1, 0`)
}

// tables are the first fields of the lines by what these begin with, the table's name; in
// a table their order counts, and that of the tables is information_schema's own.
func tables(text string, fields int, but ...string) map[string][]string {
	found := map[string][]string{}
	for line := range strings.Lines(text) {
		list := strings.Split(strings.TrimRight(line, "\t\n "), "\t")
		if table := list[0]; !slices.Contains(but, table) {
			found[table] = append(found[table], strings.Join(list[:min(fields, len(list))], "\t"))
		}
	}
	return found
}
