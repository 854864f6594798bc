// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Every member takes writes, and then one again, without a stop; what could not be
// written then is refused by the plan, and a member that boots meanwhile comes back.
func TestModeOfTheGroup(t *testing.T) {
	f := stand(t)
	main := filepath.Join(f.terraform.Dir, "main.tf")
	before, err := os.ReadFile(main)
	f.must(err)
	t.Cleanup(func() { _ = os.WriteFile(main, before, 0o600) })
	const cluster = "resource \"atoll_mysql_cluster\" \"main\" {\n"
	f.must(os.WriteFile(main, []byte(strings.Replace(string(before), cluster, cluster+"  mode = \"multi-primary\"\n  weights = { hk2 = 70 }\n", 1)), 0o600))

	f.sql(f.primary(), `CREATE DATABASE modes; CREATE TABLE modes.parent (id INT PRIMARY KEY);
CREATE TABLE modes.child (id INT AUTO_INCREMENT PRIMARY KEY, p INT, CONSTRAINT cascades FOREIGN KEY (p) REFERENCES modes.parent (id) ON DELETE CASCADE)`)
	_, err = f.terraform.Plan(f.Context())
	if err == nil || !strings.Contains(flat(err.Error()), "modes.child.cascades: changes rows of its table with those of modes.parent") || !strings.Contains(flat(err.Error()), "ALTER TABLE `modes`.`child` DROP FOREIGN KEY `cascades`;") {
		t.Fatalf("the plan says %v", err)
	}
	f.sql(f.primary(), "ALTER TABLE modes.child DROP FOREIGN KEY cascades")
	f.apply()
	f.inSync()
	for _, host := range databases {
		f.sql(host, "INSERT INTO modes.child (p) VALUES (1)")
		const settings = "SELECT CONCAT_WS(' ', @@group_replication_single_primary_mode, @@group_replication_enforce_update_everywhere_checks, @@auto_increment_increment, @@super_read_only, @@group_replication_member_weight)"
		want := "0 1 7 0 50"
		if host == "hk2" {
			want = "0 1 7 0 70"
		}
		if got := f.sql(host, settings); got != want {
			t.Errorf("%s has %q, want %q", host, got, want)
		}
	}
	f.on("hk2", "systemctl restart mysql")
	f.eventually("hk2 is back", 2*time.Minute, func() bool { return f.sql("hk2", online) == "3" })
	f.inSync()

	f.must(os.WriteFile(main, before, 0o600))
	f.apply()
	f.inSync()
	if got := f.sql("hk2", "SELECT CONCAT_WS(' ', @@group_replication_single_primary_mode, @@group_replication_enforce_update_everywhere_checks, @@auto_increment_increment, @@group_replication_member_weight)"); got != "1 0 1 50" {
		t.Errorf("back again it has %q", got)
	}
	primaries := "SELECT COUNT(*) FROM performance_schema.replication_group_members WHERE member_role = 'PRIMARY'"
	if got := f.sql("hk1", primaries) + f.sql("hk1", "SELECT COUNT(DISTINCT id) FROM modes.child"); got != "13" {
		t.Errorf("primaries and rows: %s", got)
	}
	f.sql(f.primary(), "DROP DATABASE modes")
}
