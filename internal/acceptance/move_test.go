// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/linode/linodego"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqld"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
	"github.com/atollhq/terraform-provider-atoll/internal/site"
)

// moving are the variables of examples/move-off-hardware: the roles of the lab's
// hosts, and what is to be made at Linode.
func (f *fixture) moving(roles map[string]string, linodes map[string]any, lost ...string) {
	f.Helper()
	machines := map[string]any{}
	for _, host := range f.lab.Inventory.Hosts {
		if role := roles[host.Name]; role != "" {
			machines[host.Name] = map[string]any{"host": host.Address, "host_key": host.HostKey, "mesh": site.MeshAddress(host.HostSpec), "role": role}
		}
	}
	f.must(f.terraform.Variables(map[string]any{"machines": machines, "linodes": linodes, "ssh_key_file": f.lab.Inventory.Key, "lost": append([]string{}, lost...)}))
}

// shop deploys an application on app1 that writes through its router.
func (f *fixture) shop() *site.Application {
	f.Helper()
	database, err := site.Machine(f.pool, f.lab.Inventory, f.primary())
	f.must(err)
	application, err := site.Machine(f.pool, f.lab.Inventory, "app1")
	f.must(err)
	shop, err := site.Deploy(f.Context(), database, application)
	f.must(err)
	return shop
}

// handOver changes the primary as an administrator does, and waits for it.
func (f *fixture) handOver(to string) {
	f.Helper()
	f.sql(to, "SELECT group_replication_set_as_primary(@@server_uuid)")
	f.eventually(to+" is the primary", time.Minute, func() bool { return f.primary() == to })
}

// The story: the physical machine is replaced by a Linode in one apply, under
// load; and back, when the Linode fails.
func TestMoveOffHardwareAndBack(t *testing.T) {
	open(t).rebuildAll() // nor does the shared site's state outlive its hosts
	f := declare(t, "").fixture
	terraform, err := site.Copy("move-off-hardware", t.TempDir(), f.lab.Inventory)
	f.must(err)
	f.terraform = terraform
	hosts := f.lab.Inventory.Hosts
	defer func() { f.lab.Inventory.Hosts = hosts; f.rebuildAll() }()
	before := map[string]string{"hk1": "database", "hk2": "database", "sg1": "database", "app1": "application"}
	f.moving(before, map[string]any{})
	f.apply()
	f.inSync()
	shop := f.shop()
	defer func() { _ = shop.DB.Close() }()

	// What one change of the primary costs this application, here and now.
	writer := site.StartWriter(t.Context(), shop.DB)
	f.handOver("hk2")
	f.must(remote.Pause(t.Context(), 2*time.Second))
	f.handOver("hk1")
	f.must(remote.Pause(t.Context(), 2*time.Second))
	change, err := writer.Stop(t.Context(), shop.DB)
	f.must(err)
	t.Logf("a change of the primary: %s", change)

	moved := map[string]string{"hk2": "database", "sg1": "database", "app1": "application"}
	f.moving(moved, map[string]any{"vps1": map[string]any{"region": "ap-south", "type": "g6-standard-1", "mesh": "10.77.0.31", "role": "database"}})
	start := time.Now()
	report := f.under(shop, func() { f.apply() })
	t.Logf("the move took %s: %s", time.Since(start).Round(time.Second), report)
	f.noneLost(report)
	if report.StoodStill > 2*change.StoodStill+2*time.Second { // machines like these are noisy
		t.Errorf("writes stood still for %s, a change of the primary costs %s", report.StoodStill, change.StoodStill)
	}
	f.inSync()
	f.must(site.AddLinode(t.Context(), f.terraform, f.lab, "vps1"))
	f.members("vps1", "hk2", "sg1")
	f.retired("hk1")
	f.on("hk1", "test -d /var/lib/mysql/shop")

	f.guarded(shop)
	f.rebuilt(shop)
	f.offIsNotGone()

	// The way back, with the VPS dead: the physical machine takes over.
	f.handOver("vps1")
	address := f.lab.Inventory.Hosts[len(f.lab.Inventory.Hosts)-1].Address
	report = f.under(shop, func() {
		f.must(f.lab.PullPlug(t.Context(), "vps1"))
		f.expelled("hk2")
		f.moving(before, map[string]any{}, address)
		start = time.Now()
		f.apply()
	})
	t.Logf("the way back took %s: %s", time.Since(start).Round(time.Second), report)
	f.noneLost(report)
	f.inSync()
	f.members("hk1", "hk2", "sg1")

	// A run that ends between the mesh and the departure leaves nobody behind.
	delete(before, "sg1")
	f.moving(before, map[string]any{})
	f.kill("atoll_mysql_cluster.main: Modifying", 300*time.Millisecond)
	if plan := f.plan(); !strings.Contains(plan.String(), "hk2: still knows sg1, which is declared no more") {
		t.Errorf("the plan after the kill: %s", plan)
	}
	f.apply()
	f.inSync()
	f.retired("sg1")
	f.must(f.terraform.Destroy(t.Context()))
}

// retired checks that a machine has nothing of the site, and nobody knows it.
func (f *fixture) retired(name string) {
	f.Helper()
	if state := f.on(name, "systemctl is-active mysql tinc@site || :"); state != "inactive\ninactive" {
		f.Errorf("MySQL and tinc on the retired machine are %q", state)
	}
	if left := f.on(name, "ls /var/lib/atoll/owners /etc/tinc"); strings.Contains(left, "site") {
		f.Errorf("the retired machine still has %s", left)
	}
	if known := f.on("hk2", "ls /etc/tinc/site/hosts"); strings.Contains(known, name) {
		f.Errorf("the others still know %s: %s", name, known)
	}
}

// under runs a change while the application writes, and waits for a write after
// it.
func (f *fixture) under(shop *site.Application, change func()) site.Report {
	f.Helper()
	writer := site.StartWriter(f.Context(), shop.DB)
	f.eventually("writing", 30*time.Second, func() bool { return writer.Count() > 10 })
	change()
	count := writer.Count()
	f.eventually("writing on", time.Minute, func() bool { return writer.Count() > count+10 })
	report, err := writer.Stop(f.Context(), shop.DB)
	f.must(err)
	return report
}

func (f *fixture) noneLost(report site.Report) {
	f.Helper()
	if report.Lost != 0 || report.Acknowledged == 0 {
		f.Errorf("%s", report)
	}
}

// members checks that these, and no others, are online.
func (f *fixture) members(names ...string) {
	f.Helper()
	for _, name := range names {
		if got := f.sql(name, online); got != "3" {
			f.Errorf("%s sees %s members online, want %d", name, got, len(names))
		}
	}
	if rows := f.sql("hk2", "SELECT COUNT(*) FROM mysql_innodb_cluster_metadata.instances"); rows != "3" {
		f.Errorf("the metadata hold %s instances, want 3", rows)
	}
}

// guarded: what the site cannot spare is neither resized nor deleted; with the
// others well, a resize hands the primary's role over and loses nothing.
func (f *fixture) guarded(shop *site.Application) {
	f.Helper()
	a := &account{fixture: f}
	const target = `-target=atoll_linode.node["vps1"]`
	roles := map[string]string{"hk2": "database", "sg1": "database", "app1": "application"}
	f.moving(roles, map[string]any{"vps1": map[string]any{"region": "ap-south", "type": "g6-standard-2", "mesh": "10.77.0.31", "role": "database"}})
	f.on("sg1", "systemctl stop mysql")
	f.on("hk2", "systemctl stop mysql")
	f.eventually("alone", time.Minute, func() bool { return f.sql("vps1", online) == "1" })
	a.says(a.refusal(f.terraform.Apply(f.Context(), target)), "the site cannot spare", mysqld.ErrAlone.Error())
	a.says(a.refusal(f.terraform.Apply(f.Context(), target, `-replace=atoll_linode.node["vps1"]`)), "the site cannot spare")
	f.on("sg1", "systemctl start mysql")
	f.on("hk2", "systemctl start mysql")
	f.eventually("whole", time.Minute, func() bool { return f.sql("vps1", online) == "3" })
	f.handOver("vps1")
	report := f.under(shop, func() { f.apply() })
	f.Logf("a resize of the primary: %s", report)
	f.noneLost(report)
	f.members("vps1", "hk2", "sg1")
	f.inSync()
	if pool := f.sql("vps1", "SELECT @@innodb_buffer_pool_size >> 20"); pool != "2048" { // of 4 GiB
		f.Errorf("after the resize the buffer pool has %s MiB", pool)
	}
}

// offIsNotGone: a machine that is shut down at the hoster is booted and asked before
// its disk goes, and where another member does not answer nothing goes.
func (f *fixture) offIsNotGone() {
	f.Helper()
	a := &account{fixture: f, api: apiOf(f)}
	ctx := f.Context()
	const name, target = `atoll_linode.node["vps1"]`, `-target=atoll_linode.node["vps1"]`
	id := a.instances(ctx)[0].ID
	off := func() {
		f.Helper()
		f.must(a.api.ShutdownInstance(ctx, id))
		f.eventually("off", time.Minute, func() bool { return a.instances(ctx)[0].Status == linodego.InstanceOffline })
	}
	f.handOver("sg1")
	f.must(f.lab.PullPlug(ctx, "hk2"))
	f.expelled("sg1")
	off()
	elsewhere := func(region string) {
		f.moving(map[string]string{"hk2": "database", "sg1": "database", "app1": "application"},
			map[string]any{"vps1": map[string]any{"region": region, "type": "g6-standard-2", "mesh": "10.77.0.31", "role": "database"}})
	}
	elsewhere("us-sea")
	f.replaced = map[string]bool{name: true}
	plan := f.plan(target)
	a.says(flat(plan.Text), "Discards Data", "mysql-server")
	a.says(a.refusal(f.terraform.Apply(ctx, target)), "cannot be asked", "off is not gone", "mysql-server", "does not answer", "lost in the provider block")
	if all := a.instances(ctx); len(all) != 1 || all[0].ID != id {
		f.Fatalf("the account has %+v", all)
	}
	f.replaced = nil
	elsewhere("ap-south")
	f.must(f.lab.PlugIn(ctx, "hk2"))
	f.apply()
	f.inSync()
	f.members("vps1", "hk2", "sg1")
	// With the others well, a machine that is off can be made anew.
	off()
	main := filepath.Join(f.terraform.Dir, "main.tf")
	content, err := os.ReadFile(main)
	f.must(err)
	f.must(os.WriteFile(main, []byte(strings.Replace(string(content), "rebuild_generation = 2", "rebuild_generation = 3", 1)), 0o600))
	f.apply()
	f.inSync()
	f.must(site.AddLinode(ctx, f.terraform, f.lab, "vps1"))
	f.members("vps1", "hk2", "sg1")
}

// rebuilt: a member whose disk is made anew leaves its group before and is back
// in it after the same apply, with a new host key, tinc key and server UUID.
func (f *fixture) rebuilt(shop *site.Application) {
	f.Helper()
	main := filepath.Join(f.terraform.Dir, "main.tf")
	generation := func(number string) {
		content, err := os.ReadFile(main)
		f.must(err)
		kept := regexp.MustCompile(`(?m)^  rebuild_generation = \d+\n`).ReplaceAllString(string(content), "")
		changed := strings.Replace(kept, "  image           = \"linode/debian13\"\n", "  image           = \"linode/debian13\"\n  rebuild_generation = "+number+"\n", 1)
		f.must(os.WriteFile(main, []byte(changed), 0o600))
	}
	generation("1")
	f.apply()
	f.handOver("vps1")
	generation("2")
	report := f.under(shop, func() { f.apply() })
	f.Logf("a rebuild of the primary: %s", report)
	f.noneLost(report)
	f.inSync()
	f.must(site.AddLinode(f.Context(), f.terraform, f.lab, "vps1"))
	f.members("vps1", "hk2", "sg1")
}
