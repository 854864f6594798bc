// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/lab"
)

// importing is a site whose cluster is to begin with a copy of the data of app1, where a
// MySQL server of somebody's own runs.
type importing struct {
	*fixture
	servers string
}

// sourceOfAnImport makes that server: with GTIDs, 32 rows of 4 MiB, and a user who clones.
const sourceOfAnImport = `cat >/etc/mysql/mysql.conf.d/own.cnf <<'END'
[mysqld]
bind_address = *
server_id = 201
gtid_mode = ON
enforce_gtid_consistency = ON
END
rm -f /var/lib/mysql/auto.cnf
systemctl enable --now mysql
mysql <<'END'
INSTALL PLUGIN clone SONAME 'mysql_clone.so';
CREATE DATABASE large;
CREATE TABLE large.t (id INT AUTO_INCREMENT PRIMARY KEY, bytes LONGBLOB NOT NULL);
INSERT INTO large.t (bytes) VALUES (REPEAT('atoll', 838860));
CREATE USER cloner@'%' IDENTIFIED BY 'a long password' REQUIRE SSL;
END
for i in $(seq 5); do mysql -e 'INSERT INTO large.t (bytes) SELECT bytes FROM large.t'; done`

// A new cluster begins with a copy of the data of a server outside of it. What stands
// against that is refused with the attribute, the value and the way out, and nothing is
// touched; an apply that is killed in the middle of the copy, and a server that is, are
// finished by the next.
func TestImportFromAServerOutside(t *testing.T) {
	f := &importing{fixture: open(t)}
	f.rebuildAll()
	f.Cleanup(func() { _ = f.lab.Reset(context.Background()) })
	f.on("app1", sourceOfAnImport)
	f.servers = "locals {\n  servers = {\n"
	for _, name := range databases {
		host, err := f.lab.Inventory.Host(name)
		f.must(err)
		f.servers += fmt.Sprintf("    %s = { host = %q, host_key = %q }\n", name, host.Address, host.HostKey)
	}
	f.servers += `  }
}
variable "password" {
  type      = string
  ephemeral = true
  default   = "a long password"
}
resource "atoll_mysql_server" "db" {
  for_each = local.servers
  ssh      = { host = each.value.host, host_key = each.value.host_key }
  address  = each.value.host
}
resource "atoll_mysql_cluster" "main" {
  name    = "main"
  members = { for name, server in atoll_mysql_server.db : name => server.member }
`
	f.terraform = written(t, f.lab, f.servers)
	f.refusals()
	f.must(f.lab.SetLink(f.Context(), "hk1", "app1", lab.Link{Rate: 60_000_000}, false))
	f.killed()
	began := time.Now()
	f.apply()
	t.Logf("the apply that finished it took %s", time.Since(began).Round(time.Second))
	f.copied()
	f.declare("")
	f.inSync()
}

// declare writes the configuration with what is imported from.
func (f *importing) declare(from string) {
	f.Helper()
	path := filepath.Join(f.terraform.Dir, "main.tf")
	content, err := os.ReadFile(path)
	f.must(err)
	head, _, _ := strings.Cut(string(content), "locals {")
	f.must(os.WriteFile(path, []byte(head+f.servers+from+"}\n"), 0o600))
}

const fromApp1 = "  import_from = { address = \"203.0.113.21\", port = %d, user = \"cloner\", password = %s, ssl_ca = %q }\n"

// refusals asks for what cannot be, each time with the way out, which is then taken.
func (f *importing) refusals() {
	f.Helper()
	right := fmt.Sprintf(fromApp1, 3306, "var.password", f.on("app1", "tr -d '\\0' </var/lib/mysql/ca.pem"))
	f.declare("")
	f.must(f.terraform.Apply(f.Context(), "-target=atoll_mysql_server.db"))
	for _, row := range []struct{ name, declared, before, on, want, after string }{
		{"nobody there", strings.Replace(right, "3306", "3307", 1), "", "app1", `import_from.address = "203.0.113.21": the source 203.0.113.21:3307 is not reached from 203.0.113.11`, ""},
		{"a wrong password", strings.Replace(right, "var.password", `"another"`, 1), "", "app1", `import_from.user = "cloner": the source 203.0.113.21:3306 does not let this user in from 203.0.113.11`, ""},
		{"another authority", fmt.Sprintf(fromApp1, 3306, "var.password", f.on("hk1", "cat /etc/mysql/atoll/ca.pem")), "", "app1", "import_from.ssl_ca: the source 203.0.113.21:3306 shows a certificate that none of these has signed", ""},
		{
			"no privileges", right, "", "app1", `import_from.user = "cloner": the user lacks BACKUP_ADMIN, PROCESS, SELECT.`,
			"GRANT BACKUP_ADMIN, PROCESS, SELECT ON *.* TO cloner@'%'",
		},
		{"no clone plugin", right, "UNINSTALL PLUGIN clone", "app1", "INSTALL PLUGIN clone SONAME 'mysql_clone.so';", "INSTALL PLUGIN clone SONAME 'mysql_clone.so'"},
		{"a table without a key", right, "CREATE TABLE large.keyless (a INT)", "app1", "large.keyless: it has no primary key", "DROP TABLE large.keyless"},
		{"a root with a password", right, "ALTER USER root@localhost IDENTIFIED WITH caching_sha2_password BY ''", "app1", `root@localhost logs in by "caching_sha2_password"`, "ALTER USER root@localhost IDENTIFIED WITH auth_socket"},
		{"data of a member's own", right, "SET sql_log_bin = 0; CREATE DATABASE precious; CREATE TABLE precious.t (id INT PRIMARY KEY)", "hk2", "member hk2: import_from replaces nobody's data, and it has the schemas precious.", "SET sql_log_bin = 0; DROP DATABASE precious"},
	} {
		if row.before != "" {
			f.sql(row.on, row.before)
		}
		f.declare(row.declared)
		_, err := f.terraform.Plan(f.Context())
		if err == nil || !strings.Contains(flat(err.Error()), row.want) || strings.Contains(err.Error(), "a long password") {
			f.Errorf("%s: %v", row.name, err)
		}
		if row.after != "" {
			f.sql(row.on, row.after)
		}
	}
	f.declare(right)
	f.noRoom()
	plan := f.plan()
	if !strings.Contains(flat(plan.Text), "Source Is to Be Drained") {
		f.Errorf("the plan does not say that the source is to be drained:\n%s", plan.Text)
	}
	if err := f.terraform.ApplyPlan(f.Context()); err == nil || !strings.Contains(flat(err.Error()), "it is not drained, and what is written there after the copy would be missing: SET PERSIST super_read_only = ON;") {
		f.Errorf("a source that takes writes: %v", err)
	}
	if got := f.sql("hk1", "SELECT CONCAT((SELECT COUNT(*) FROM performance_schema.clone_status), IFNULL(@@group_replication_group_name, ''), @@gtid_executed)"); got != "0" {
		f.Errorf("hk1 was touched: %q", got)
	}
	f.sql("app1", "SET PERSIST super_read_only = ON")
}

// noRoom leaves 100 MiB on hk1's disk, and the source has more than 128.
func (f *importing) noRoom() {
	f.Helper()
	f.on("hk1", "fallocate -l $(($(df -B1 --output=avail /var/lib/mysql | tail -n 1) - 104857600)) /var/lib/full")
	defer f.on("hk1", "rm /var/lib/full")
	_, err := f.terraform.Plan(f.Context())
	if err == nil || !regexp.MustCompile(`import_from.address = "203.0.113.21": the source 203.0.113.21:3306: its data cannot be those of a new cluster: a copy of them takes \d+ MiB, and /var/lib/mysql of hk1 has room for \d+ MiB`).MatchString(flat(err.Error())) {
		f.Errorf("no room: %v", err)
	}
}

// clonesBegun tells one clone from another.
const clonesBegun = `mysql -N -B -e "SELECT MAX(begin_time) FROM performance_schema.clone_status"`

// killed ends the server in the middle of the copy, and then the apply.
func (f *importing) killed() {
	f.Helper()
	for _, victim := range []string{"the server", "the apply"} {
		before, err := f.try("hk1", clonesBegun)
		f.must(err)
		command, output, err := f.terraform.Start("apply", "-auto-approve", "-no-color")
		f.must(err)
		ended := make(chan error, 1)
		go func() { ended <- command.Wait() }()
		f.eventually("a part of the data is there", 3*time.Minute, func() bool {
			got, err := f.try("hk1", `mysql -N -B -e "SELECT data > 20000000 AND data < estimate FROM performance_schema.clone_progress WHERE stage = 'FILE COPY' AND state = 'In Progress'"`)
			begun, problem := f.try("hk1", clonesBegun)
			return err == nil && got == "1" && problem == nil && begun != before
		})
		if victim == "the apply" {
			if err := f.cutShort(command.Process.Pid, ended); err == nil {
				f.Fatal("the apply was done already")
			}
			continue
		}
		f.on("hk1", "systemctl kill -s KILL mysql")
		err = <-ended
		f.Logf("the apply whose server was killed says: %v\n%s", err, output.String()[max(0, output.Len()-1500):])
		if err == nil {
			f.Fatal("the apply was done already")
		}
	}
}

// copied compares every member with the source.
func (f *importing) copied() {
	f.Helper()
	f.inSync()
	const rows = "SELECT CONCAT(COUNT(*), ' ', SUM(LENGTH(bytes)), ' ', SUM(CRC32(bytes)), ' ', SUM(id)) FROM large.t"
	want, executed := f.sql("app1", rows), f.sql("app1", "SELECT REPLACE(@@global.gtid_executed, '\\n', '')")
	if !strings.HasPrefix(want, "32 134217600 ") {
		f.Fatalf("the source has %s", want)
	}
	for _, host := range databases {
		if got := f.sql(host, rows); got != want {
			f.Errorf("%s has %s, and the source %s", host, got, want)
		}
		if got := f.sql(host, "SELECT CONCAT(GTID_SUBSET('"+executed+"', @@global.gtid_executed), ("+online+"), (SELECT COUNT(*) FROM mysql.user WHERE user = 'cloner'))"); got != "131" {
			f.Errorf("%s holds the source's transactions, sees members, and has its account: %s", host, got)
		}
	}
	state, err := f.terraform.State(f.Context())
	f.must(err)
	if strings.Contains(string(state), "a long password") || strings.Contains(string(state), "cloner") {
		f.Error("the state has the source's account")
	}
}
