// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"testing"
	"time"
)

const scheduleBody = lagoonBody + `
variable "schedule" {}

resource "atoll_file_tier" "vault" {
  name  = "vault"
  cold  = "/srv/vault"
  owner = "www-data"
  mesh  = atoll_mesh.lagoon.id

  cold_schedule  = var.schedule
  scrub_schedule = var.schedule

  nodes = { for name in ["app1", "app2"] : name => { ssh = atoll_mesh_peer.node[name].ssh, address = atoll_mesh_peer.node[name].address } }
}
`

// latestRun is how long after its hour an archive is carried, and half a minute.
const latestRun = 5*time.Minute + 30*time.Second

// schedule declares when archives are carried and read again.
func (f *tree) schedule(when string) {
	f.Helper()
	f.must(f.terraform.Variables(map[string]any{"machines": f.machines(), "schedule": when}))
	f.apply()
	f.inSync()
}

// at has archives carried and read again in two to three minutes, by the clock of the
// machines, and gives that time.
func (f *tree) at() time.Time {
	f.Helper()
	now := time.Unix(int64(number(f, f.on("app2", "date +%s"))), 0)
	when := now.Add(3 * time.Minute).Truncate(time.Minute)
	f.schedule(f.on("app2", fmt.Sprintf("date -d @%d +%%H:%%M", when.Unix())))
	for timer, latest := range map[string]time.Duration{"atoll-tier-vault.app1.cold": 5 * time.Minute, "atoll-scrub-vault": 30 * time.Minute} {
		next := time.Unix(int64(number(f, f.on("app2", "date -d \"$(systemctl show -P NextElapseUSecRealtime "+timer+".timer)\" +%s"))), 0)
		if next.Before(when) || next.After(when.Add(latest)) {
			f.Errorf("%s.timer is to run at %s, its hour is %s", timer, next, when)
		}
	}
	return when
}

// Archives are carried at their hour by nobody's hand, and after a boot where the
// machine was off then.
func TestSchedulesAreKept(t *testing.T) {
	f := &tree{fixture: open(t)}
	f.terraform = written(t, f.lab, scheduleBody)
	for _, host := range []string{"app1", "app2"} {
		f.on(host, "rm -rf /srv/vault")
	}
	// All that takes long is there before an hour is named.
	f.schedule("daily")
	when := f.at()
	f.vaulted("app1", "echo one >one")
	f.eventually("the archive is carried at its hour", time.Until(when)+latestRun, func() bool { return f.carriedThere("one") })
	if late := time.Since(when); late < 0 {
		f.Errorf("it was carried %s before its hour", -late)
	}
	when = f.at()
	f.vaulted("app1", "echo two >two")
	f.must(f.lab.PullPlug(f.Context(), "app2"))
	time.Sleep(time.Until(when) + time.Second)
	f.must(f.lab.PlugIn(f.Context(), "app2"))
	f.eventually("the run that was missed is made", latestRun+time.Minute, func() bool { return f.carriedThere("two") })
	f.inSync()
	f.must(f.terraform.Destroy(f.Context()))
}

// carriedThere tells whether app2 has a file of the archive.
func (f *tree) carriedThere(name string) bool {
	_, err := f.try("app2", "[ -e /srv/vault/"+name+" ]")
	return err == nil
}
