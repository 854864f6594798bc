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
	if got := f.on("app1", past); got != "open" {
		t.Errorf("without the door the port is %s: the test proves nothing", got)
	}
	if lines := f.plan().Drift[address]; !slices.Contains(lines, "port 3306: open to others than mesh site") {
		t.Errorf("the plan says %q", lines)
	}
	f.apply()
	f.inSync()
	// A mesh that restarts has another interface of the same name.
	f.on("hk1", "systemctl restart tinc@site")
	f.eventually("within the mesh again", patience, func() bool { return f.on("app1", within) == "open" })
	if got := f.on("app1", past); got != "closed" {
		t.Errorf("past the mesh the port is %s", got)
	}
	accounts := f.sql("hk1", "SELECT CONCAT(user, ' ', ssl_type) FROM mysql.user WHERE user LIKE 'mysql\\_innodb\\_cluster\\_%' OR user LIKE 'mysql\\_router\\_%'")
	for line := range strings.Lines(accounts) {
		if !strings.HasSuffix(strings.TrimSpace(line), " ANY") {
			t.Errorf("%s is let in without TLS", line)
		}
	}
	if got := f.sql("hk1", "SELECT @@require_secure_transport"); got != "1" || strings.Count(accounts, "\n") != 4 {
		t.Errorf("secure transport is required: %s; accounts:\n%s", got, accounts)
	}
}
