// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"strconv"
	"time"
)

// clocks are faults of a member's time: its server's clock jumps by an hour while it
// runs, and back again later.
func clocks() []mishap {
	return []mishap{
		{name: "a secondary's clock jumps an hour ahead, and it takes the role", does: func(f *fixture) { f.jump(f.secondary(), time.Hour) }},
		{name: "a secondary's clock jumps an hour back, and it takes the role", does: func(f *fixture) { f.jump(f.secondary(), -time.Hour) }},
	}
}

// clocked lets a server read its clock through Debian's faketime, which adds what its
// file says, and reads that every few seconds: at each look at the clock it would keep
// the server too busy for a group. The hosts of a lab have one clock together, which
// nobody may set.
const clocked = `set -e
command -v faketime >/dev/null || DEBIAN_FRONTEND=noninteractive apt-get -q -y install faketime
echo +0s >/etc/faketimerc
mkdir -p /run/systemd/system/mysql.service.d
printf '[Service]\nEnvironment=LD_PRELOAD=%s FAKETIME_TIMESTAMP_FILE=/etc/faketimerc FAKETIME_CACHE_DURATION=5 FAKETIME_DONT_FAKE_MONOTONIC=1\n' "$(dpkg -L libfaketime | grep 'MT.so')" >/run/systemd/system/mysql.service.d/zz-clock.conf
systemctl daemon-reload
systemctl restart mysql`

// unclocked gives a server the machine's clock again.
const unclocked = "rm -f /run/systemd/system/mysql.service.d/zz-clock.conf /etc/faketimerc && systemctl daemon-reload && systemctl restart mysql"

// jump moves a member's clock, lets it be a secondary and then the primary, and moves
// the clock back under it.
func (f *fixture) jump(host string, by time.Duration) {
	f.Helper()
	before := f.primary()
	f.on(host, clocked)
	f.afterwards(host, "[ ! -e /etc/faketimerc ] || { "+unclocked+"; }")
	f.eventually(host+" with a clock of its own", 2*time.Minute, f.allOnline)
	moved := func(by time.Duration) {
		f.on(host, fmt.Sprintf("echo %+.0fs >/etc/faketimerc", by.Seconds()))
		f.eventually("moved", time.Minute, func() bool {
			off, err := strconv.Atoi(f.on(host, `echo $(( $(mysql -N -B -e 'SELECT UNIX_TIMESTAMP()') - $(date +%s) ))`))
			return err == nil && (time.Duration(off)*time.Second-by).Abs() < time.Minute
		})
		time.Sleep(20 * time.Second)
		if !f.allOnline() {
			f.Errorf("a clock that jumps to %s puts a member out", by)
		}
	}
	moved(by)
	f.handOver(host)
	time.Sleep(10 * time.Second)
	moved(0)
	f.handOver(before)
	f.on(host, unclocked)
}
