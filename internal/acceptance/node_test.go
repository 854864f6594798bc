// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// lockPackages takes the lock of dpkg's front ends (fcntl) for some seconds.
const lockPackages = `rm -f /run/locked; perl -e 'use Fcntl; open(my $f, ">", "/var/lib/dpkg/lock-frontend"); my $lock = pack("s s x4 l! l! i x4", F_WRLCK, 0, 0, 0, 0); fcntl($f, F_SETLKW, $lock) or die; open(my $told, ">", "/run/locked"); print $told $$; close $told; sleep %d' >/dev/null 2>&1 &`

// Another package manager at work is waited for, one that hangs is named, and one that
// was killed in the middle is finished first. A service is not started by its
// installation.
func TestPackageManagerInTrouble(t *testing.T) {
	f := open(t)
	host, err := f.lab.Inventory.Host("app2")
	f.must(err)
	config := func(packages string) string {
		return fmt.Sprintf("resource \"atoll_host\" \"h\" {\n  packages = [%s]\n  ssh = { host = %q, host_key = %q }\n}\n", packages, host.Address, host.HostKey)
	}
	f.neverUnlocked("app2", config(`"bc"`))
	f.on("app2", `apt-get -q update >/dev/null && cd /tmp && apt-get -q download bc >/dev/null 2>&1 && dpkg --unpack bc_*.deb >/dev/null`)
	if status := f.on("app2", "dpkg-query -W -f '${db:Status-Abbrev}' bc"); status != "iU" {
		t.Fatalf("bc is %q, and should be unpacked only", status)
	}
	f.packagesLocked("app2", 6)
	if _, err := f.try("app2", "apt-get -q -y -o DPkg::Lock::Timeout=0 install bc >/dev/null 2>&1"); err == nil {
		t.Fatal("the lock holds nobody up")
	}
	terraform := written(t, f.lab, config(`"bc", "cron"`))
	f.must(terraform.Apply(f.Context()))
	if plan, err := terraform.Plan(f.Context()); err != nil || !plan.Empty() {
		t.Errorf("%s %v", plan, err)
	}
	if status := f.on("app2", "dpkg-query -W -f '${db:Status-Abbrev}' bc cron"); status != "ii ii" {
		t.Errorf("bc and cron are %q", status)
	}
	if active, _ := f.try("app2", "systemctl is-active cron"); active == "active" {
		t.Error("the installation started a service")
	}
	if left := f.on("app2", "ls /usr/sbin/policy-rc.d* 2>/dev/null; :"); left != "" {
		t.Errorf("%s is left over", left)
	}
	f.must(terraform.Destroy(f.Context()))
}

// packagesLocked locks the packages of a host for some seconds, and gives the number of
// the process that does.
func (f *fixture) packagesLocked(host string, seconds int) string {
	f.Helper()
	f.on(host, fmt.Sprintf(lockPackages, seconds))
	holder := ""
	f.eventually("locked", 30*time.Second, func() bool {
		holder, _ = f.try(host, "cat /run/locked")
		return holder != ""
	})
	return holder
}

// neverUnlocked applies what needs a package while the lock is held for ever: it waits
// once, as long as the machine's own apt would, and names the process.
func (f *fixture) neverUnlocked(host, config string) {
	f.Helper()
	holder := f.packagesLocked(host, 3600)
	f.afterwards(host, "kill "+holder+" 2>/dev/null; rm -f /etc/apt/apt.conf.d/patience")
	f.on(host, `echo 'DPkg::Lock::Timeout "9";' >/etc/apt/apt.conf.d/patience`)
	began := time.Now()
	err := written(f.T, f.lab, config).Apply(f.Context())
	for _, want := range []string{"process " + holder + " (perl -e use Fcntl;", ", since ", "(/var/lib/dpkg/lock-frontend) for 9 s and more", "end it (kill " + holder + ")", "dpkg --configure -a"} {
		if err == nil || !strings.Contains(flat(err.Error()), want) {
			f.Errorf("want %q, got %v", want, err)
		}
	}
	f.Logf("an apply under a lock that stays ended after %.0f s", time.Since(began).Seconds())
	f.on(host, "kill "+holder+"; rm -f /etc/apt/apt.conf.d/patience")
}

// A server of its own, whose data go only when that was asked for, and which
// can be made again where they went.
func TestDeleteData(t *testing.T) {
	f := open(t)
	host, err := f.lab.Inventory.Host("app2")
	f.must(err)
	config := fmt.Sprintf("resource \"atoll_mysql_server\" \"s\" {\n  address = %q\n  delete_data = true\n  ssh = { host = %[1]q, host_key = %q }\n}\n", host.Address, host.HostKey)
	for range 2 {
		terraform := written(t, f.lab, config)
		f.must(terraform.Apply(f.Context()))
		if plan, err := terraform.Plan(f.Context()); err != nil || !plan.Empty() {
			t.Errorf("%s %v", plan, err)
		}
		if got := f.sql("app2", "SHOW DATABASES LIKE 'gone'"); got != "" {
			t.Errorf("the data came back: %q", got)
		}
		f.sql("app2", "CREATE DATABASE gone")
		f.must(terraform.Destroy(f.Context()))
		if left := f.on("app2", "ls -A /var/lib/mysql"); left != "" {
			t.Errorf("the datadir still holds %s", left)
		}
	}
	f.must(f.lab.Rebuild(f.Context(), "app2"))
}
