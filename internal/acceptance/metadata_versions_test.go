// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/innodbcluster"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Metadata of every version that an apply makes are those of InnoDB Cluster, and MySQL
// Router takes them as its users bootstrap it by hand: with an account of its own, once
// more, by way of a secondary, and with one that was made for it.
func TestMetadataOfEachVersion(t *testing.T) {
	f := stand(t)
	defer f.administrator()()
	f.ageMetadata()
	for _, version := range innodbcluster.MetadataVersions {
		f.override("atoll_mysql_cluster.main", fmt.Sprintf("metadata_version = %q", version))
		f.apply()
		f.inSync()
		f.metadataAre(version, all, f.asksSecondary)
		f.bootstrapsByHand(version)
		f.inSync()
	}
}

// The metadata are the same on servers that compare and make tables otherwise.
func TestMetadataOfOddServers(t *testing.T) {
	f := stand(t)
	for _, host := range databases {
		f.sql(host, "SET GLOBAL default_collation_for_utf8mb4 = utf8mb4_general_ci")
	}
	f.override("atoll_mysql_server.database", `settings = { sql_require_primary_key = "ON", sql_generate_invisible_primary_key = "ON" }`)
	f.apply()
	f.sql(f.primary(), "DROP DATABASE mysql_innodb_cluster_metadata")
	f.apply()
	f.inSync()
	f.metadataAre("2.4.0", typed, f.asksSecondary)
	f.whole()
	f.inLowerCase()
	for _, host := range databases {
		f.sql(host, "SET GLOBAL default_collation_for_utf8mb4 = DEFAULT")
	}
	f.sql(f.primary(), "DROP DATABASE mysql_innodb_cluster_metadata")
	f.apply()
	f.metadataAre("2.4.0", all, f.asksSecondary)
}

// typed are the fields of a column's line that every server shows alike, its name and
// type: its collation is of the server's, and of what was computed by that.
const typed = 3

// administrators is where the guide's account for MySQL Shell comes from.
const administrators = "'dba'@'10.77.0.%'"

// administrator makes the account of the guide, and the one that a router is given,
// and says how they go.
func (f *fixture) administrator() (ends func()) {
	f.Helper()
	primary := f.primary()
	f.sql(primary, strings.ReplaceAll(`CREATE USER DBA IDENTIFIED BY 'of the test' REQUIRE SSL;
GRANT RELOAD, SHUTDOWN, PROCESS, FILE, SELECT, REPLICATION SLAVE, REPLICATION CLIENT, CREATE USER, EXECUTE ON *.* TO DBA WITH GRANT OPTION;
GRANT SYSTEM_VARIABLES_ADMIN, PERSIST_RO_VARIABLES_ADMIN, REPLICATION_SLAVE_ADMIN, GROUP_REPLICATION_ADMIN, CONNECTION_ADMIN, ROLE_ADMIN, CLONE_ADMIN, REPLICATION_APPLIER, TRANSACTION_GTID_TAG ON *.* TO DBA WITH GRANT OPTION;
GRANT ALTER, ALTER ROUTINE, CREATE, CREATE ROUTINE, CREATE TEMPORARY TABLES, CREATE VIEW, DELETE, DROP, EVENT, EXECUTE, INDEX, INSERT, LOCK TABLES, REFERENCES, SHOW VIEW, TRIGGER, UPDATE ON mysql_innodb_cluster_metadata.* TO DBA WITH GRANT OPTION;
GRANT INSERT, UPDATE, DELETE ON mysql.* TO DBA WITH GRANT OPTION;
CREATE USER given@'10.77.0.%' IDENTIFIED BY 'of the test';
GRANT SELECT, EXECUTE ON mysql_innodb_cluster_metadata.* TO given@'10.77.0.%';
GRANT INSERT, UPDATE, DELETE ON mysql_innodb_cluster_metadata.routers TO given@'10.77.0.%';
GRANT INSERT, UPDATE, DELETE ON mysql_innodb_cluster_metadata.v2_routers TO given@'10.77.0.%';
GRANT INSERT, UPDATE ON mysql_innodb_cluster_metadata.router_stats TO given@'10.77.0.%';
GRANT SELECT ON performance_schema.replication_group_members TO given@'10.77.0.%';
GRANT SELECT ON performance_schema.replication_group_member_stats TO given@'10.77.0.%';
GRANT SELECT ON performance_schema.global_variables TO given@'10.77.0.%';
CREATE USER probe@'%' IDENTIFIED BY 'of the test'`, "DBA", administrators))
	return func() { f.sql(f.primary(), "DROP USER "+administrators+", given@'10.77.0.%', probe@'%'") }
}

// byHand bootstraps a router beside the declared one from a member, starts it, and says
// the first of its ports.
const byHand = `set -e
cd /
install -d -o mysqlrouter -g mysqlrouter /var/lib/by-hand
own='setpriv --reuid=mysqlrouter --regid=mysqlrouter --clear-groups --'
printf 'of the test\nof the test\n' | $own mysqlrouter --bootstrap dba@%[1]s:3306 --directory /var/lib/by-hand --name by-hand --conf-base-port 8446 --disable-rest --report-host=app2 --conf-set-option=logger.filename=router.log %[2]s >/run/by-hand.said 2>&1 || { cat /run/by-hand.said >&2; exit 1; }
grep -q '^\[metadata_cache' /var/lib/by-hand/mysqlrouter.conf
rm -f /var/lib/by-hand/log/router.log
systemd-run --quiet --collect --unit by-hand --uid mysqlrouter mysqlrouter -c /var/lib/by-hand/mysqlrouter.conf`

// ended takes away what byHand left on the host.
const ended = `systemctl stop by-hand 2>&1; ! systemctl is-active by-hand`

// bootstrapsByHand bootstraps a router in each way, and follows where its ports lead.
func (f *fixture) bootstrapsByHand(version string) {
	f.Helper()
	primary := f.primary()
	leader, secondaries := f.addresses(primary)
	for _, way := range []struct{ from, options, account string }{
		{leader, "", "mysql_router"},
		{leader, "--force", "mysql_router"},
		{secondaries[0], "--force", "mysql_router"},
		{leader, "--force --account=given --account-create=never", "given"},
	} {
		f.on("app2", fmt.Sprintf(byHand, way.from, way.options))
		f.eventually(fmt.Sprintf("metadata %s: by %s %s port 8446 leads to the primary", version, way.from, way.options), time.Minute, func() bool { return f.leads("app2", "127.0.0.1:8446") == leader })
		f.eventually("port 8447 leads to the secondaries", time.Minute, func() bool { return f.leads("app2", "127.0.0.1:8447") == strings.Join(secondaries, " ") })
		if got := f.sql(primary, "SELECT GROUP_CONCAT(attributes->>'$.MetadataUser') FROM mysql_innodb_cluster_metadata.routers WHERE router_name = 'by-hand'"); !strings.HasPrefix(got, way.account) || strings.Contains(got, ",") {
			f.Errorf("metadata %s: by %s %s the router has the account %q", version, way.from, way.options, got)
		}
		if said := f.on("app2", "grep -iE 'metadata_cache error|discrepan|missing' /var/lib/by-hand/log/router.log || :"); said != "" {
			f.Errorf("metadata %s: by %s %s the router says %s", version, way.from, way.options, said)
		}
		f.on("app2", ended)
	}
	f.on("app2", "rm -r /var/lib/by-hand /run/by-hand.said")
	for user := range strings.FieldsSeq(f.sql(primary, "SELECT user FROM mysql.user WHERE user REGEXP '^mysql_router[0-9]+_[a-z0-9]+$'")) {
		f.sql(primary, "DROP USER "+user)
	}
	f.sql(primary, "DELETE FROM mysql_innodb_cluster_metadata.routers WHERE router_name = 'by-hand'")
}

// views are all that Router and Shell read.
var views = []string{
	"schema_version", "v2_ar_clusters", "v2_ar_members", "v2_clusters", "v2_cs_clustersets", "v2_cs_members", "v2_cs_router_options", "v2_gr_clusters",
	"v2_instances", "v2_router_options", "v2_router_rest_accounts", "v2_routers", "v2_this_instance",
}

// inLowerCase loads the metadata into a server of the same UUID that has all names in
// lower case, where they are the same and their views show the same.
func (f *fixture) inLowerCase() {
	f.Helper()
	const home = "/var/lib/mysql-lower"
	host := f.primary()
	f.afterwards(host, "systemctl stop lower 2>/run/lower.said; rm -rf "+home+" /run/lower.said")
	f.on(host, `set -e
install -d -o mysql -g mysql `+home+`
mysqld --no-defaults --initialize-insecure --lower-case-table-names=1 --user=mysql --datadir=`+home+`/data
install -m 0640 -o mysql -g mysql /var/lib/mysql/auto.cnf `+home+`/data/
systemd-run --quiet --collect --unit lower mysqld --no-defaults --lower-case-table-names=1 --user=mysql --datadir=`+home+`/data --socket=`+home+`/socket --pid-file=`+home+`/pid --skip-networking --mysqlx=OFF`)
	ask := func(query string) string {
		return f.on(host, "mysql --no-defaults -S "+home+"/socket -N -B -e "+remote.Quote(query))
	}
	f.eventually("the server answers", time.Minute, func() bool {
		_, err := f.try(host, "mysql --no-defaults -S "+home+"/socket -e 'SELECT 1'")
		return err == nil
	})
	f.on(host, "mysqldump --set-gtid-purged=OFF --routines --databases mysql_innodb_cluster_metadata >"+home+"/dump && mysql --no-defaults -S "+home+"/socket <"+home+"/dump")
	if got := ask("SELECT @@lower_case_table_names"); got != "1" {
		f.Fatalf("the server has lower_case_table_names = %s", got)
	}
	f.metadataAre("2.4.0", typed, ask)
	for _, view := range views {
		query := "SELECT * FROM mysql_innodb_cluster_metadata." + view + " ORDER BY 1"
		is, want := ask(query), f.sql(host, query)
		if is != want {
			f.Errorf("%s shows\n%s\nand with names in lower case\n%s", view, want, is)
		}
		if rows := []string{"schema_version", "v2_clusters", "v2_gr_clusters", "v2_instances", "v2_router_options", "v2_routers", "v2_this_instance"}; want == "" && slices.Contains(rows, view) {
			f.Errorf("%s shows nothing", view)
		}
	}
}
