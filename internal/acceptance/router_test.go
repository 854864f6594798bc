// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/site"
)

// Whoever has the router's account on an application's host must not become root
// by what he leaves in the router's own directory, also when it is bootstrapped
// again.
func TestRouterAccountDoesNotBecomeRoot(t *testing.T) {
	f := stand(t)
	f.on("app1", "echo root-only >/etc/victim && chmod 0600 /etc/victim")
	f.on("app1", `cd /var/lib/atoll-router
for name in mysqlrouter.conf mysqlrouter.conf.new atoll.stamp bootstrapped .atoll.mysqlrouter.conf; do
  setpriv --reuid=mysqlrouter --regid=mysqlrouter --clear-groups ln -sf /etc/victim "$name"
done
rm /etc/atoll-router/bootstrapped`)
	// How lines are encrypted is bootstrapped for, too.
	main := filepath.Join(f.terraform.Dir, "main.tf")
	before, err := os.ReadFile(main)
	f.must(err)
	t.Cleanup(func() { _ = os.WriteFile(main, before, 0o600) })
	const router = "resource \"atoll_mysql_router\" \"application\" {\n"
	f.must(os.WriteFile(main, []byte(strings.Replace(string(before), router, router+"  client_tls = \"REQUIRED\"\n  server_tls = \"REQUIRED\"\n", 1)), 0o600))
	err = f.terraform.Apply(f.Context())
	if got := f.on("app1", "stat -c '%U %a' /etc/victim; cat /etc/victim"); got != "root 600\nroot-only" {
		t.Fatalf("the victim is now %q", got)
	}
	if err != nil && !strings.Contains(err.Error(), "mysqlrouter") {
		t.Errorf("the apply says %v", err)
	}
	f.on("app1", "find /var/lib/atoll-router -type l -delete")
	f.apply()
	f.inSync()
	if got := f.on("app1", "ps -o user= -C mysqlrouter | sort -u; find /etc/atoll-router ! -user root"); got != "mysqlro+" && got != "mysqlrouter" {
		t.Errorf("the router runs as, and owns: %q", got)
	}
	if got := f.on("app1", "grep -E '^(client|server)_ssl_mode' /etc/atoll-router/mysqlrouter.conf | sort -u"); got != "client_ssl_mode=REQUIRED\nserver_ssl_mode=REQUIRED" {
		t.Errorf("the router has %q", got)
	}
	f.routersApart(main, before)
}

// routersApart gives app1 a second router and takes the encryption of the first
// back: what is no other cluster leaves the keyring and the account as they are,
// and neither router has anything of the other's.
func (f *fixture) routersApart(main string, before []byte) {
	f.Helper()
	const keyring = "stat -c '%Y %i' /var/lib/atoll-router/data/keyring /var/lib/atoll-router/mysqlrouter.key"
	bootstrapped, password := f.on("app1", keyring), "SELECT password_last_changed FROM mysql.user WHERE user = 'mysql_router_203_0_113_21'"
	changed := f.sql("hk1", password)
	f.must(os.WriteFile(main, append(before, `
resource "atoll_mysql_router" "second" {
  ssh     = atoll_host.node["app1"].ssh
  name    = "second"
  cluster = atoll_mysql_cluster.main.routing
  ports   = { read_write = 7446, read_only = 7447, read_write_split = 7450 }
`+toldAlone+`}
`...), 0o600))
	const all = "\nrouting_options = { read_only_targets = \"read_replicas\", tags = { team = \"shop\" } }"
	f.override("atoll_mysql_cluster.main", `routers = ["203.0.113.21", "203.0.113.22"]`+all)
	if _, err := f.terraform.Plan(f.Context()); err == nil || !strings.Contains(flat(err.Error()), `"203.0.113.21/second" is not among them`) {
		f.Errorf("the plan with a router that the cluster is not to know says %v", err)
	}
	f.override("atoll_mysql_cluster.main", `routers = ["203.0.113.21", "203.0.113.21/second", "203.0.113.22"]`+all)
	// A Router that is too old for the servers is refused before anything is made.
	f.on("app1", "printf '#!/bin/sh\necho MySQL Router  Ver 8.4.7 for Linux\n' >/usr/local/bin/mysqlrouter && chmod 0755 /usr/local/bin/mysqlrouter")
	if _, err := f.terraform.Plan(f.Context()); err == nil || !strings.Contains(flat(err.Error()), "Router is 8.4.7, and a member is 9.7.4") {
		f.Errorf("the plan with an old Router says %v", err)
	}
	f.on("app1", "rm /usr/local/bin/mysqlrouter")
	f.apply()
	f.inSync()
	if now := f.on("app1", keyring); now != bootstrapped || f.sql("hk1", password) != changed {
		f.Errorf("the router was bootstrapped again: its keyring was %q and is %q", bootstrapped, now)
	}
	if got := f.on("app1", "grep -c ssl_mode=REQUIRED /etc/atoll-router/mysqlrouter.conf || :; systemctl is-active mysqlrouter mysqlrouter-second; ss -ltnH | grep -cE '127.0.0.1:(6446|6447|6450|7446|7447|7450) '"); got != "0\nactive\nactive\n6" {
		f.Errorf("the two routers: %q", got)
	}
	const endpoints = "SELECT CONCAT_WS(' ', attributes->>'$.RWEndpoint', attributes->>'$.ROEndpoint', attributes->>'$.RWSplitEndpoint') FROM mysql_innodb_cluster_metadata.routers WHERE router_name = 'atoll-second'"
	if got := f.sql("hk1", endpoints); got != "7446 7447 7450" {
		f.Errorf("the metadata have the second router's ports as %q", got)
	}
	if got := f.sql("hk1", known); !strings.HasPrefix(got, "203.0.113.21::atoll 203.0.113.21::atoll-second 203.0.113.22::atoll ") {
		f.Errorf("the metadata have %q", got)
	}
	f.routersAreTold()
	f.routersVanish()
	f.on("app1", "sed -i s/127.0.0.1/0.0.0.0/ /etc/atoll-router-second/mysqlrouter.conf; systemctl stop mysqlrouter-second")
	drift := f.plan().Drift
	if lines := strings.Join(drift["atoll_mysql_router.second"], "; "); lines != "file /etc/atoll-router-second/mysqlrouter.conf: content differs; unit mysqlrouter-second.service: inactive, want active; "+
		`router: routing option read_only_targets is "read_replicas", want "secondaries"` {
		f.Errorf("the second router's drift is %q", lines)
	}
	if lines := strings.Join(drift["atoll_mysql_cluster.main"], "; "); lines != `cluster metadata: routing option tags is {}, want {"team":"shop"}; router gone.example.org::system: is not declared; account mysql_router_203_0_113_99: is not declared` {
		f.Errorf("the cluster's drift is %q", lines)
	}
	// Taken out, what one router is told goes; what all are told is mended. The router
	// without a name goes from the machine in the same apply, which comes to the cluster
	// first, and the other one has nothing of it.
	with, err := os.ReadFile(main)
	f.must(err)
	const each = "resource \"atoll_mysql_router\" \"application\" {\n  for_each = local.applications\n"
	if !bytes.Contains(with, []byte(each)) {
		f.Fatal("the example has no routers of that form")
	}
	without := bytes.Replace(with, []byte(toldAlone), nil, 1)
	without = bytes.Replace(without, []byte(each), []byte(strings.Replace(each, "local.applications", "{ for k, n in local.applications : k => n if k != \"app1\" }", 1)), 1)
	f.must(os.WriteFile(main, without, 0o600))
	f.override("atoll_mysql_cluster.main", `routers = ["203.0.113.21/second", "203.0.113.22"]`+all)
	f.apply()
	f.inSync()
	if got := f.sql("hk1", known); got != "203.0.113.21::atoll-second 203.0.113.22::atoll mysql_router_203_0_113_21_second mysql_router_203_0_113_22" {
		f.Errorf("the cluster knows %q", got)
	}
	if got := f.on("app1", "ls -d /etc/atoll-router* /var/lib/atoll-router* /etc/systemd/system/mysqlrouter*; systemctl restart mysqlrouter-second; systemctl is-active mysqlrouter-second"); got != "/etc/atoll-router-second\n/etc/systemd/system/mysqlrouter-second.service\n/var/lib/atoll-router-second\nactive" {
		f.Errorf("without the one that has no name there are %q", got)
	}
	if got := f.sql("hk1", told); got != `{} {"tags": {"team": "shop"}, "read_only_targets": "read_replicas"}` {
		f.Errorf("routers are told %s", got)
	}
	f.must(os.WriteFile(main, before, 0o600))
	f.override("atoll_mysql_cluster.main", `routers = ["203.0.113.21", "203.0.113.22"]`)
	f.apply()
	if got := f.sql("hk1", told); got != `{"tags": {}, "read_only_targets": "secondaries"}` {
		f.Errorf("without options routers are told %s", got)
	}
	if got := f.sql("hk1", known); got != "203.0.113.21::atoll 203.0.113.22::atoll mysql_router_203_0_113_21 mysql_router_203_0_113_22" {
		f.Errorf("the cluster knows %q", got)
	}
	if got := f.on("app1", "ls -d /etc/atoll-router* /var/lib/atoll-router* /etc/systemd/system/mysqlrouter*; systemctl is-active mysqlrouter"); got != "/etc/atoll-router\n/etc/systemd/system/mysqlrouter.service\n/var/lib/atoll-router\nactive" {
		f.Errorf("without the second there are %q", got)
	}
	f.inSync()
}

// routersVanish leaves in the cluster what routers do whose machines are no more: a
// row and its account, and an account alone.
func (f *fixture) routersVanish() {
	f.Helper()
	f.sql(f.primary(), `CREATE USER mysql_router7_abcdefghijkl; CREATE USER mysql_router_203_0_113_99;
INSERT INTO mysql_innodb_cluster_metadata.routers (router_name, product_name, address, attributes, cluster_id)
 SELECT 'system', 'MySQL Router', 'gone.example.org', '{"MetadataUser": "mysql_router7_abcdefghijkl"}', cluster_id FROM mysql_innodb_cluster_metadata.clusters`)
}

const (
	// known is what the cluster knows of routers: rows, and accounts.
	known = `SELECT CONCAT((SELECT GROUP_CONCAT(address, '::', router_name ORDER BY address, router_name SEPARATOR ' ') FROM mysql_innodb_cluster_metadata.routers), ' ',
 (SELECT GROUP_CONCAT(user ORDER BY 1 SEPARATOR ' ') FROM mysql.user WHERE user LIKE 'mysql\\_router%'))`
	// toldAlone are the second router's options.
	toldAlone = "  routing_options = { read_only_targets = \"secondaries\", stats_updates_frequency = 3600 }\n"
	// told is what the metadata tell the second router, if there is one, and all.
	told = `SELECT CONCAT_WS(' ', (SELECT options FROM mysql_innodb_cluster_metadata.routers WHERE router_name = 'atoll-second'), JSON_REMOVE(router_options, '$.Configuration'))
 FROM mysql_innodb_cluster_metadata.clusters`
)

// routersAreTold looks where the read-only ports lead: what one router is told goes
// before what all are. Then somebody else says otherwise.
func (f *fixture) routersAreTold() {
	f.Helper()
	primary := f.primary()
	f.sql(primary, "CREATE USER probe@'%' IDENTIFIED BY 'of the test'")
	defer f.sql(primary, "DROP USER probe@'%'")
	leader, secondaries := f.addresses(primary)
	f.eventually("the read-only port leads to the primary, for want of read replicas", time.Minute, func() bool { return f.leads("app1", "127.0.0.1:6447") == leader })
	f.eventually("that of the second leads to secondaries", time.Minute, func() bool { return f.leads("app1", "127.0.0.1:7447") == strings.Join(secondaries, " ") })
	f.sql(primary, `UPDATE mysql_innodb_cluster_metadata.routers SET options = JSON_SET(options, '$.read_only_targets', 'read_replicas') WHERE router_name = 'atoll-second';
UPDATE mysql_innodb_cluster_metadata.clusters SET router_options = JSON_SET(router_options, '$.tags', JSON_OBJECT())`)
}

// addresses are those of the primary and of the secondaries in the mesh, these sorted.
func (f *fixture) addresses(primary string) (leader string, secondaries []string) {
	f.Helper()
	for _, name := range databases {
		host, err := f.lab.Inventory.Host(name)
		f.must(err)
		if name == primary {
			leader = site.MeshAddress(host.HostSpec)
		} else {
			secondaries = append(secondaries, site.MeshAddress(host.HostSpec))
		}
	}
	slices.Sort(secondaries)
	return leader, secondaries
}

// A router lets nobody in any more after its next start when its account got another
// password: the plan tells of it while the old sessions still go on, an apply gives it one
// of its own.
func TestRouterIsRefused(t *testing.T) {
	f := stand(t)
	const router, note = `atoll_mysql_router.application["app1"]`, "/etc/atoll-router/account"
	f.sql(f.primary(), `ALTER USER mysql_router_203_0_113_21@'10.77.0.0/255.255.255.0' IDENTIFIED BY 'another' ACCOUNT LOCK`)
	if lines := strings.Join(f.plan().Drift[router], "; "); !strings.HasPrefix(lines, "router: its account in the cluster has another password than it") {
		t.Errorf("while its sessions go on the router says %q", lines)
	}
	f.on("app1", "systemctl restart --no-block mysqlrouter")
	f.apply()
	f.inSync()
	if got := f.on("app1", "systemctl is-active mysqlrouter; stat -c '%U %a' "+note); got != "active\nroot 600" {
		t.Errorf("the router is, and its note belongs to: %q", got)
	}
}

// While nobody takes writes, the cluster says so and no router does; who looks at
// the cluster meets a state and no error.
func TestRouterOfASickCluster(t *testing.T) {
	f := stand(t)
	status := filepath.Join(f.terraform.Dir, "status.tf")
	f.must(os.WriteFile(status, []byte("data \"atoll_mysql_cluster_status\" \"now\" {\n  cluster = atoll_mysql_cluster.main.routing\n}\noutput \"cluster\" {\n  value = data.atoll_mysql_cluster_status.now\n}\n"), 0o600))
	t.Cleanup(func() { _ = os.Remove(status) })
	for _, host := range databases {
		f.on(host, "systemctl stop 'atoll-guardian*'; mysql -e 'STOP GROUP_REPLICATION'")
	}
	f.eventually("the routers have closed their ports", time.Minute, func() bool { return f.on("app1", "ss -ltnH | grep -c ':6446 ' || :") == "0" })
	f.must(f.terraform.Apply(f.Context(), "-refresh=false"))
	var found struct {
		State, Summary, Primary string
		Members                 map[string]struct{ State, Problem string }
	}
	f.must(f.terraform.Output(f.Context(), "cluster", &found))
	if found.State == "ONLINE" || found.State == "PARTIAL" || found.Primary != "" || found.Members["hk1"].State == "ONLINE" || found.Members["hk1"].Problem != "" {
		t.Errorf("the status is %+v", found)
	}
	plan := f.plan()
	for address, lines := range plan.Drift {
		if strings.Contains(address, "atoll_mysql_router") && len(lines) > 0 {
			t.Errorf("%s says %q", address, lines)
		}
	}
	if lines := plan.Drift["atoll_mysql_cluster.main"]; len(lines) == 0 {
		t.Error("the cluster says nothing")
	}
	f.must(os.Remove(status))
	f.apply()
	f.inSync()
}
