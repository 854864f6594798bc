// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"testing"
	"time"
)

// A table that is made without a key gets an invisible one where that is declared, and
// so takes rows that every member has; it stays without where it is not.
func TestTablesGetKeys(t *testing.T) {
	f := stand(t)
	primary := f.primary()
	uptimes := func() (list string) {
		for _, host := range databases {
			list += f.on(host, "systemctl show -p MainPID mysql") + " "
		}
		return list
	}
	before := uptimes()
	f.override("atoll_mysql_server.database", "generate_primary_keys = true")
	f.apply()
	f.inSync()
	f.sql(primary, "CREATE DATABASE keyless; CREATE TABLE keyless.t (a INT); INSERT INTO keyless.t VALUES (1)")
	defer f.sql(primary, "DROP DATABASE keyless")
	for _, host := range databases {
		f.eventually("the row on "+host, time.Minute, func() bool {
			return f.sql(host, "SELECT COUNT(*) FROM keyless.t WHERE my_row_id = 1 AND a = 1") == "1"
		})
	}
	f.override("atoll_mysql_server.database", "generate_primary_keys = false")
	f.apply()
	f.inSync()
	if _, err := f.try(primary, "mysql -e 'CREATE TABLE keyless.u (a INT); INSERT INTO keyless.u VALUES (1)'"); err == nil {
		t.Error("a table without a key takes a row")
	}
	if now := uptimes(); now != before {
		t.Errorf("servers were restarted: %s, and were %s", now, before)
	}
}
