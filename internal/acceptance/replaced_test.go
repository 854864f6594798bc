// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atollhq/terraform-provider-atoll/internal/site"
)

// replaceable is one resource of each type, and of those with roles one of each.
func replaceable(primary, secondary string) []string {
	return []string{
		`atoll_host.node["app1"]`, `atoll_host.node["` + secondary + `"]`, `atoll_mesh_peer.node["app1"]`, `atoll_mesh_peer.node["` + secondary + `"]`,
		"atoll_mesh.site", `atoll_mysql_server.database["` + secondary + `"]`, `atoll_mysql_server.database["` + primary + `"]`,
		"atoll_mysql_cluster.main", `atoll_mysql_router.application["app1"]`,
	}
}

// halfAGigabyte are rows of 4 MiB, in transactions below the group's limit.
const halfAGigabyte = `mysql -e "CREATE DATABASE bulk; CREATE TABLE bulk.t (id INT AUTO_INCREMENT PRIMARY KEY, bytes LONGBLOB NOT NULL)"
for i in $(seq 8); do mysql -e "INSERT INTO bulk.t (bytes) SELECT REPEAT('atoll', 838860) FROM (VALUES ROW(1), ROW(2), ROW(3), ROW(4), ROW(5), ROW(6), ROW(7), ROW(8), ROW(9), ROW(10), ROW(11), ROW(12), ROW(13), ROW(14), ROW(15), ROW(16)) r"; done`

// Somebody replaces a resource, or marks it as tainted, which is the same: whatever
// it takes down meanwhile comes back with all of its half a gigabyte, and the next plan
// is empty.
func TestEachReplaced(t *testing.T) {
	f := stand(t)
	shop := f.shop()
	defer func() { _ = shop.DB.Close() }()
	f.on(f.primary(), halfAGigabyte)
	defer func() { f.sql(f.primary(), "DROP DATABASE bulk") }()
	primary, secondary := f.primary(), "sg1"
	if primary == secondary {
		secondary = "hk2"
	}
	for _, address := range replaceable(primary, secondary) {
		t.Run(strings.NewReplacer(`"`, "", ".", " ").Replace(address), func(t *testing.T) {
			f := f.within(t)
			writer := site.StartWriter(t.Context(), shop.DB)
			if err := f.terraform.Apply(t.Context(), "-replace="+address); err != nil {
				t.Logf("the replacement is refused: %v", err)
				f.apply()
			}
			if !strings.HasPrefix(address, "atoll_mysql_server.") {
				f.apply()
			}
			f.inSync()
			f.whole()
			for _, host := range databases {
				if got := f.sql(host, "SELECT CONCAT(COUNT(*), ' ', SUM(LENGTH(bytes)), ' ', COUNT(DISTINCT CRC32(bytes))) FROM bulk.t"); got != "128 536870400 1" {
					t.Errorf("%s has %q", host, got)
				}
			}
			report, err := writer.Stop(t.Context(), shop.DB)
			f.must(err)
			t.Logf("%s", report)
			f.noneLost(report)
		})
	}
}

// One apply replaces servers and lets them join again, with the addresses, the data and
// the UUIDs that they had, while an application writes: it says that the group is smaller
// meanwhile, changes neither the routers nor the other servers, and refuses to take all.
func TestReplacedServersJoinAgain(t *testing.T) {
	f := stand(t)
	shop := f.shop()
	defer func() { _ = shop.DB.Close() }()
	first, second := f.secondary(), f.primary()
	server := func(host string) string { return `atoll_mysql_server.database["` + host + `"]` }
	for _, hosts := range [][]string{{first}, {first, second}} {
		t.Run(strings.Join(hosts, " and "), func(t *testing.T) {
			f := f.within(t)
			args, want := []string{}, map[string]string{"atoll_mysql_cluster.main": "update"}
			for _, host := range hosts {
				args, want[server(host)] = append(args, "-replace="+server(host)), "delete/create"
			}
			uuid := f.sql(first, "SELECT @@server_uuid")
			writer := site.StartWriter(t.Context(), shop.DB)
			plan := f.plan(args...)
			if diff := cmp.Diff(want, plan.Changes); diff != "" {
				t.Errorf("the plan:\n%s", diff)
			}
			if remain := fmt.Sprintf("%d of 3 members are ONLINE", 3-len(hosts)); !strings.Contains(flat(plan.Text), remain) {
				t.Errorf("the plan does not say that %s:\n%s", remain, plan.Text)
			}
			f.must(f.terraform.ApplyPlan(t.Context()))
			f.inSync()
			f.whole()
			if got := f.sql(first, "SELECT @@server_uuid"); got != uuid {
				t.Errorf("the server was %s and is %s", uuid, got)
			}
			report, err := writer.Stop(t.Context(), shop.DB)
			f.must(err)
			t.Logf("%s", report)
			f.noneLost(report)
		})
	}
	args := []string{}
	for _, host := range databases {
		args = append(args, "-replace="+server(host))
	}
	if _, err := f.terraform.Plan(t.Context(), args...); err == nil || !strings.Contains(flat(err.Error()), "Every Member Would Be Created Again") {
		t.Errorf("all at once: %v", err)
	}
}

// An apply that is aimed at one resource mends that and what it needs, which to
// Terraform are all hosts of a for_each, and leaves the rest as it is.
func TestAimedAtOne(t *testing.T) {
	f := stand(t)
	f.on("app1", "echo '# by hand' >>/etc/tinc/site/tinc.conf")
	f.on("app2", "systemctl stop mysqlrouter")
	f.must(f.terraform.Apply(t.Context(), `-target=atoll_mesh_peer.node["app1"]`))
	plan := f.plan()
	if lines := strings.Join(plan.Lines(), "; "); !strings.Contains(lines, "mysqlrouter.service: inactive") || strings.Contains(lines, "tinc.conf") {
		t.Errorf("after an apply aimed at the peer: %s", lines)
	}
	f.apply()
	f.inSync()
}
