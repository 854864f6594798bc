// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/agent/guardian"
)

// A guardian that stands still is drift, and ended by the watchdog of its unit; the one
// after it does what that had left. One that waits for a mysqld that stands still is
// left alone. A site of before the watchdog gets it, and no mysqld is restarted for that.
func TestGuardianStandsStill(t *testing.T) {
	f := stand(t)
	t.Run("TheWatchdogComesToAnOlderSite", func(t *testing.T) { f.within(t).unwatched() })
	t.Run("Drift", func(t *testing.T) { f.within(t).stillInThePlan() })
	t.Run("Watchdog", func(t *testing.T) { f.within(t).outlived() })
}

const unitOfGuardian = "/etc/systemd/system/atoll-guardian.service"

func (f *fixture) mainPID(host, unit string) string {
	f.Helper()
	return f.on(host, "systemctl show -P MainPID "+unit)
}

// unwatched takes the watchdog out of every unit, as those of before had none.
func (f *fixture) unwatched() {
	f.Helper()
	servers := map[string]string{}
	for _, host := range databases {
		servers[host] = f.mainPID(host, "mysql")
		f.on(host, "sed -i '/^Watchdog/d; /^NotifyAccess/d' "+unitOfGuardian+" && systemctl daemon-reload && systemctl restart atoll-guardian")
		if lines := f.plan().Drift[`atoll_mysql_server.database["`+host+`"]`]; len(lines) != 1 || !strings.HasPrefix(lines[0], "file "+unitOfGuardian) {
			f.Errorf("%s: drift: %q", host, lines)
		}
	}
	f.apply()
	f.inSync()
	for _, host := range databases {
		if got := f.on(host, "systemctl show -P WatchdogUSec atoll-guardian"); got != "5min" {
			f.Errorf("%s: the watchdog has %s", host, got)
		}
		if now := f.mainPID(host, "mysql"); now != servers[host] {
			f.Errorf("%s: mysqld was restarted: %s, %s", host, servers[host], now)
		}
	}
}

// patience gives the watchdog of a unit another time until its next start, as the
// unit's process itself may. No file has it.
func (f *fixture) patience(host, unit string, seconds int) {
	f.Helper()
	f.on(host, fmt.Sprintf("NOTIFY_SOCKET=/run/systemd/notify systemd-notify --pid=$(systemctl show -P MainPID %s) WATCHDOG_USEC=%d", unit, seconds*1000000))
	want := (time.Duration(seconds) * time.Second).String()
	f.eventually("the watchdog has "+want, time.Minute, func() bool {
		got := f.on(host, "systemctl show -P WatchdogUSec "+unit)
		return strings.HasPrefix(want, got) // 1h and 1h0m0s
	})
}

// stillInThePlan: an apply restarts it.
func (f *fixture) stillInThePlan() {
	f.Helper()
	host := f.secondary()
	f.patience(host, "atoll-guardian", 3600)
	was := f.mainPID(host, "atoll-guardian")
	f.on(host, "kill -STOP "+was)
	began := time.Now()
	f.eventually("seen in the plan", 5*time.Minute, func() bool {
		lines := f.plan().Drift[`atoll_mysql_server.database["`+host+`"]`]
		return len(lines) == 1 && strings.Contains(lines[0], "its guardian has given no sign of life")
	})
	f.Logf("%s: the plan shows it after %.0f s", host, time.Since(began).Seconds())
	if told, err := f.try(host, agentOfGuardian+" status 2>&1"); err == nil || !strings.Contains(told, "stands still or does not run") {
		f.Errorf("its status: %v, %s", err, told)
	}
	f.apply()
	f.inSync()
	if now := f.mainPID(host, "atoll-guardian"); now == was {
		f.Error("it was not restarted")
	}
}

// outlived: the member falls out of its group, first beside a guardian that waits for
// it, then beside one that stands still.
func (f *fixture) outlived() {
	f.Helper()
	primary, host := f.primary(), f.secondary()
	f.patience(host, "atoll-guardian", 20)
	was := f.mainPID(host, "atoll-guardian")
	f.on(host, "pkill -STOP -x mysqld")
	f.expelled(primary)
	time.Sleep(time.Minute)
	if now := f.mainPID(host, "atoll-guardian"); now != was {
		f.Error("the guardian of a mysqld that stands still was ended")
	}
	f.on(host, "kill -STOP "+was)
	began := time.Now()
	f.on(host, "pkill -CONT -x mysqld")
	f.eventually("another guardian", 2*time.Minute, func() bool {
		now := f.mainPID(host, "atoll-guardian")
		return now != was && now != "0"
	})
	f.Logf("%s: another guardian %.0f s after it stood still, with 20 s of patience", host, time.Since(began).Seconds())
	if got := f.on(host, "journalctl -q -o cat -u atoll-guardian | grep -c 'Watchdog timeout (limit 20s)'"); got != "1" {
		f.Errorf("the watchdog has ended %s", got)
	}
	f.eventually("the member is back", 2*time.Minute, func() bool { return f.sql(primary, online) == "3" && f.guardian(host).State == "ONLINE" })
	if deeds := f.guardian(host).Deeds; len(deeds) == 0 || deeds[0].Deed != guardian.Rejoin {
		f.Errorf("it did %+v", deeds)
	}
	if got := f.on(host, "systemctl show -P WatchdogUSec atoll-guardian"); got != "5min" {
		f.Errorf("the watchdog has %s after the restart", got)
	}
	f.inSync()
}
