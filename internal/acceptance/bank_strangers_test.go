// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"strings"
	"time"
)

// strangers are members that the group cannot take as they are.
func strangers() []mishap {
	return []mishap{
		{name: "a member recovers with a wrong password, and starts again", applied: true, does: func(f *fixture) {
			f.restarted(f.secondary(), `mysql -e "CHANGE REPLICATION SOURCE TO SOURCE_PASSWORD = 'wrong' FOR CHANNEL 'group_replication_recovery'"`)
		}},
		{name: "a member's recovery account is dropped, and it starts again", applied: true, does: func(f *fixture) {
			host := f.secondary()
			f.sql(f.primary(), "DROP USER "+f.sql(host, "SELECT CONCAT('mysql_innodb_cluster_', @@server_id)")+"@'10.77.0.0/255.255.255.0'")
			f.restarted(host, ":")
		}},
		{name: "a member has the server_uuid of another", applied: true, does: func(f *fixture) {
			f.restarted(f.secondary(), `printf '[auto]\nserver-uuid=`+f.sql(f.primary(), "SELECT @@server_uuid")+`\n' >/var/lib/mysql/auto.cnf`)
		}},
		{name: "a member has the server_id of another", applied: true, does: func(f *fixture) {
			f.restarted(f.secondary(), `mysql -e "SET PERSIST server_id = `+f.sql(f.primary(), "SELECT @@server_id")+`"`)
		}},
	}
}

// restarted does something to a member whose server starts again afterwards, and lets
// its guardian try what it can.
func (f *fixture) restarted(host, script string) {
	f.Helper()
	f.on(host, script)
	f.on(host, "systemctl restart mysql")
	time.Sleep(20 * time.Second)
}

// edits are what somebody does to the cluster's metadata and to a router.
func edits() []mishap {
	const metadata = "mysql_innodb_cluster_metadata."
	return []mishap{
		{name: "the metadata are edited", applied: true, does: func(f *fixture) {
			f.sql(f.primary(), "UPDATE "+metadata+"instances SET address = '10.77.0.99:3306', addresses = JSON_SET(addresses, '$.mysqlClassic', '10.77.0.99:3306') WHERE address = '"+f.sql(f.secondary(), "SELECT CONCAT(@@report_host, ':', @@report_port)")+"'")
		}},
		{name: "the metadata's rows of all members are deleted", applied: true, does: func(f *fixture) {
			f.sql(f.primary(), "DELETE FROM "+metadata+"instances")
		}},
		{name: "a member's row in the metadata is deleted, and it becomes the primary", applied: true, does: func(f *fixture) {
			f.withoutRow(f.secondary())
		}},
		{name: "a primary has no row in the metadata, and every mysqld is killed", applied: true, does: func(f *fixture) {
			f.withoutRow(f.secondary())
			f.killed()
		}},
		{name: "the metadata are dropped", applied: true, does: func(f *fixture) {
			f.sql(f.primary(), "DROP DATABASE "+strings.TrimSuffix(metadata, "."))
		}},
		{name: "a router is removed", applied: true, does: func(f *fixture) {
			f.on("app2", "systemctl disable -q --now mysqlrouter; DEBIAN_FRONTEND=noninteractive apt-get -q -y purge mysql-router && rm -rf /etc/atoll-router")
		}},
	}
}

// withoutRow deletes a member's row in the metadata, and makes it the primary. The
// plan names it.
func (f *fixture) withoutRow(host string) {
	f.Helper()
	primary := f.primary()
	f.sql(primary, "DELETE FROM mysql_innodb_cluster_metadata.instances WHERE mysql_server_uuid = '"+f.sql(host, "SELECT @@server_uuid")+"'")
	f.sql(primary, "SELECT group_replication_set_as_primary('"+f.sql(host, "SELECT @@server_uuid")+"')")
	if lines := strings.Join(f.plan().Drift["atoll_mysql_cluster.main"], "; "); !strings.Contains(lines, host+": row in the cluster metadata: missing or differs") {
		f.Errorf("drift: %q", lines)
	}
}
