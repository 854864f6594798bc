// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"strings"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/site"
)

// beginsCutOff gives a member a datadir whose making ended at the last views of
// information_schema, as by a SHUTDOWN that comes too early: here they cannot be made
// because of a table that is away. The member keeps its UUID and what was persisted,
// and waits to be started.
const beginsCutOff = `set -eu
systemctl stop atoll-guardian mysql
data=/var/lib/mysql kept=$(mktemp -d) statements=/var/lib/mysql-files/cut-off.sql
trap 'rm -rf "$kept" $statements' EXIT
cp -p $data/auto.cnf $data/mysqld-auto.cnf "$kept"
find $data -mindepth 1 -delete
install -o mysql -m 0600 /dev/null $statements
printf '%s\n' "INSTALL PLUGIN auth_socket SONAME 'auth_socket.so';" "ALTER USER root@localhost IDENTIFIED WITH 'auth_socket';" 'RENAME TABLE mysql.default_roles TO mysql.away;' >$statements
if mysqld --no-defaults --initialize-insecure --user=mysql --init-file=$statements --log-error=/tmp/cut-off.log; then exit 1; fi
grep -q 'System views initialization failed' /tmp/cut-off.log
printf '%s\n' 'RENAME TABLE mysql.away TO mysql.default_roles;' 'SHUTDOWN;' >$statements
mysqld --no-defaults --skip-grant-tables --skip-log-bin --skip-networking --mysqlx=OFF --user=mysql --socket=$data/cut-off.sock --pid-file=$data/cut-off.pid --init-file=$statements --log-error=/tmp/cut-off.log
sed -i 's/\("group_replication_start_on_boot"[^}]*"Value" *: *\)"ON"/\1"OFF"/' "$kept/mysqld-auto.cnf"
cp -p "$kept"/* $data
systemctl start mysql
`

// joinsByHand fills the server from a dump of the primary's data, which has no views of
// information_schema, and starts it as the member that it was.
const joinsByHand = `set -eu
mysqldump -h PRIMARY -u halfmade -phalf-Made-1 --all-databases --single-transaction --triggers --routines --events --set-gtid-purged=ON >/tmp/half-made.sql
mysql -e 'SET GLOBAL super_read_only = OFF; RESET BINARY LOGS AND GTIDS'
mysql </tmp/half-made.sql
mysql -e "FLUSH NO_WRITE_TO_BINLOG PRIVILEGES; CHANGE REPLICATION SOURCE TO SOURCE_USER = 'halfmade', SOURCE_PASSWORD = 'half-Made-1' FOR CHANNEL 'group_replication_recovery'; START GROUP_REPLICATION"
`

// A server whose first start was cut off works like any other until it is the primary:
// then MySQL Router refuses everybody. The plan says so before, and an apply completes it.
func TestIncompleteServerIsCompleted(t *testing.T) {
	f := stand(t)
	const views = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'information_schema' AND (table_name LIKE '%ROLE%' OR table_name = 'USER_ATTRIBUTES')"
	host, count := f.secondary(), f.sql(f.primary(), views)
	f.on(host, beginsCutOff)
	f.sql(f.primary(), "CREATE USER halfmade@'%' IDENTIFIED BY 'half-Made-1'; GRANT ALL ON *.* TO halfmade@'%'")
	f.on(host, strings.ReplaceAll(joinsByHand, "PRIMARY", f.sql(f.primary(), "SELECT @@report_host")))
	f.eventually("a member by hand", time.Minute, f.allOnline)
	f.sql(host, "SELECT group_replication_set_as_primary(@@server_uuid)")
	if got := f.sql(host, views); got == count {
		t.Fatalf("%s has all views", host)
	}

	application, err := site.Machine(f.pool, f.lab.Inventory, "app1")
	f.must(err)
	db, err := site.OpenRouter(application, "127.0.0.1:6446", "halfmade", "half-Made-1", "")
	f.must(err)
	defer func() { _ = db.Close() }()
	refused := func() bool {
		err := db.PingContext(f.Context())
		return err != nil && strings.HasSuffix(err.Error(), ": Access denied") // a server would name the account
	}
	f.eventually("refused by the router", time.Minute, refused)

	if plan := f.plan(); !strings.Contains(flat(plan.Text), "not made to its end: information_schema lacks") || !strings.Contains(flat(plan.Text), "USER_ATTRIBUTES") {
		t.Errorf("the plan does not say so: %s", plan)
	}
	f.apply()
	f.inSync()
	f.whole()
	if got := f.sql(host, views); got != count {
		t.Errorf("%s has %s of the views, want %s", host, got, count)
	}
	if got := f.on(host, "grep -c '^upgrade' /etc/mysql/mysql.conf.d/zz-atoll.cnf || :"); got != "0" {
		t.Errorf("the settings still ask for a whole upgrade")
	}
	f.sql(f.primary(), "SELECT group_replication_set_as_primary('"+f.sql(host, "SELECT @@server_uuid")+"')")
	f.eventually("let in by the router", time.Minute, func() bool { return db.PingContext(f.Context()) == nil })
	f.sql(host, "DROP USER halfmade@'%'")
}
