// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"strings"
)

// sins are all that a server can hold against being a member, but for what its
// version lets nobody make any more.
const sins = `CREATE DATABASE sins; USE sins;
CREATE TABLE myisam (a INT) ENGINE = MyISAM;
CREATE TABLE heap (a INT PRIMARY KEY) ENGINE = MEMORY;
CREATE TABLE keyless (a INT);
CREATE TABLE prefix (b VARCHAR(40) NOT NULL, UNIQUE (b(10)));
CREATE TABLE counting (n INT NOT NULL AUTO_INCREMENT, KEY (n));
CREATE TABLE parted (d DATE NOT NULL) PARTITION BY RANGE (YEAR(d)) (PARTITION p0 VALUES LESS THAN (2030), PARTITION p1 VALUES LESS THAN MAXVALUE);
CREATE TABLE parent (x INT, id INT PRIMARY KEY, KEY (x));
CREATE TABLE plain (a INT NOT NULL, UNIQUE (a));
SET SESSION restrict_fk_on_non_standard_key = OFF, foreign_key_checks = 0;
CREATE TABLE child (id INT PRIMARY KEY, x INT, p INT, CONSTRAINT loose FOREIGN KEY (x) REFERENCES parent (x),
 CONSTRAINT cascades FOREIGN KEY (p) REFERENCES parent (id) ON DELETE CASCADE, CONSTRAINT orphan FOREIGN KEY (p) REFERENCES nowhere (id));
CREATE USER gone@'%' IDENTIFIED BY 'x';
CREATE DEFINER = gone@'%' VIEW sums AS SELECT 1;
DROP USER gone@'%';
CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DO SELECT 1;
CREATE USER old@'%' IDENTIFIED WITH sha256_password BY 'x';
SET GLOBAL binlog_expire_logs_seconds = 3600, max_connections = 20000, replica_max_allowed_packet = 1048576;`

// preflight looks at hk2 with all its sins, and sg1 with data of its own: every
// sin is a finding with its remedy, what is an error is refused by a plan that
// would adopt it, and the remedies end what they are for.
func (f *fixture) preflight() {
	f.Helper()
	f.on("hk2", "mysql <<'SQL'\n"+sins+"\nSQL\n")
	f.sql("sg1", "SET GLOBAL collation_server = 'utf8mb4_general_ci'")
	var hosts strings.Builder
	for _, name := range []string{"hk2", "sg1"} {
		host, err := f.lab.Inventory.Host(name)
		f.must(err)
		fmt.Fprintf(&hosts, "    %s = { host = %q, host_key = %q }\n", name, host.Address, host.HostKey)
	}
	terraform := written(f.T, f.lab, "data \"atoll_mysql_preflight\" \"before\" {\n  hosts = {\n"+hosts.String()+"  }\n}\noutput \"preflight\" {\n  value = data.atoll_mysql_preflight.before\n}\n")
	type found struct{ Severity, Check, Server, Object, Text, Remedy string }
	var looked struct {
		Ready    bool
		Findings []found
		Servers  map[string]struct {
			Answers bool
			Schemas []string
		}
	}
	look := func() (all []string) {
		f.Helper()
		f.must(terraform.Apply(f.Context()))
		f.must(terraform.Output(f.Context(), "preflight", &looked))
		for _, one := range looked.Findings {
			all = append(all, strings.Join([]string{one.Severity, one.Check, one.Server, one.Object}, " "))
		}
		return all
	}
	got := look()
	want := []string{
		"error variable  collation_server",
		"error engine hk2 sins.heap", "error engine hk2 sins.myisam", "error key hk2 sins.counting", "error key hk2 sins.keyless", "error key hk2 sins.parted", "error key hk2 sins.prefix",
		"error identity sg1 of_sg1",
		"warning identity  server_id", "warning identity  server_uuid", // of one image
		"warning account hk2 'old'@'%'", "warning binary_log hk2 binlog_expire_logs_seconds", "warning definer hk2 'gone'@'%'", "warning event hk2 sins.nightly",
		"warning foreign_key hk2 sins.child.loose", "warning foreign_key hk2 sins.child.orphan", "warning memory hk2 innodb_buffer_pool_size",
		"warning transaction_size hk2 replica_max_allowed_packet", "info foreign_key hk2 sins.child.cascades",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") || looked.Ready || !looked.Servers["hk2"].Answers || strings.Join(looked.Servers["sg1"].Schemas, " ") != "of_sg1" {
		f.Errorf("ready %v, %+v, and the findings\n%s\nwant\n%s", looked.Ready, looked.Servers, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	_, err := f.terraform.Plan(f.Context())
	for _, one := range looked.Findings {
		refused := err != nil && strings.Contains(flat(err.Error()), flat(one.Object+": "+one.Text+" "+one.Remedy))
		if one.Server == "hk2" && refused != (one.Severity == "error") {
			f.Errorf("%s %s is refused by the plan: %v\n%v", one.Severity, one.Object, refused, err)
		}
		if one.Remedy != "" && one.Check != "event" {
			f.sql(one.Server, strings.ReplaceAll(one.Remedy, "<its password>", "anew"))
		}
	}
	f.sql("sg1", "SET GLOBAL collation_server = 'utf8mb4_0900_ai_ci'")
	want = []string{"error identity sg1 of_sg1", "warning identity  server_id", "warning identity  server_uuid", "warning event hk2 sins.nightly", "warning memory hk2 innodb_buffer_pool_size", "info foreign_key hk2 sins.child.cascades"}
	if got := look(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		f.Errorf("after the remedies:\n%s", strings.Join(got, "\n"))
	}
}
