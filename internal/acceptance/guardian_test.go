// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/agent/guardian"
)

const agentOfGuardian = "/var/lib/atoll/guardian/atoll-agent"

// guardian reads how a host's guardian stands, as a program does.
func (f *fixture) guardian(host string) guardian.Status {
	f.Helper()
	var status guardian.Status
	f.must(json.Unmarshal([]byte(f.on(host, agentOfGuardian+" status --json")), &status))
	return status
}

// A guardian stands beside each mysqld, small and without a port. It is drift when
// it is stopped, and comes back by itself when it is killed. A member that does not
// answer is expelled when expel_timeout has passed, and not up to 15 s later; nor
// is it earlier, and one that answers again in time stays.
func TestGuardian(t *testing.T) {
	f := stand(t)
	for _, host := range databases {
		if status := f.guardian(host); status.State != "ONLINE" || status.Deed != guardian.Nothing || len(status.View) != 3 {
			t.Errorf("%s: %+v", host, status)
		}
		pid := f.on(host, "systemctl show -P MainPID atoll-guardian")
		if memory, err := strconv.Atoi(strings.Fields(f.on(host, "grep VmRSS /proc/"+pid+"/status"))[1]); err != nil || memory > 20<<10 {
			t.Errorf("%s: the guardian has %d KiB of memory, %v", host, memory, err)
		}
		if ports := f.on(host, "ss -Hlntup | grep 'pid="+pid+",' || :"); ports != "" {
			t.Errorf("%s: the guardian listens: %s", host, ports)
		}
	}
	f.on("hk1", "systemctl kill -s KILL atoll-guardian")
	f.eventually("the guardian is back", time.Minute, func() bool {
		got, err := f.try("hk1", "systemctl is-active atoll-guardian")
		return err == nil && got == "active"
	})
	// Who starts the member at boot is the guardian while it is there, and MySQL itself
	// from the moment that somebody ends it.
	boots := func(host, want string) {
		f.eventually(host+" with start_on_boot = "+want, time.Minute, func() bool { return f.sql(host, "SELECT @@group_replication_start_on_boot") == want })
	}
	for _, host := range databases {
		boots(host, "0")
	}
	f.on("hk2", "systemctl stop atoll-guardian")
	boots("hk2", "1")
	if lines := f.plan().Drift[`atoll_mysql_server.database["hk2"]`]; len(lines) != 1 || !strings.HasPrefix(lines[0], "unit atoll-guardian.service: inactive") {
		t.Errorf("drift: %q", lines)
	}
	f.apply()
	f.inSync()
	boots("hk2", "0")
	t.Run("Nudges", func(t *testing.T) { f.within(t).nudged() })
	t.Run("Rejoins", func(t *testing.T) { f.within(t).rejoined() })
}

// rejoined lets a secondary be expelled that does not try to come back by itself:
// its guardian waits while somebody else has the group's turn, and then brings it
// back. What somebody has stopped stays stopped.
func (f *fixture) rejoined() {
	f.Helper()
	primary := f.primary()
	secondary := databases[0]
	if secondary == primary {
		secondary = databases[1]
	}
	turn := f.sql(primary, "SELECT CONCAT('atoll.turn.', LOWER(@@group_replication_group_name))")
	f.on(primary, `systemd-run -q --unit=turn mysql -e "DO GET_LOCK('`+turn+`', 10), SLEEP(600)"`)
	f.Cleanup(func() { _, _ = f.try(primary, "systemctl stop turn; :") })
	f.sql(secondary, "SET GLOBAL group_replication_autorejoin_tries = 0")
	f.on(secondary, "pkill -STOP -x mysqld")
	f.expelled(primary)
	f.on(secondary, "pkill -CONT -x mysqld")
	f.eventually("waiting for the turn", 2*time.Minute, func() bool {
		status := f.guardian(secondary)
		return status.Deed == guardian.Rejoin && strings.Contains(status.Why, "somebody else works on the group")
	})
	if got := f.sql(secondary, "SELECT member_state FROM performance_schema.replication_group_members"); got != "ERROR" {
		f.Errorf("the member is %s while somebody else has the turn", got)
	}
	f.on(primary, "systemctl stop turn")
	f.eventually("back", time.Minute, func() bool { return f.sql(primary, online) == "3" && f.guardian(secondary).State == "ONLINE" })
	f.sql(secondary, "SET GLOBAL group_replication_autorejoin_tries = 3; STOP GROUP_REPLICATION")
	f.on(secondary, "systemctl kill -s KILL atoll-guardian")
	f.eventually("seen to be stopped", time.Minute, func() bool {
		got, err := f.try(secondary, agentOfGuardian+" status")
		return err == nil && strings.Contains(got, "somebody has stopped it")
	})
	time.Sleep(5 * time.Second)
	if got := f.sql(primary, online); got != "2" {
		f.Errorf("%s members are online: what somebody has stopped was started", got)
	}
	f.apply()
	f.inSync()
}

// nudged takes a secondary away, first for a moment, then for good.
func (f *fixture) nudged() {
	f.Helper()
	primary := f.primary()
	secondary := databases[0]
	if secondary == primary {
		secondary = databases[1]
	}
	const sees = "SELECT IFNULL(MAX(member_state), 'EXPELLED') FROM performance_schema.replication_group_members WHERE member_host = "
	address := "'" + f.sql(secondary, "SELECT @@report_host") + "'"
	state := func() string {
		got, err := f.try(primary, `mysql -N -B -e "`+sees+address+`"`)
		f.must(err)
		return got
	}
	const views = "SELECT COUNT(*) FROM performance_schema.error_log WHERE data LIKE '%Group membership changed%'"
	before := f.sql(primary, views)
	patience := func(seconds string) {
		for _, host := range databases {
			f.sql(host, "SET GLOBAL group_replication_member_expel_timeout = "+seconds)
		}
	}
	usual := f.sql(primary, "SELECT @@group_replication_member_expel_timeout")
	patience("300")
	f.on(secondary, "pkill -STOP -x mysqld")
	f.eventually("nudging", time.Minute, func() bool {
		status := f.guardian(primary)
		return status.Deed == guardian.Nudge && status.Deeds[len(status.Deeds)-1].Times >= 20
	})
	f.on(secondary, "pkill -CONT -x mysqld")
	f.eventually("online again", time.Minute, func() bool { return state() == "ONLINE" })
	if now := f.sql(primary, views); now != before {
		f.Error("the member was expelled before its time: the view changed")
	}
	patience(usual)
	f.pull(secondary)
	var unreachable time.Time
	f.eventually("expelled", time.Minute, func() bool {
		got := state()
		if got == "UNREACHABLE" && unreachable.IsZero() {
			unreachable = time.Now()
		}
		return got == "EXPELLED"
	})
	f.Logf("expelled %s after it was seen unreachable", time.Since(unreachable).Round(100*time.Millisecond))
	if status := f.guardian(primary); len(status.Deeds) == 0 || status.Deeds[len(status.Deeds)-1].Deed != guardian.Nudge {
		f.Errorf("the primary's guardian did %+v", status.Deeds)
	}
	f.must(f.lab.PlugIn(f.Context(), secondary))
	f.eventually("back", 2*time.Minute, func() bool { return state() == "ONLINE" })
	f.eventually("in sync without an apply", time.Minute, func() bool { return f.plan().Empty() })
}
