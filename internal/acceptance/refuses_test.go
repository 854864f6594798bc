// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// Somebody gives a member so few connections that nobody comes in any more. The plan says
// so of it and stands for all others; its guardian, who is in already, lets others in, and
// an apply sets what is declared.
func TestMemberThatRefusesEverybody(t *testing.T) {
	f := stand(t)
	host := f.secondary()
	server := `atoll_mysql_server.database["` + host + `"]`
	f.afterwards(host, "systemctl kill -s CONT atoll-guardian")
	f.on(host, "systemctl kill -s STOP atoll-guardian && mysql -e 'SET GLOBAL max_connections = -5'")
	plan := f.plan()
	says := func(address, of string) bool {
		return slices.ContainsFunc(plan.Drift[address], func(line string) bool {
			return strings.HasPrefix(line, of) && strings.HasSuffix(line, "it runs and refuses to answer: ERROR 1040 (HY000): Too many connections")
		})
	}
	if !says(server, "not asked: ") || !says("atoll_mysql_cluster.main", host+": not asked: ") {
		t.Errorf("nobody says that %s refuses: %s", host, plan)
	}
	f.on(host, "systemctl kill -s CONT atoll-guardian")
	f.eventually("the guardian lets others in", time.Minute, func() bool {
		_, err := f.try(host, "mysql -e 'SELECT 1'")
		return err == nil
	})
	if plan := f.plan(); len(plan.Drift[server]) != 1 || !strings.HasPrefix(plan.Drift[server][0], "variable max_connections: is ") {
		t.Errorf("want one line of max_connections, got %s", plan)
	}
	f.apply()
	f.inSync()
}

// Somebody gives MySQL's root a password: nobody of Atoll's comes in, and the cluster works.
// The plan calls nothing down, keeps who leads, and says what to type.
func TestRootWithAPassword(t *testing.T) {
	f := stand(t)
	primary := f.primary()
	f.afterwards(primary, "mysql -e 'SELECT 1' 2>/dev/null || mysql -plab -e 'ALTER USER root@localhost IDENTIFIED WITH auth_socket'")
	f.sql(primary, "ALTER USER root@localhost IDENTIFIED WITH caching_sha2_password BY 'lab'")
	plan := f.plan()
	says := func(address, text string) bool {
		return slices.ContainsFunc(plan.Drift[address], func(line string) bool { return strings.Contains(line, text) })
	}
	const denied = "it runs and refuses to answer: ERROR 1045 (28000): Access denied for user 'root'@'localhost' (using password: NO). Atoll comes as root@localhost"
	for _, host := range databases {
		if !says(`atoll_mysql_server.database["`+host+`"]`, denied) || !says("atoll_mysql_cluster.main", host+": not asked: ") {
			t.Errorf("nobody says that %s lets nobody in: %s", host, plan)
		}
	}
	if !says("atoll_mysql_cluster.main", "cluster main: UNKNOWN: no member could be asked, so whether the cluster is at work is not known") || says("atoll_mysql_cluster.main", "takes writes") {
		t.Errorf("the cluster says something else: %s", plan)
	}
	f.on(primary, "mysql -plab -e 'ALTER USER root@localhost IDENTIFIED WITH auth_socket'")
	f.inSync()
}

// What MySQL would take as another value is refused by the apply before anything is set or
// written, and a limit that would shut everybody out by the plan.
func TestSettingsThatMySQLWouldAdjust(t *testing.T) {
	f := stand(t)
	f.override("atoll_mysql_server.database", `settings = { wait_timeout = "999999999999", innodb_flush_log_at_trx_commit = "7", slow_query_log = "2" }`)
	err := f.terraform.Apply(f.Context())
	for _, want := range []string{
		`settings["wait_timeout"] = "999999999999": MySQL does not take that value and would use 31536000`,
		`settings["innodb_flush_log_at_trx_commit"] = "7": MySQL does not take that value and would use 2`,
		`settings["slow_query_log"] = "2": MySQL does not take that value and would use OFF`,
	} {
		if err == nil || !strings.Contains(flat(err.Error()), want) {
			t.Errorf("want %q in %v", want, err)
		}
	}
	for _, host := range databases {
		if got := f.on(host, "grep -cE 'wait_timeout|flush_log_at|slow_query' /etc/mysql/mysql.conf.d/zz-atoll.cnf || :"); got != "0" {
			t.Errorf("%s: %s of them are written", host, got)
		}
		if got := f.sql(host, "SELECT CONCAT_WS(' ', @@wait_timeout, @@innodb_flush_log_at_trx_commit, @@slow_query_log)"); got != "28800 1 0" {
			t.Errorf("%s has %s", host, got)
		}
	}
	f.override("atoll_mysql_server.database", `settings = { max_connections = "-5" }`)
	if err := f.terraform.Apply(f.Context()); err == nil || !strings.Contains(flat(err.Error()), `settings["max_connections"] = "-5" leaves too few connections`) {
		t.Errorf("want a refusal, got %v", err)
	}
}
