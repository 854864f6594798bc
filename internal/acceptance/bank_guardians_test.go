// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"strings"
	"time"
)

// guardians are faults of those who mend faults: each member has two of them, or one
// that was left over, while every mysqld is killed. They still make one group.
func guardians() []mishap {
	return []mishap{
		{name: "each member has two guardians, and every mysqld is killed", does: func(f *fixture) {
			for _, host := range databases {
				// As if the lock that keeps them apart did not.
				f.another(host, "doubled", "--property=TemporaryFileSystem=/run/atoll-guardian")
			}
			f.killed()
		}},
		{name: "each member has a guardian that was left over, and every mysqld is killed", does: func(f *fixture) {
			for _, host := range databases {
				f.on(host, "systemctl stop atoll-guardian")
				f.another(host, "leftover", "")
				f.on(host, "systemctl start atoll-guardian")
				f.says(host, "atoll-guardian", "another guardian runs on this machine")
			}
			f.killed()
			f.eventually("all members by those that were left over", 4*time.Minute, f.allOnline)
			for _, host := range databases {
				f.on(host, "systemctl stop leftover")
				f.says(host, "atoll-guardian", "nothing: ")
			}
		}},
	}
}

// another starts a guardian beside a member that no unit of ours knows, until the test
// ends.
func (f *fixture) another(host, unit, property string) {
	f.Helper()
	f.afterwards(host, "systemctl stop "+unit+" 2>/dev/null || :; systemctl start atoll-guardian")
	f.on(host, "install -D "+agentOfGuardian+" /var/lib/"+unit+"/atoll-agent && systemd-run -q --unit="+unit+" "+property+" /var/lib/"+unit+"/atoll-agent guardian")
	f.says(host, unit, "nothing: ")
}

// says waits for the last word of a unit.
func (f *fixture) says(host, unit, word string) {
	f.Helper()
	f.eventually(unit+" saying "+word, time.Minute, func() bool {
		last, err := f.try(host, "journalctl -q -o cat -n 1 _SYSTEMD_UNIT="+unit+".service")
		return err == nil && strings.Contains(last, word)
	})
}

// killed ends the mysqld of every member at once. Their units start them again.
func (f *fixture) killed() {
	f.Helper()
	for _, host := range databases {
		f.on(host, "systemctl kill --signal=KILL mysql")
	}
}
