// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// A setting that is changed, changed again and taken out, each of which restarts the
// group. Each part begins where the one before ended, since a restart of all is most
// of what it takes.
func TestRestartsTakeTurns(t *testing.T) {
	f := stand(t)
	t.Run("Change", func(t *testing.T) { f.within(t).settingsChange() })
	t.Run("Processes", func(t *testing.T) { f.within(t).processesTakeTurns() })
	t.Run("Failed", func(t *testing.T) { f.within(t).failedRestart() })
}

// settingsChange: a change of settings that needs a restart goes through the group one
// by one.
func (f *fixture) settingsChange() {
	f.variables(func(_, all map[string]any) {
		all["mysql_settings"] = map[string]any{"max_connections": "222", "innodb_log_buffer_size": "33554432", "back_log": "99"}
	})
	stop := f.sample()
	err := f.terraform.Apply(f.Context())
	f.oneAtATime(stop())
	f.must(err)
	f.inSync()
	f.runWith("222 33554432 99")
}

// runWith checks what the servers run with.
func (f *fixture) runWith(want string) {
	f.Helper()
	for _, host := range databases {
		if got := f.sql(host, "SELECT CONCAT_WS(' ', @@max_connections, @@innodb_log_buffer_size, IF(@@back_log BETWEEN 95 AND 99, @@back_log, 'its own'))"); got != want {
			f.Errorf("%s runs with %s, want %s", host, got, want)
		}
	}
}

// processesTakeTurns: processes that know nothing of each other take turns all the same:
// the lease is in the group. Each member comes back by itself, whatever it was told before
// about its start: as MySQL Shell leaves a member, which persists nothing where ON is the
// default, and as a guardian leaves it that could not give the start back when it ended.
func (f *fixture) processesTakeTurns() {
	primary := f.primary()
	for host, statement := range map[string]string{
		databases[0]: "RESET PERSIST group_replication_start_on_boot; SET GLOBAL group_replication_start_on_boot = ON",
		databases[1]: "SET PERSIST group_replication_start_on_boot = OFF",
	} {
		f.on(host, "systemctl stop atoll-guardian")
		f.sql(host, statement)
	}
	stop := f.sample()
	apart := written(f.T, f.lab, f.serversApart(`back_log = "97"`))
	err := apart.Apply(f.Context())
	f.oneAtATime(stop())
	f.must(err)
	f.runWith("151 67108864 97")
	for _, host := range databases {
		const started = "SELECT variable_value FROM performance_schema.persisted_variables WHERE variable_name = 'group_replication_start_on_boot'"
		if got := f.sql(host, started); got != "ON" {
			f.Errorf("%s has start_on_boot = %q persisted, and no guardian is beside it", host, got)
		}
	}
	if left := f.on(primary, "ls -d /run/atoll/turn.* 2>/dev/null; pgrep -f '[/]run/atoll/turn'; :"); left != "" {
		f.Errorf("the turn left something behind: %s", left)
	}
	f.variables(func(_, all map[string]any) { all["mysql_settings"] = map[string]any{"back_log": "97"} })
	f.apply()
	f.inSync()
	f.whole()
}

// failedRestart: what mysqld refuses only at its start, here a file of somebody else's,
// takes one member down and no other; the error is mysqld's own reason, everything ends at
// once, and once it is mended one apply does the rest. That takes the setting out, which the
// file of one member lacks already, as after an apply that was killed: all are restarted.
func (f *fixture) failedRestart() {
	const file = "/etc/mysql/mysql.conf.d/aa-by-hand.cnf"
	for _, host := range databases {
		f.on(host, "printf '[mysqld]\ndefault_time_zone = Nowhere/X\n' >"+file)
	}
	f.variables(func(_, all map[string]any) { all["mysql_settings"] = map[string]any{"back_log": "95"} })
	began := time.Now()
	err := f.terraform.Apply(f.Context())
	took := time.Since(began)
	f.Logf("the apply failed after %s: %v", took.Round(time.Second), err)
	if err == nil || !strings.Contains(flat(err.Error()), "Illegal or unknown default time zone 'Nowhere/X'") || !strings.Contains(flat(err.Error()), "another member of the group did not come back") {
		f.Errorf("want mysqld's own reason, and that its siblings were left as they are, got %v", err)
	}
	if took > 4*time.Minute {
		f.Errorf("it took %s", took)
	}
	up := slices.DeleteFunc(slices.Clone(databases), func(host string) bool {
		got, err := f.try(host, "systemctl is-active mysql")
		return err != nil || got != "active"
	})
	if len(up) != 2 {
		f.Errorf("%v are up, want two", up)
	}
	for _, host := range databases {
		f.on(host, "rm "+file)
	}
	f.variables(func(_, _ map[string]any) {})
	f.on("hk2", "sed -i '/^back_log/d' /etc/mysql/mysql.conf.d/zz-atoll.cnf")
	f.apply()
	f.inSync()
	f.whole()
	f.runWith("151 67108864 its own")
}
