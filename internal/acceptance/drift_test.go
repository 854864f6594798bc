// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"slices"
	"strings"
	"testing"
)

// fault is one thing that somebody does by hand, and the line that tells of it.
type fault struct{ name, host, do, address, line string }

// Each row is something that somebody does by hand; the next plan says so in
// one plain line, and apply mends it.
// What does not touch the same thing is done at once: one plan names all of it.
func TestDriftHasAVoice(t *testing.T) {
	f := stand(t)
	secondary := "sg1"
	if f.primary() == "sg1" {
		secondary = "hk2"
	}
	for _, round := range []struct {
		name   string
		faults []fault
	}{
		{"stopped and forgotten", []fault{
			{"a file is edited", "app1", "echo '# by hand' >>/etc/tinc/site/tinc.conf", `atoll_mesh_peer.node["app1"]`, "file /etc/tinc/site/tinc.conf: content differs"},
			{"a peer is forgotten", "hk1", "rm /etc/tinc/site/hosts/app2", "atoll_mesh.site", "hk1: file /etc/tinc/site/hosts/app2: missing"},
			{"a unit is stopped", "app2", "systemctl stop mysqlrouter", `atoll_mysql_router.application["app2"]`, "unit mysqlrouter.service: inactive, want active"},
			{"a server is stopped", secondary, "systemctl stop mysql", `atoll_mysql_server.database["` + secondary + `"]`, "unit mysql.service: inactive, want active"},
			{"the host is renamed", "app1", "hostname elsewhere", `atoll_host.node["app1"]`, "host name differs, want app1"},
		}},
		{"changed by hand", []fault{
			{"a mode is changed", "app1", "chmod 0666 /etc/tinc/site/conf.d/peers.conf", "atoll_mesh.site", "app1: file /etc/tinc/site/conf.d/peers.conf: mode 0666, want 0644"},
			{"a stranger is let in", "hk1", "sed s/app1/eve/ /etc/tinc/site/hosts/app1 >/etc/tinc/site/hosts/eve", "atoll_mesh.site", "hk1: file /etc/tinc/site/hosts/eve: is no declared peer's, and its key opens the mesh"},
			{"a unit is disabled", "app2", "systemctl disable -q mysqlrouter", `atoll_mysql_router.application["app2"]`, "unit mysqlrouter.service: disabled, want enabled"},
			{"a variable is set", secondary, "mysql -e 'SET GLOBAL binlog_expire_logs_seconds = 4711'", `atoll_mysql_server.database["` + secondary + `"]`, "variable binlog_expire_logs_seconds: is 4711, want 604800"},
			{"a variable that no file names is set", secondary, "mysql -e 'SET GLOBAL net_read_timeout = 77'", `atoll_mysql_server.database["` + secondary + `"]`, "variable net_read_timeout: is 77, and 30 at the next start, since settings does not have it"},
			{"one that another file names is set", secondary, "mysql -e 'SET GLOBAL key_buffer_size = 8388608'", `atoll_mysql_server.database["` + secondary + `"]`, "variable key_buffer_size: is 8388608, and 16777216 at the next start, since settings does not have it"},
			{"an option of the group is set", secondary, "mysql -e 'SET GLOBAL group_replication_member_expel_timeout = 60'", "atoll_mysql_cluster.main", secondary + ": variable group_replication_member_expel_timeout: is 60, want 1"},
			{"a variable that no file names is persisted", secondary, "mysql -e 'SET PERSIST long_query_time = 1'", `atoll_mysql_server.database["` + secondary + `"]`, "variable long_query_time: 1.000000 was persisted by hand"},
			{"a variable is persisted for the next start", secondary, "mysql -e 'SET PERSIST_ONLY back_log = 99; SET PERSIST_ONLY require_secure_transport = OFF'", `atoll_mysql_server.database["` + secondary + `"]`, "variable require_secure_transport: is OFF at the next start, want ON"},
			{"an option of the group is persisted for the next start", secondary, "mysql -e 'SET PERSIST_ONLY group_replication_consistency = AFTER'", "atoll_mysql_cluster.main", secondary + ": variable group_replication_consistency: is AFTER at the next start, want BEFORE_ON_PRIMARY_FAILOVER"},
			{"its place in the group is persisted otherwise", secondary, "mysql -e \"SET PERSIST group_replication_local_address = '10.77.0.99:1'; SET PERSIST group_replication_paxos_single_leader = ON\"", "atoll_mysql_cluster.main", secondary + ": variable group_replication_paxos_single_leader: is ON, want OFF"},
			{"the seeds are not persisted any more, and another stack is", secondary, "mysql -e \"RESET PERSIST group_replication_group_seeds; SET PERSIST group_replication_communication_stack = 'XCOM'\"", "atoll_mysql_cluster.main", secondary + ": not persisted for the next start: group_replication_group_seeds"},
			{"a row of the metadata is deleted", f.primary(), "mysql -e \"DELETE FROM mysql_innodb_cluster_metadata.instances WHERE mysql_server_uuid <> @@server_uuid LIMIT 1\"", "atoll_mysql_cluster.main", "row in the cluster metadata: missing or differs"},
			{"the recovery channel has another password", secondary, "mysql -e \"CHANGE REPLICATION SOURCE TO SOURCE_PASSWORD = 'wrong' FOR CHANNEL 'group_replication_recovery'\"", "atoll_mysql_cluster.main", "(using password: YES)"},
			{"the router's configuration is edited", "app1", "sed -i s/127.0.0.1/0.0.0.0/ /etc/atoll-router/mysqlrouter.conf", `atoll_mysql_router.application["app1"]`, "file /etc/atoll-router/mysqlrouter.conf: content differs"},
		}},
		{"to be restarted", []fault{
			{"a variable is persisted", secondary, "mysql -e 'SET PERSIST innodb_buffer_pool_size = 268435456'", `atoll_mysql_server.database["` + secondary + `"]`, "variable innodb_buffer_pool_size: is 268435456, want 939524096"},
			{"the settings file is edited", secondary, "echo 'max_connections = 7' >>/etc/mysql/mysql.conf.d/zz-atoll.cnf", `atoll_mysql_server.database["` + secondary + `"]`, "file /etc/mysql/mysql.conf.d/zz-atoll.cnf: content differs"},
			{"a router's key is a pipe", "app1", "rm /var/lib/atoll-router/mysqlrouter.key; mkfifo /var/lib/atoll-router/mysqlrouter.key; systemctl stop mysqlrouter", `atoll_mysql_router.application["app1"]`, "router: its keyring is missing or damaged"},
			{"a router's key is damaged", "app2", "echo garbage >/var/lib/atoll-router/mysqlrouter.key; systemctl --no-block restart mysqlrouter", `atoll_mysql_router.application["app2"]`, "router: its keyring is missing or damaged"},
			{"a server shows another certificate", secondary, strangerCertificate, `atoll_mysql_server.database["` + secondary + `"]`, "certificate: is not one that its authority has signed for 10.77.0." + map[string]string{"hk2": "12", "sg1": "13"}[secondary] + ", or has ended"},
		}},
		{"a member leaves", []fault{
			{"a member knows nobody any more", secondary, ": >/etc/mysql/atoll/members.pem", "atoll_mysql_cluster.main", secondary + ": verifies the others by other certificates than theirs"},
			{"a member leaves", secondary, "mysql -e 'STOP GROUP_REPLICATION'", "atoll_mysql_cluster.main", secondary + ": OFFLINE, want ONLINE"},
		}},
	} {
		t.Run(round.name, func(t *testing.T) {
			f := f.within(t)
			for _, fault := range round.faults {
				f.on(fault.host, fault.do)
			}
			plan := f.plan()
			for _, fault := range round.faults {
				found := slices.ContainsFunc(plan.Drift[fault.address], func(line string) bool { return strings.HasSuffix(line, fault.line) })
				if !found {
					t.Errorf("%s: want the line %q for %s, got %s", fault.name, fault.line, fault.address, plan)
				}
				if !strings.Contains(plan.Text, fault.line) {
					t.Errorf("%s: the plan that a user sees lacks %q", fault.name, fault.line)
				}
			}
			f.must(f.terraform.ApplyPlan(f.Context()))
			f.inSync()
		})
	}
	// What was by hand is gone: the next start brings nothing of it.
	if got := f.sql(secondary, "SELECT GROUP_CONCAT(variable_name, '=', variable_value ORDER BY variable_name) FROM performance_schema.persisted_variables WHERE variable_name IN ('back_log', 'long_query_time', 'require_secure_transport', 'group_replication_communication_stack', 'group_replication_local_address', 'group_replication_consistency', 'group_replication_paxos_single_leader')"); got !=
		"group_replication_communication_stack=MYSQL,group_replication_consistency=BEFORE_ON_PRIMARY_FAILOVER,group_replication_local_address=10.77.0."+map[string]string{"hk2": "12", "sg1": "13"}[secondary]+":3306,group_replication_paxos_single_leader=OFF" {
		t.Errorf("persisted is %s", got)
	}
	if got := f.sql(secondary, "SELECT CONCAT_WS(' ', @@long_query_time, @@global.net_read_timeout, @@key_buffer_size)"); got != "10.000000 30 16777216" {
		t.Errorf("long_query_time, net_read_timeout and key_buffer_size are %s", got)
	}
}

// strangerCertificate puts one that somebody else has signed in the place of a server's,
// for the very same address. It fails unless who verifies the members refuses it then,
// and did not before.
const strangerCertificate = `cd /root
at=$(sed -n 's/^report_host = //p' /etc/mysql/mysql.conf.d/zz-atoll.cnf)
asked() { mysql --no-defaults -h "$at" --ssl-mode=VERIFY_IDENTITY --ssl-ca=/etc/mysql/atoll/members.pem -u nobody 2>&1 | tail -n 1; }
case $(asked) in *'Access denied'*) ;; *) asked; exit 1 ;; esac
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k.pem -out c.pem -days 3650 -subj "/CN=$at" -addext "subjectAltName=IP:$at" 2>/dev/null
cat k.pem c.pem >/etc/mysql/atoll/server.pem
mysql -e 'ALTER INSTANCE RELOAD TLS'
case $(asked) in *'certificate verify failed'*) ;; *) asked; exit 1 ;; esac`

// What one node changes disturbs no link between the others: tinc drops a peer
// whose host file is newer than its last look.
func TestPeersComeAndGoWithoutDisturbance(t *testing.T) {
	f := stand(t)
	look := func() string {
		return f.on("hk1", "stat -c '%n %Y' /etc/tinc/site/hosts/* | grep -v app2; pidof tincd; ss -tnH state established '( sport = :655 or dport = :655 )' | awk '{print $3, $4}' | grep -v 203.0.113.22 | sort")
	}
	before := look()
	f.variables(func(nodes, _ map[string]any) { delete(nodes, "app2") })
	f.apply()
	f.inSync()
	if files := f.on("hk1", "ls /etc/tinc/site/hosts"); strings.Contains(files, "app2") {
		t.Errorf("hk1 still knows app2: %s", files)
	}
	if left := f.on("app2", "ls -A /etc/tinc/site /var/lib/atoll-router /etc/atoll-router 2>/dev/null; systemctl is-active mysqlrouter tinc@site | sort -u"); left != "inactive" {
		t.Errorf("app2 still holds %q", left)
	}
	if rows := f.sql("hk1", "SELECT COUNT(*) FROM mysql_innodb_cluster_metadata.routers"); rows != "1" {
		t.Errorf("the metadata hold %s routers, want app1's alone", rows)
	}
	if accounts := f.sql("hk1", "SELECT GROUP_CONCAT(user) FROM mysql.user WHERE user LIKE 'mysql_router%'"); accounts != "mysql_router_203_0_113_21" {
		t.Errorf("router accounts: %s", accounts)
	}
	if after := look(); after != before {
		t.Errorf("links between the others were disturbed:\nbefore\n%s\nafter\n%s", before, after)
	}
	f.variables(func(_, _ map[string]any) {})
	f.apply()
	f.inSync()
	if after := look(); after != before {
		t.Errorf("links between the others were disturbed by the return:\nbefore\n%s\nafter\n%s", before, after)
	}
}

// A firewall that drops what is new, and lets go on what is open, is invisible to a group
// until a member restarts. The plan and the apply name the pair; nothing is changed.
func TestClosedWayIsNamed(t *testing.T) {
	f := stand(t)
	defer f.on("sg1", "nft delete table inet theirs 2>/dev/null || true")
	f.on("sg1", "nft -f - <<'NFT'\ntable inet theirs {\n chain input {\n  type filter hook input priority 10; policy accept;\n  ip saddr 10.77.0.12 tcp dport 3306 ct state new drop\n }\n}\nNFT")
	const line = "hk2 → sg1: no new connection to 10.77.0.13:3306. Those that are open go on"
	plan := f.plan()
	if lines := plan.Drift["atoll_mysql_cluster.main"]; len(lines) != 1 || !strings.HasPrefix(lines[0], line) {
		t.Errorf("the plan has %q, want %q", lines, line)
	}
	apply, said, err := f.terraform.Start("apply", "-auto-approve", "-no-color")
	f.must(err)
	if err := apply.Wait(); err != nil || !strings.Contains(flat(said.String()), line) {
		t.Errorf("the apply does not warn of it: %v: %s", err, said)
	}
	// One that is to come in again would try for minutes.
	f.on("sg1", "mysql -e 'STOP GROUP_REPLICATION'")
	const refusal = "unable to join sg1: it and the group do not reach each other: no new connection from hk2 to 10.77.0.13:3306 of sg1."
	if err := f.terraform.Apply(f.Context()); err == nil || !strings.Contains(flat(err.Error()), refusal) {
		t.Errorf("a member behind a firewall: %v, want %q", err, refusal)
	}
	f.on("sg1", "nft delete table inet theirs")
	f.apply()
	f.inSync()
}

// A router goes on by what is open, too, and its machine is told of as the members are.
func TestClosedWayOfARouterIsNamed(t *testing.T) {
	f := stand(t)
	defer f.on("sg1", "nft delete table inet theirs 2>/dev/null || true")
	f.on("sg1", "nft -f - <<'NFT'\ntable inet theirs {\n chain input {\n  type filter hook input priority 10; policy accept;\n  ip saddr 10.77.0.21 tcp dport 3306 ct state new drop\n }\n}\nNFT")
	const router, line = `atoll_mysql_router.application["app1"]`, "router → sg1: no new connection to 10.77.0.13:3306, which is ONLINE"
	plan := f.plan()
	if lines := plan.Drift[router]; len(plan.Drift) != 1 || len(lines) != 1 || !strings.HasPrefix(lines[0], line) {
		t.Errorf("the plan has %q, want %q of the router alone", plan.Drift, line)
	}
	apply, said, err := f.terraform.Start("apply", "-auto-approve", "-no-color")
	f.must(err)
	if err := apply.Wait(); err != nil || !strings.Contains(flat(said.String()), line) {
		t.Errorf("the apply does not warn of it: %v: %s", err, said)
	}
	f.on("sg1", "nft delete table inet theirs")
	f.inSync()
}
