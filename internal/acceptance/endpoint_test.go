// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/site"
)

// databaseOf declares the site's servers by keys of a test's own, and their
// cluster, for a state beside the site's. ports are those that differ, by host;
// out are hosts whose server is no member.
func (f *fixture) databaseOf(keys map[string]string, ports map[string]int, out ...string) string {
	f.Helper()
	var text strings.Builder
	text.WriteString("locals {\n  servers = {\n")
	for _, name := range databases {
		host, err := f.lab.Inventory.Host(name)
		f.must(err)
		port := 3306
		if other := ports[name]; other != 0 {
			port = other
		}
		fmt.Fprintf(&text, "    %s = { host = %q, host_key = %q, address = %q, port = %d, member = %t }\n",
			keys[name], host.Address, host.HostKey, site.MeshAddress(host.HostSpec), port, !strings.Contains(strings.Join(out, " "), name))
	}
	text.WriteString(`  }
}
resource "atoll_mysql_server" "db" {
  for_each = local.servers
  mesh     = "site"
  address  = each.value.address
  port     = each.value.port
  ssh      = { host = each.value.host, host_key = each.value.host_key }
}
resource "atoll_mysql_cluster" "main" {
  name    = "main"
  members = { for key, server in atoll_mysql_server.db : key => server.member if local.servers[key].member }
}
`)
	return text.String()
}

// rewritten declares something else in the directory of written.
func rewritten(t *testing.T, terraform *site.Terraform, body string) {
	t.Helper()
	path := filepath.Join(terraform.Dir, "main.tf")
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, _, _ := strings.Cut(string(content), "locals {")
	if err := os.WriteFile(path, []byte(head+body), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A key of members and of for_each is a name in Terraform. Without moved blocks
// a plan that renames all of them is refused; with them the group does not notice.
func TestRenamedMembersStay(t *testing.T) {
	f := stand(t)
	before, after := map[string]string{}, map[string]string{}
	for i, name := range databases {
		before[name], after[name] = name, fmt.Sprintf("db%d", i)
	}
	own := written(t, f.lab, f.databaseOf(before, nil))
	started := func() (list string) {
		for _, host := range databases {
			list += f.sql(host, "SELECT variable_value FROM performance_schema.global_status WHERE variable_name = 'Uptime'") + " "
		}
		return list
	}
	f.must(own.Apply(t.Context()))
	t.Logf("up for %s seconds", started())
	stop := f.sample()
	renamed := f.databaseOf(after, nil)
	rewritten(t, own, renamed)
	if _, err := own.Plan(t.Context()); err == nil || !strings.Contains(flat(err.Error()), `from = atoll_mysql_server.NAME["OLD KEY"]`) {
		t.Errorf("want a refusal with the moved block, got %v", err)
	}
	for _, name := range databases {
		renamed += fmt.Sprintf("moved {\n  from = atoll_mysql_server.db[%q]\n  to   = atoll_mysql_server.db[%q]\n}\n", before[name], after[name])
	}
	rewritten(t, own, renamed)
	f.must(own.Apply(t.Context()))
	plan, err := own.Plan(t.Context())
	f.must(err)
	if !plan.Empty() {
		t.Errorf("the plan after it is not empty: %s", plan)
	}
	if spells := stop(); len(spells) > 0 {
		t.Errorf("members were not online: %+v", spells)
	}
	f.inSync()
	f.whole()
}

// The port of a member is not changed under its group: the plan says why and how
// it goes, and in that way the group keeps its quorum and the routers follow.
func TestPortOfAMember(t *testing.T) {
	f := stand(t)
	keys := map[string]string{}
	for _, name := range databases {
		keys[name] = name
	}
	const server = "sg1"
	if f.primary() == server {
		f.handOver("hk1")
	}
	own := written(t, f.lab, f.databaseOf(keys, nil))
	f.must(own.Apply(t.Context()))
	moved := map[string]int{server: 3307}
	rewritten(t, own, f.databaseOf(keys, moved))
	if _, err := own.Plan(t.Context()); err == nil || !strings.Contains(flat(err.Error()), "a member of a group keeps its address and port") ||
		!strings.Contains(flat(err.Error()), "port = 3307") || !strings.Contains(flat(err.Error()), "Take it out of the members") {
		t.Errorf("want a refusal with the way out, got %v", err)
	}
	shop := f.shop()
	defer func() { _ = shop.DB.Close() }()
	steps := func(body ...string) {
		for _, one := range body {
			rewritten(t, own, one)
			f.must(own.Apply(t.Context()))
		}
	}
	stop := f.sample()
	began := time.Now()
	report := f.under(shop, func() {
		steps(f.databaseOf(keys, nil, server), f.databaseOf(keys, moved, server), f.databaseOf(keys, moved))
	})
	t.Logf("the way took %s: %s", time.Since(began).Round(time.Second), report)
	f.noneLost(report)
	for _, one := range stop() {
		if one.host != server {
			t.Errorf("%s was not online", one.host)
		}
	}
	if got := f.sql("hk1", "SELECT GROUP_CONCAT(CONCAT(member_port, member_state) ORDER BY member_port) FROM performance_schema.replication_group_members"); got != "3306ONLINE,3306ONLINE,3307ONLINE" {
		t.Errorf("the group is %s", got)
	}
	f.eventually("the routers know the new port", time.Minute, func() bool {
		return strings.Contains(f.on("app1", "cat /var/lib/atoll-router/data/state.json"), ":3307")
	})
	steps(f.databaseOf(keys, moved, server), f.databaseOf(keys, nil, server))
	f.apply()
	f.inSync()
	f.whole()
}

// A router that knows none of the members any more is bootstrapped again by an
// ordinary apply; the plan says why.
func TestRouterWithoutMembersIsBootstrapped(t *testing.T) {
	f := stand(t)
	f.on("app1", `systemctl stop mysqlrouter
sed -i s/:3306/:3399/g /var/lib/atoll-router/data/state.json
systemctl start --no-block mysqlrouter`)
	plan := f.plan()
	if lines := strings.Join(plan.Drift[`atoll_mysql_router.application["app1"]`], "; "); !strings.Contains(lines, "router: knows none of the cluster's members: 10.77.0.11:3399, 10.77.0.12:3399, 10.77.0.13:3399") {
		t.Errorf("the plan says %q", lines)
	}
	f.apply()
	f.inSync()
	shop := f.shop()
	defer func() { _ = shop.DB.Close() }()
	f.noneLost(f.under(shop, func() {}))
}

// Without its recovery account a member could not come back after its next
// restart: the plan says so, and an apply makes it anew.
func TestDroppedRecoveryAccount(t *testing.T) {
	f := stand(t)
	primary := f.primary()
	secondary := "sg1"
	if primary == secondary {
		secondary = "hk2"
	}
	account := f.sql(secondary, "SELECT user FROM performance_schema.replication_connection_configuration WHERE channel_name = 'group_replication_recovery'")
	f.sql(primary, "DROP USER "+account+"@'10.77.0.0/255.255.255.0'")
	plan := f.plan()
	if lines := strings.Join(plan.Drift["atoll_mysql_cluster.main"], "; "); !strings.Contains(lines, secondary+": recovery account "+account+": missing") {
		t.Errorf("the plan says %q", lines)
	}
	f.apply()
	f.inSync()
	f.on(secondary, "systemctl restart mysql")
	f.eventually(secondary+" is back", time.Minute, func() bool {
		got, err := f.try(secondary, `mysql -N -B -e "SELECT member_state FROM performance_schema.replication_group_members WHERE member_id = @@server_uuid"`)
		return err == nil && got == "ONLINE"
	})
	f.inSync()
}
