// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Killed anywhere, finished by the next apply: the group is one, accounts are
// not doubled, and no file is half. Where there is the time each moment has a site
// of its own; else one site is killed in all of them, each run by the next.
func TestKilledApplyIsFinishedByTheNext(t *testing.T) {
	f := open(t)
	moments := []string{
		`atoll_mesh_peer.node["hk1"]: Creating`, "atoll_mesh.site: Creating", `atoll_mysql_server.database["hk1"]: Creating`,
		"atoll_mysql_cluster.main: Creating", `atoll_mysql_router.application["app1"]: Creating`,
	}
	const late = 1500 * time.Millisecond
	if often(t, killsVariable, 1) == 1 {
		f.killedAt(late, moments...)
		return
	}
	for _, moment := range moments {
		for _, late := range []time.Duration{late, 100 * time.Millisecond} {
			t.Run(strings.Fields(moment)[0]+" after "+late.String(), func(t *testing.T) {
				f.within(t).killedAt(late, moment)
			})
		}
	}
}

// killedAt makes a site of bare hosts whose apply is killed some time after each of
// these moments.
func (f *fixture) killedAt(late time.Duration, moments ...string) {
	f.Helper()
	f.rebuildAll()
	for _, moment := range moments {
		f.kill(moment, late)
	}
	f.apply()
	f.inSync()
	f.whole()
}

// kill starts an apply and kills Terraform and the provider with SIGKILL some
// time after a line of its output.
func (f *fixture) kill(moment string, late time.Duration) {
	f.Helper()
	command, output, err := f.terraform.Start("apply", "-auto-approve", "-no-color")
	f.must(err)
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	deadline := time.After(5 * time.Minute)
	for !strings.Contains(output.String(), moment) {
		select {
		case err := <-ended:
			f.Fatalf("the apply ended before %q: %v\n%s", moment, err, output.String())
		case <-deadline:
			f.Fatalf("no %q within 5 minutes:\n%s", moment, output.String())
		case <-time.After(20 * time.Millisecond):
		}
	}
	time.Sleep(late)
	if err := f.cutShort(command.Process.Pid, ended); err == nil {
		f.Fatalf("the apply ended by itself within %s of %q", late, moment)
	}
}

// cutShort kills a run and gives how it ended: nil for one that was done already.
func (f *fixture) cutShort(pid int, ended <-chan error) error {
	f.Helper()
	f.stopWithState(pid)
	f.signal(pid, syscall.SIGKILL)
	err := <-ended
	_ = os.Remove(filepath.Join(f.terraform.Dir, ".terraform.tfstate.lock.info"))
	return err
}

// stopWithState stops a run at a moment when its state stands whole on disk.
// Terraform rewrites the file in place: killed in the middle of that it leaves
// none, which is not what our tests are about.
func (f *fixture) stopWithState(pid int) {
	f.Helper()
	for range 100 {
		f.signal(pid, syscall.SIGSTOP)
		time.Sleep(10 * time.Millisecond)
		state, err := os.ReadFile(filepath.Join(f.terraform.Dir, "terraform.tfstate"))
		if os.IsNotExist(err) || json.Valid(state) {
			return
		}
		f.signal(pid, syscall.SIGCONT)
		time.Sleep(5 * time.Millisecond)
	}
	f.Fatal("the state is never whole")
}

// signal reaches Terraform and the provider, if they have not ended in error.
func (f *fixture) signal(pid int, signal syscall.Signal) {
	f.Helper()
	if err := syscall.Kill(-pid, signal); !errors.Is(err, syscall.ESRCH) {
		f.must(err)
	}
}

// whole checks that there is one of everything and nothing is left over.
func (f *fixture) whole() {
	f.Helper()
	f.wholeOf(databases, 2)
}

// wholeOf is whole for a site of these members and so many routers.
func (f *fixture) wholeOf(members []string, routers int) {
	f.Helper()
	count := strconv.Itoa(len(members))
	for _, host := range members {
		if got := f.sql(host, online); got != count {
			f.Errorf("%s sees %s members online, want %s", host, got, count)
		}
		if got := f.sql(host, "SELECT COUNT(*) FROM mysql.user WHERE user LIKE 'mysql_innodb_cluster_%'"); got != count {
			f.Errorf("%s has %s recovery accounts, want %s", host, got, count)
		}
		if got := f.sql(host, "SELECT @@group_replication_bootstrap_group"); got != "0" {
			f.Errorf("%s would bootstrap another group", host)
		}
	}
	if got := f.sql("hk1", "SELECT COUNT(*) FROM mysql.user WHERE user LIKE 'mysql_router%'"); got != strconv.Itoa(routers) {
		f.Errorf("%s router accounts, want %d", got, routers)
	}
	if got := f.sql("hk1", "SELECT CONCAT((SELECT COUNT(*) FROM mysql_innodb_cluster_metadata.clusters), (SELECT COUNT(*) FROM mysql_innodb_cluster_metadata.instances))"); got != "1"+count {
		f.Errorf("the metadata hold %s clusters and instances, want 1 and %s", got, count)
	}
	for _, host := range f.lab.Inventory.Hosts {
		if left := f.on(host.Name, "find /etc /var/lib/atoll /usr/sbin -name '.atoll*' -o -name '*.atoll' -o -name '*.atoll-kept' -o -name policy-rc.d 2>/dev/null"); left != "" {
			f.Errorf("%s holds half-made files: %s", host.Name, left)
		}
	}
}
