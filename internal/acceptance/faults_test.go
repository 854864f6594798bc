// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/lab"
)

// Unreachable is not gone: a warning, the state kept, one line each, and the
// plan of everything else goes on. Power comes back, and so does the host.
func TestUnreachableHostIsNotGone(t *testing.T) {
	f := stand(t)
	f.pull("app2")
	start := time.Now()
	plan := f.plan()
	t.Logf("a plan with one dead host took %s", time.Since(start).Round(100*time.Millisecond))
	for _, address := range []string{`atoll_host.node["app2"]`, `atoll_mesh_peer.node["app2"]`, `atoll_mysql_router.application["app2"]`} {
		if lines := plan.Drift[address]; len(lines) != 1 || !strings.HasPrefix(lines[0], "unreachable: connect 203.0.113.22:22") {
			t.Errorf("%s: drift %q, want one line that it is unreachable", address, lines)
		}
		if plan.Changes[address] != "update" {
			t.Errorf("%s: %q is planned, want an update", address, plan.Changes[address])
		}
	}
	if action := plan.Changes[`atoll_host.node["app1"]`]; action != "" {
		t.Errorf("app1 is to be changed (%s), and nothing is wrong with it", action)
	}
	if !strings.Contains(plan.Text, "Warning: Machine 203.0.113.22 Was Not Read") {
		t.Error("the plan warns of nothing")
	}
	// One bounded wait for the run, not one for each resource on the host.
	if took := time.Since(start); took > 35*time.Second {
		t.Errorf("the plan took %s", took)
	}
	// Declared lost and removed, its router's account goes with it.
	f.variables(func(nodes, all map[string]any) {
		delete(nodes, "app2")
		all["lost"] = []string{"203.0.113.22"}
	})
	f.apply()
	f.inSync()
	if got := f.sql("hk1", "SELECT CONCAT((SELECT GROUP_CONCAT(address) FROM mysql_innodb_cluster_metadata.routers), ' ', (SELECT GROUP_CONCAT(user) FROM mysql.user WHERE user LIKE 'mysql\\_router%'))"); got != "203.0.113.21 mysql_router_203_0_113_21" {
		t.Errorf("the cluster knows %q", got)
	}
	// Back with what it had, it is let in anew.
	f.must(f.lab.PlugIn(f.Context(), "app2"))
	f.variables(func(_, _ map[string]any) {})
	f.eventually("reachable", time.Minute, func() bool { _, err := f.try("app2", "true"); return err == nil })
	f.apply()
	f.eventually("back", time.Minute, func() bool {
		got, err := f.try("app2", "systemctl is-active mysqlrouter tinc@site")
		return err == nil && got == "active\nactive"
	})
	f.eventually("in sync without an apply", time.Minute, func() bool { return f.plan().Empty() })
}

// A host that is declared lost and removed: everything else goes on without it,
// and nothing waits for it.
func TestLostHost(t *testing.T) {
	f := stand(t)
	f.pull("sg1")
	// Its last sign of life is long ago, as with a machine that is gone.
	f.expelled("hk1")
	f.variables(func(nodes, all map[string]any) {
		delete(nodes, "sg1")
		all["lost"] = []string{"198.51.100.13"}
	})
	start := time.Now()
	f.apply()
	t.Logf("the apply without the lost host took %s", time.Since(start).Round(100*time.Millisecond))
	state, err := f.terraform.State(f.Context())
	f.must(err)
	if strings.Contains(string(state), `"index":"sg1"`) {
		t.Error("the lost host's resources are still in the state")
	}
	plan := f.plan()
	if !plan.Empty() {
		t.Errorf("the plan is not empty: %s", plan)
	}
	if !strings.Contains(plan.Text, "Even Number of Members") {
		t.Error("nobody warns of an even number of members")
	}
	if rows := f.sql("hk1", "SELECT GROUP_CONCAT(address ORDER BY address) FROM mysql_innodb_cluster_metadata.instances"); rows != "10.77.0.11:3306,10.77.0.12:3306" {
		t.Errorf("the metadata hold %s", rows)
	}
	// A fresh machine takes its place.
	f.must(f.lab.Rebuild(f.Context(), "sg1"))
	f.variables(func(_, _ map[string]any) {})
	f.apply()
	f.inSync()
	if got := f.sql("sg1", online); got != "3" {
		t.Errorf("the new sg1 sees %s members", got)
	}
}

// expelled waits until a member sees the group of three without the third.
func (f *fixture) expelled(witness string) {
	f.Helper()
	f.eventually("expelled", time.Minute, func() bool {
		got, err := f.try(witness, "mysql -N -B -e 'SELECT COUNT(*) FROM performance_schema.replication_group_members'")
		return err == nil && got == "2"
	})
}

// rebuildAll gives every host a fresh disk and forgets the state.
func (f *fixture) rebuildAll() {
	f.Helper()
	for _, host := range f.lab.Inventory.Hosts {
		f.must(f.lab.Rebuild(f.Context(), host.Name))
	}
	for _, name := range []string{"terraform.tfstate", "terraform.tfstate.backup", ".terraform.tfstate.lock.info"} {
		_ = os.Remove(filepath.Join(f.terraform.Dir, name))
	}
}

// Two applies that know nothing of each other end in one site.
func TestTwoAppliesAtOnce(t *testing.T) {
	f := open(t)
	f.rebuildAll()
	other := example(t, f.lab, t.TempDir())
	result := make(chan error, 1)
	go func() { result <- other.Apply(f.Context()) }()
	f.apply()
	if err := <-result; err != nil {
		t.Errorf("the second apply: %v", err)
	}
	f.apply()
	f.inSync()
	f.whole()
}

// A line that is cut in the middle of an apply is an error that names the host,
// and the next apply goes on.
func TestLineCutDuringApply(t *testing.T) {
	f := open(t)
	f.rebuildAll()
	command, output, err := f.terraform.Start("apply", "-auto-approve", "-no-color")
	f.must(err)
	f.eventually("installing", time.Minute, func() bool { return strings.Contains(output.String(), `atoll_mysql_server.database["sg1"]: Creating`) })
	f.must(f.lab.Cut(f.Context(), lab.Operator, "sg1"))
	if err := command.Wait(); err == nil {
		t.Error("the apply succeeded without the line to sg1")
	}
	if text := output.String(); !strings.Contains(text, "Unable to Create MySQL Server 10.77.0.13:3306") || !strings.Contains(text, "198.51.100.13:22") {
		t.Errorf("the error does not name server and host:\n%s", text)
	}
	f.must(f.lab.Mend(f.Context(), lab.Operator, "sg1"))
	f.apply()
	f.inSync()
	f.whole()
}

// A full disk ends the apply with the reason; room ends the trouble.
func TestFullDisk(t *testing.T) {
	f := stand(t)
	f.on("app1", "echo '# by hand' >>/etc/tinc/site/tinc.conf")
	f.must(f.lab.FillDisk(f.Context(), "app1"))
	err := f.terraform.Apply(f.Context())
	if err == nil || !strings.Contains(err.Error(), "No space left on device") {
		t.Errorf("want the error that there is no space left, got %v", err)
	}
	f.must(f.lab.FreeDisk(f.Context(), "app1"))
	f.apply()
	f.inSync()
}

// Destroy leaves clean hosts with their data, which can be used again.
func TestDestroyKeepsData(t *testing.T) {
	f := stand(t)
	f.on("hk1", "true")
	primary := f.primary()
	f.sql(primary, "CREATE DATABASE IF NOT EXISTS kept; CREATE TABLE IF NOT EXISTS kept.t (id INT PRIMARY KEY); REPLACE INTO kept.t VALUES (42)")
	f.must(f.terraform.Destroy(f.Context()))
	for _, host := range f.lab.Inventory.Hosts {
		left := f.on(host.Name, "ls -A /etc/tinc/site /var/lib/atoll/owners /var/lib/atoll/questions /var/lib/atoll-router /etc/atoll-router /etc/systemd/system/mysql.service.d 2>/dev/null; ls /etc/mysql/mysql.conf.d/zz-atoll.cnf /etc/sysctl.d/*atoll* 2>/dev/null; systemctl is-active tinc@site mysql mysqlrouter | sort -u; ip link show site 2>/dev/null; :")
		if left = strings.TrimSpace(strings.NewReplacer("/var/lib/atoll/owners:", "", "/var/lib/atoll/questions:", "").Replace(left)); left != "inactive" {
			t.Errorf("%s still holds %q", host.Name, left)
		}
	}
	f.apply()
	f.inSync()
	if got := f.sql("sg1", "SELECT id FROM kept.t"); got != "42" {
		t.Errorf("the data did not come back: %q", got)
	}
}

// All machines are reinstalled behind our back: the next apply makes the site
// anew, with a new group.
func TestAllMachinesReinstalled(t *testing.T) {
	f := stand(t)
	for _, host := range f.lab.Inventory.Hosts {
		f.must(f.lab.Rebuild(f.Context(), host.Name))
	}
	f.apply()
	f.inSync()
	f.whole()
}
