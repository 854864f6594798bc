// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/lab"
	"github.com/atollhq/terraform-provider-atoll/internal/site"
)

// secondCluster is another one on the same mesh, on machines that the first has not.
// What it leaves there when it goes would keep them out of the first.
const secondCluster = `
resource "atoll_mysql_server" "second" {
  for_each    = toset([%q, %q, %q])
  ssh         = atoll_host.node[each.key].ssh
  mesh        = atoll_mesh.site.id
  address     = atoll_mesh_peer.node[each.key].address
  settings    = var.mysql_settings
  delete_data = true
}

resource "atoll_mysql_cluster" "second" {
  name    = "second"
  members = { for name, server in atoll_mysql_server.second : name => server.member }
}
`

// light lets nine servers stand on one machine.
var light = map[string]string{
	"innodb_buffer_pool_size": "33554432", "innodb_redo_log_capacity": "67108864", "group_replication_message_cache_size": "134217728",
	"max_connections": "40", "performance_schema_max_table_instances": "500",
}

// sized is a site and its members, by the order in which they come.
type sized struct {
	*fixture
	machines []string
	settings map[string]string
	shop     *site.Application
}

// A group grows and shrinks by the number of its members that is declared, each in one
// apply and under a writer, up to the nine that Group Replication takes. A second one
// on the same mesh has nothing to do with it.
func TestSizesOfAGroup(t *testing.T) {
	f := &sized{fixture: open(t), settings: light}
	for _, host := range f.lab.Inventory.Hosts {
		if host.Name != "app1" {
			f.machines = append(f.machines, host.Name)
		}
	}
	if len(f.machines) < 9 {
		t.Skipf("needs nine machines beside app1, and the lab has %d: bring it up with internal/acceptance/testdata/ten-hosts.json", len(f.machines))
	}
	f.declares(1)
	began := time.Now()
	f.apply()
	t.Logf("1 member: %s", time.Since(began).Round(time.Second))
	f.holds(1)
	f.shop = f.fixture.shop()
	defer func() { _ = f.shop.DB.Close() }()
	f.step("1 to 3 members", 3, func() { f.declares(3) })
	f.besides(f.machines[6:9])
	was := 3
	for _, size := range []int{5, 3, 7, 9, 3} {
		f.step(fmt.Sprintf("%d to %d members", was, size), size, func() { f.declares(size) })
		was = size
	}
}

// A member that is 200 ms from all others, there and back, goes and comes as any other.
// Each write waits for it then, since every member leads in its turn.
func TestMemberFarAway(t *testing.T) {
	f := &sized{fixture: stand(t), machines: []string{"hk1", "hk2", "sg1"}}
	if f.primary() == "sg1" {
		f.handOver("hk1")
	}
	f.shop = f.fixture.shop()
	defer func() { _ = f.shop.DB.Close() }()
	f.Cleanup(func() { _ = f.lab.Reset(context.Background()) })
	for _, host := range f.lab.Inventory.Hosts {
		if host.Name != "sg1" {
			f.must(f.lab.SetLink(f.Context(), "sg1", host.Name, lab.Link{Delay: 100 * time.Millisecond}, false))
		}
	}
	f.step("the far member goes", 2, func() { f.declares(2) })
	f.step("it comes back", 3, func() { f.declares(3) })
	writer := site.StartWriter(f.Context(), f.shop.DB)
	began := time.Now()
	f.eventually("200 writes", 5*time.Minute, func() bool { return writer.Count() >= 200 })
	took := time.Since(began)
	report, err := writer.Stop(f.Context(), f.shop.DB)
	f.must(err)
	f.Logf("%s after %s", report, took.Round(time.Second/10))
	f.noneLost(report)
	f.holds(3)
}

// declares a cluster of the first machines, and of others that they are there.
func (f *sized) declares(size int, others ...string) {
	f.Helper()
	f.variables(func(nodes, all map[string]any) {
		for at, name := range f.machines {
			node, _ := nodes[name].(map[string]any)
			node["database"] = at < size
			if at >= size && !slices.Contains(others, name) {
				delete(nodes, name)
			}
		}
		if f.settings != nil {
			all["mysql_settings"] = f.settings
		}
	})
}

// step does one apply under a writer, and says what became of it.
func (f *sized) step(what string, size int, declare func()) {
	f.Helper()
	declare()
	writer := site.StartWriter(f.Context(), f.shop.DB)
	began := time.Now()
	f.apply()
	took := time.Since(began).Round(time.Second)
	report, err := writer.Stop(f.Context(), f.shop.DB)
	f.must(err)
	f.Logf("%s: %s; %s", what, took, report)
	f.noneLost(report)
	f.inSync()
	f.holds(size)
}

// holds checks that the first machines are the members, and that each says so.
func (f *sized) holds(size int) {
	f.Helper()
	const members = "SELECT CONCAT(@@group_replication_group_name, (SELECT COUNT(*) FROM performance_schema.replication_group_members WHERE member_state = 'ONLINE'), ' ', (SELECT COUNT(*) FROM mysql_innodb_cluster_metadata.instances), ' ', (SELECT GROUP_CONCAT(cluster_name) FROM mysql_innodb_cluster_metadata.clusters))"
	group := ""
	for _, name := range f.machines[:size] {
		got := f.sql(name, members)
		if group == "" {
			group = got
		}
		if got != group || len(got) < 36 || got[36:] != fmt.Sprintf("%d %[1]d main", size) {
			f.Errorf("%s says %q, want %d members online and in the metadata", name, got, size)
		}
	}
}

// besides has a second cluster on three machines, which comes and goes.
func (f *sized) besides(machines []string) {
	f.Helper()
	path := filepath.Join(f.terraform.Dir, "second.tf")
	f.Cleanup(func() { _ = os.Remove(path) })
	f.step("a second cluster of 3 comes", 3, func() {
		f.declares(3, machines...)
		f.must(os.WriteFile(path, fmt.Appendf(nil, secondCluster, machines[0], machines[1], machines[2]), 0o600))
	})
	const second = "SELECT CONCAT((SELECT COUNT(*) FROM performance_schema.replication_group_members WHERE member_state = 'ONLINE'), ' ', (SELECT GROUP_CONCAT(cluster_name) FROM mysql_innodb_cluster_metadata.clusters))"
	for _, name := range machines {
		if got := f.sql(name, second); got != "3 second" {
			f.Errorf("%s says %q", name, got)
		}
	}
	f.step("it goes, and its machines with it", 3, func() {
		f.declares(3)
		f.must(os.Remove(path))
	})
}
