// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"slices"
	"strings"
	"testing"
)

// Linux answers for an address on every interface: who is in the machine's own
// network reaches the mesh's address past the mesh, unless the door is closed.
func TestDatabaseIsTheMeshsAlone(t *testing.T) {
	f := stand(t)
	const address = `atoll_mysql_server.database["hk1"]`
	hk1, err := f.lab.Inventory.Host("hk1")
	f.must(err)
	past := "ip route replace 10.77.0.11/32 via " + hk1.Address + "\ntimeout 5 bash -c 'exec 3<>/dev/tcp/10.77.0.11/3306' 2>/dev/null && echo open || echo closed\nip route del 10.77.0.11/32 via " + hk1.Address
	within := "timeout 5 bash -c 'exec 3<>/dev/tcp/10.77.0.11/3306' && echo open || echo closed"
	if past, within := f.on("app1", past), f.on("app1", within); past != "closed" || within != "open" {
		t.Errorf("past the mesh the port is %s, and within it %s", past, within)
	}
	f.on("hk1", "nft flush ruleset")
	f.letInFromAnywhere()
	if got := f.on("app1", past); got != "open" {
		t.Errorf("without the door the port is %s: the test proves nothing", got)
	}
	plan := f.plan()
	if lines := plan.Drift[address]; !slices.Contains(lines, "port 3306: open to others than mesh site") {
		t.Errorf("the plan says %q", lines)
	}
	limited := strings.Join(plan.Drift["atoll_mysql_cluster.main"], "; ")
	for _, line := range []string{"recovery accounts: are let in from %, want 10.77.0.0/255.255.255.0", "account mysql_router_203_0_113_21: is let in from %, want 10.77.0.0/255.255.255.0"} {
		if !strings.Contains(limited, line) {
			t.Errorf("the plan says %q, and not %q", limited, line)
		}
	}
	f.apply()
	f.inSync()
	// A member comes back by its limited account, and a router goes on by its own.
	f.on("sg1", "systemctl restart mysql")
	f.on("app1", "systemctl restart mysqlrouter")
	f.eventually("sg1 is back", patience, func() bool {
		got, err := f.try("sg1", `mysql -N -B -e "SELECT member_state FROM performance_schema.replication_group_members WHERE member_id = @@server_uuid"`)
		return err == nil && got == "ONLINE"
	})
	f.inSync()
	// A mesh that restarts has another interface of the same name.
	f.on("hk1", "systemctl restart tinc@site")
	f.eventually("within the mesh again", patience, func() bool { return f.on("app1", within) == "open" })
	if got := f.on("app1", past); got != "closed" {
		t.Errorf("past the mesh the port is %s", got)
	}
	accounts := f.sql("hk1", "SELECT CONCAT(user, ' ', host, ' ', ssl_type) FROM mysql.user WHERE user LIKE 'mysql\\_innodb\\_cluster\\_%' OR user LIKE 'mysql\\_router\\_%'")
	for line := range strings.Lines(accounts) {
		if !strings.HasSuffix(strings.TrimSpace(line), " 10.77.0.0/255.255.255.0 ANY") {
			t.Errorf("%s is let in from elsewhere than the mesh, or without TLS", line)
		}
	}
	if got := f.sql("hk1", "SELECT @@require_secure_transport"); got != "1" || strings.Count(accounts, "\n") != 4 {
		t.Errorf("secure transport is required: %s; accounts:\n%s", got, accounts)
	}
}

// letInFromAnywhere makes the accounts those that former versions of this provider
// made, and MySQL Shell makes by itself.
func (f *fixture) letInFromAnywhere() {
	f.Helper()
	f.sql(f.primary(), `SELECT GROUP_CONCAT(QUOTE(user), '@', QUOTE(host), ' TO ', QUOTE(user), '@''%''') INTO @accounts FROM mysql.user WHERE user LIKE 'mysql\_innodb\_cluster\_%' OR user LIKE 'mysql\_router\_%';
SET @renames = CONCAT('RENAME USER ', @accounts); PREPARE renames FROM @renames; EXECUTE renames;
UPDATE mysql_innodb_cluster_metadata.instances SET attributes = JSON_SET(attributes, '$.recoveryAccountHost', '%');
UPDATE mysql_innodb_cluster_metadata.clusters SET attributes = JSON_SET(attributes, '$.opt_replicationAllowedHost', '%')`)
}
