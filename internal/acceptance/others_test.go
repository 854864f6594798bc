// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"database/sql"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/site"
)

// override writes what is declared besides about a resource of the site, until
// the test ends.
func (f *fixture) override(address, body string) {
	f.Helper()
	kind, name, _ := strings.Cut(address, ".")
	path := filepath.Join(f.terraform.Dir, "override.tf")
	f.must(os.WriteFile(path, []byte("resource \""+kind+"\" \""+name+"\" {\n"+body+"\n}\n"), 0o600))
	f.Cleanup(func() { _ = os.Remove(path) })
}

// What MySQL Shell and its users do to a cluster, by the statements that Shell
// uses, is seen in the plan and put right by one apply, or left alone where it is
// theirs.
func TestWhatOthersDoToTheCluster(t *testing.T) {
	f := stand(t)
	primary := f.primary()
	other := "sg1"
	if primary == other {
		other = "hk2"
	}
	f.sql(primary, "SELECT group_replication_switch_to_multi_primary_mode()")
	f.sql(primary, `UPDATE mysql_innodb_cluster_metadata.clusters SET primary_mode = 'mm', cluster_name = 'theirs';
 INSERT INTO mysql_innodb_cluster_metadata.instances (cluster_id, address, mysql_server_uuid, instance_name, addresses, attributes, instance_type)
 SELECT cluster_id, '10.77.0.99:3306', UUID(), 'replica', '{"mysqlClassic": "10.77.0.99:3306"}', '{}', 'read-replica' FROM mysql_innodb_cluster_metadata.clusters`)
	f.sql(other, "SET PERSIST group_replication_member_weight = 90; STOP GROUP_REPLICATION")
	seeds := strings.Split(f.sql(primary, "SELECT @@group_replication_group_seeds"), ",")
	slices.Reverse(seeds)
	f.sql(primary, "SET PERSIST group_replication_group_seeds = '"+strings.Join(seeds, ",")+"'")
	plan := f.plan()
	drift := strings.Join(plan.Drift["atoll_mysql_cluster.main"], "\n")
	for _, line := range []string{"cluster main: PARTIAL: ", "group: runs in multi-primary mode, want single-primary", "name is theirs, want main", other + ": OFFLINE, want ONLINE"} {
		if !strings.Contains(drift, line) {
			t.Errorf("want the line %q, got %s", line, drift)
		}
	}
	if strings.Contains(drift, "seeds") || strings.Contains(drift, "10.77.0.99") {
		t.Errorf("what is in order is called drift: %s", drift)
	}
	f.apply()
	f.inSync()
	if got := f.sql(primary, "SELECT CONCAT_WS(' ', cluster_name, primary_mode, (SELECT COUNT(*) FROM mysql_innodb_cluster_metadata.instances WHERE instance_type = 'read-replica')) FROM mysql_innodb_cluster_metadata.clusters"); got != "main pm 1" {
		t.Errorf("the metadata say %q", got)
	}
	if got := f.sql(other, "SELECT CONCAT_WS(' ', @@group_replication_member_weight, @@group_replication_single_primary_mode, @@super_read_only)"); got != "50 1 1" {
		t.Errorf("%s has %q", other, got)
	}
	f.sql(f.primary(), "DELETE FROM mysql_innodb_cluster_metadata.instances WHERE instance_type = 'read-replica'")
	f.whole()
}

// The primary's role goes where it is declared, under load, and back there when
// somebody moved it.
func TestPrimaryIsDeclared(t *testing.T) {
	f := stand(t)
	declared := "hk2"
	if f.primary() == declared {
		declared = "hk1"
	}
	f.override("atoll_mysql_cluster.main", "primary = \""+declared+"\"")
	begun := time.Now()
	f.apply()
	t.Logf("plan and apply took %s", time.Since(begun).Round(time.Second/10))
	if got := f.primary(); got != declared {
		t.Errorf("%s takes writes, want %s", got, declared)
	}
	f.inSync()
	f.handOver("sg1")
	if plan := f.plan(); plan.Empty() {
		t.Error("another primary than the declared one is no drift")
	}
	f.apply()
	f.inSync()
	if got := f.primary(); got != declared {
		t.Errorf("%s takes writes, want %s", got, declared)
	}
	hashes := "SELECT GROUP_CONCAT(HEX(authentication_string) ORDER BY user) FROM mysql.user WHERE user LIKE 'mysql_innodb_cluster_%'"
	before := strings.Split(f.sql("sg1", hashes), ",")
	f.override("atoll_mysql_cluster.main", "rotate_recovery_accounts = \"once\"\nhidden_members = [\"sg1\"]")
	f.apply()
	if got := f.sql("sg1", "SELECT GROUP_CONCAT(address) FROM mysql_innodb_cluster_metadata.instances WHERE attributes -> '$.tags._hidden'"); got != "10.77.0.13:3306" {
		t.Errorf("hidden is %q", got)
	}
	f.inSync() // each logs in with its new one
	for i, hash := range strings.Split(f.sql("sg1", hashes), ",") {
		if hash == before[i] {
			t.Errorf("the password of account %d is the old one", i+1)
		}
	}
	f.drains("hk1", "10.77.0.11")
	f.override("atoll_mysql_cluster.main", "hidden_members = []\ndraining_members = []")
	f.apply()
	f.inSync()
	f.override("atoll_mysql_cluster.main", "primary = \"nobody\"")
	if _, err := f.terraform.Plan(f.Context()); err == nil || !strings.Contains(flat(err.Error()), "is not a key of members") {
		t.Errorf("a primary that is no member: %v", err)
	}
}

// A group on MySQL's other communication stack, which Shell can make, is refused
// at the plan, and brought to ours by one stop of the whole when that is allowed.
func TestFullStopIsAsked(t *testing.T) {
	f := stand(t)
	hosts := []string{"hk1", "hk2", "sg1"}
	addresses := map[string]string{}
	var seeds []string
	for _, host := range hosts {
		addresses[host] = f.sql(host, "SELECT CONCAT(@@report_host, ':33061')")
		seeds = append(seeds, addresses[host])
	}
	f.sql(f.primary(), "CREATE DATABASE IF NOT EXISTS stack; CREATE TABLE IF NOT EXISTS stack.t (id INT PRIMARY KEY); REPLACE INTO stack.t VALUES (1)")
	first := f.primary()
	order := append(slices.DeleteFunc(slices.Clone(hosts), func(host string) bool { return host == first }), first)
	for _, host := range order {
		f.sql(host, "STOP GROUP_REPLICATION; SET PERSIST group_replication_communication_stack = 'XCOM'; SET PERSIST group_replication_ssl_mode = 'REQUIRED'; SET PERSIST group_replication_local_address = '"+addresses[host]+
			"'; SET PERSIST group_replication_group_seeds = '"+strings.Join(seeds, ",")+"'; SET PERSIST group_replication_ip_allowlist = '10.77.0.0/24'")
	}
	f.sql(first, "SET GLOBAL group_replication_bootstrap_group = ON; START GROUP_REPLICATION; SET GLOBAL group_replication_bootstrap_group = OFF")
	for _, host := range order[:2] {
		f.sql(host, "START GROUP_REPLICATION")
	}
	f.eventually("the group on the other stack is whole", time.Minute, func() bool { return f.sql(first, online) == "3" })
	if _, err := f.terraform.Plan(f.Context()); err == nil || !strings.Contains(flat(err.Error()), "allow_full_stop = true") {
		t.Fatalf("want a refusal with the way out, got %v", err)
	}
	if got := f.sql(first, online); got != "3" {
		t.Errorf("the plan touched it: %s are online", got)
	}
	f.override("atoll_mysql_cluster.main", "allow_full_stop = true")
	begun := time.Now()
	f.apply()
	t.Logf("plan and apply took %s", time.Since(begun).Round(time.Second/10))
	f.inSync()
	f.whole()
	for _, host := range hosts {
		if got := f.sql(host, "SELECT CONCAT_WS(' ', @@group_replication_communication_stack, @@group_replication_local_address, (SELECT id FROM stack.t))"); got != "MYSQL "+strings.Replace(addresses[host], ":33061", ":3306", 1)+" 1" {
			t.Errorf("%s has %q", host, got)
		}
	}
	f.oneLeads(hosts)
}

// oneLeads lets one member lead the group's consensus, for which the group is stopped
// as a whole, and a member come back into it when nobody declares that any more.
func (f *fixture) oneLeads(hosts []string) {
	f.Helper()
	f.override("atoll_mysql_cluster.main", "single_leader = true")
	if _, err := f.terraform.Plan(f.Context()); err == nil || !strings.Contains(flat(err.Error()), "group_replication_paxos_single_leader. Set allow_full_stop = true") {
		f.Fatalf("want a refusal with the way out, got %v", err)
	}
	f.override("atoll_mysql_cluster.main", "single_leader = true\nallow_full_stop = true")
	if plan := f.plan(); !strings.Contains(flat(plan.Text), "about half a minute without a database") {
		f.Errorf("the plan does not say how long: %s", plan)
	}
	begun := time.Now()
	f.apply()
	f.Logf("one leads: plan and apply took %s", time.Since(begun).Round(time.Second/10))
	f.inSync()
	f.whole()
	leads := func(want string) {
		f.Helper()
		for _, host := range hosts {
			if got := f.sql(host, "SELECT CONCAT(write_consensus_single_leader_capable, @@group_replication_paxos_single_leader, (SELECT COUNT(*) FROM stack.t)) FROM performance_schema.replication_group_communication_information"); got != want {
				f.Errorf("%s has %s, want %s", host, got, want)
			}
		}
	}
	leads("111")
	// Not declared any more it stays, and a member that somebody took out with another
	// word is let in again.
	f.override("atoll_mysql_cluster.main", "exit_state_action = \"READ_ONLY\"")
	f.apply()
	f.inSync()
	out := f.secondaries()[0]
	f.sql(out, "STOP GROUP_REPLICATION; SET PERSIST group_replication_paxos_single_leader = OFF")
	f.apply()
	f.inSync()
	f.whole()
	leads("111")
	f.override("atoll_mysql_cluster.main", "single_leader = false\nallow_full_stop = true")
	f.apply()
	f.inSync()
	leads("001")
}

// drains empties a secondary: a session that is open by a router goes on and no new one
// comes; hidden, it ends.
func (f *fixture) drains(host, address string) {
	f.Helper()
	f.sql(f.primary(), "CREATE USER probe@'%' IDENTIFIED BY 'of the test'")
	defer f.sql(f.primary(), "DROP USER probe@'%'")
	machine, err := site.Machine(f.pool, f.lab.Inventory, "app1")
	f.must(err)
	db, err := site.OpenRouter(machine, "127.0.0.1:6447", "probe", "of the test", "")
	f.must(err)
	defer func() { _ = db.Close() }()
	db.SetMaxIdleConns(0) // each session is a new one
	var open *sql.Conn
	asks := func(one *sql.Conn) (at string) {
		_ = one.QueryRowContext(f.Context(), "SELECT @@report_host").Scan(&at) // "" for one that ended
		return at
	}
	f.eventually("a session on "+host, time.Minute, func() bool {
		one, err := db.Conn(f.Context())
		if err != nil {
			return false
		}
		if asks(one) == address {
			open = one
			return true
		}
		return one.Close() != nil
	})
	defer func() { _ = open.Close() }()
	f.override("atoll_mysql_cluster.main", fmt.Sprintf("hidden_members = []\ndraining_members = [%q]", host))
	f.apply()
	f.inSync()
	f.eventually("no new session comes to "+host, time.Minute, func() bool { return !strings.Contains(f.leads("app1", "127.0.0.1:6447"), address) })
	if at := asks(open); at != address {
		f.Errorf("the session on the draining member ended: it is at %q", at)
	}
	f.override("atoll_mysql_cluster.main", fmt.Sprintf("hidden_members = [%q]\ndraining_members = []", host))
	f.apply()
	f.eventually("the session on the hidden member ends", time.Minute, func() bool { return asks(open) == "" })
}

// leads gives the members that a router's port leads to, sorted.
func (f *fixture) leads(host, port string) string {
	f.Helper()
	machine, err := site.Machine(f.pool, f.lab.Inventory, host)
	f.must(err)
	db, err := site.OpenRouter(machine, port, "probe", "of the test", "")
	f.must(err)
	defer func() { _ = db.Close() }()
	db.SetMaxIdleConns(0) // each query goes by a connection of its own
	found := map[string]bool{}
	for range 9 {
		var at string
		if db.QueryRowContext(f.Context(), "SELECT @@report_host").Scan(&at) == nil {
			found[at] = true
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(found)), " ")
}
