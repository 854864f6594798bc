// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"maps"
	"strings"
	"testing"
)

// A server that holds data becomes the first member and keeps it, the others
// take a clone; two with different data are refused, and nothing is touched.
func TestDataAreKept(t *testing.T) {
	f := open(t)
	f.rebuildAll()
	// By these modes what stands in double quotes is a name, and a backslash is one.
	settings := maps.Clone(groupSettings)
	settings["sql_mode"] = "ANSI,NO_BACKSLASH_ESCAPES"
	f.variables(func(_, all map[string]any) { all["mysql_settings"] = settings })
	for _, host := range []string{"hk2", "sg1"} {
		f.on(host, "systemctl start mysql && mysql -e 'CREATE DATABASE of_"+host+"; CREATE TABLE of_"+host+".t (id INT PRIMARY KEY); INSERT INTO of_"+host+".t VALUES (7)'")
	}
	f.preflight()
	err := f.terraform.Apply(f.Context())
	if err == nil || !strings.Contains(flat(err.Error()), "of_") || !strings.Contains(flat(err.Error()), "Nothing was changed") {
		t.Fatalf("want a refusal that names the schemas, got %v", err)
	}
	for _, host := range []string{"hk2", "sg1"} {
		if got := f.sql(host, "SELECT id FROM of_"+host+".t"); got != "7" {
			t.Errorf("%s lost its data: %q", host, got)
		}
	}
	f.sql("sg1", "SET sql_log_bin = 0; DROP DATABASE of_sg1")
	f.apply()
	f.inSync()
	f.whole()
	if got := f.primary(); got != "hk2" {
		t.Errorf("%s is the primary, and hk2 had the data", got)
	}
	for _, host := range []string{"hk1", "hk2", "sg1"} {
		if got := f.sql(host, "SELECT id FROM of_hk2.t"); got != "7" {
			t.Errorf("%s lacks the data: %q", host, got)
		}
		if got := f.sql(host, groupSettingsRead); got != groupSettingsWant {
			t.Errorf("%s joined with the settings %q, want %q", host, got, groupSettingsWant)
		}
	}
	// A joiner with transactions of its own is refused with their set.
	f.on("sg1", "mysql -e \"STOP GROUP_REPLICATION; SET GLOBAL super_read_only = OFF; CREATE DATABASE astray\"")
	err = f.terraform.Apply(f.Context())
	uuid := f.sql("sg1", "SELECT @@server_uuid")
	if err == nil || !strings.Contains(flat(err.Error()), "it holds transactions of its own that the group has not: "+uuid) {
		t.Errorf("want a refusal with the GTID set, got %v", err)
	}
	if got := f.sql("sg1", "SHOW DATABASES LIKE 'astray'"); got != "astray" {
		t.Error("what sg1 held was overwritten")
	}
	f.must(f.lab.Rebuild(f.Context(), "sg1"))
	f.apply()
	f.inSync()
	f.whole()
}

// All hosts lose power at once; the next apply starts the group again from the
// member that has the most, if it has not come back by itself.
func TestCompleteOutage(t *testing.T) {
	f := stand(t)
	f.sql(f.primary(), "CREATE DATABASE IF NOT EXISTS outage; CREATE TABLE IF NOT EXISTS outage.t (id INT PRIMARY KEY); REPLACE INTO outage.t VALUES (1)")
	for _, host := range f.lab.Inventory.Hosts {
		f.pull(host.Name)
	}
	for _, host := range f.lab.Inventory.Hosts {
		f.must(f.lab.PlugIn(f.Context(), host.Name))
	}
	f.apply()
	f.inSync()
	f.whole()
	if got := f.sql("sg1", "SELECT id FROM outage.t"); got != "1" {
		t.Errorf("after the outage: %q", got)
	}
}
