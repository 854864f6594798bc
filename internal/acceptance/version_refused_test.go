// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"slices"
	"strings"
	"testing"
)

// wilful lets the mysqld of offerUpgrade's package refuse what the machine's
// /run/next-refuses says: its settings, or its start.
const wilful = `set -e
cd /srv/hand
dpkg-deb -R mysql-server-core_*.deb core
mv core/usr/sbin/mysqld core/usr/sbin/mysqld.next
cat >core/usr/sbin/mysqld <<'END'
#!/bin/sh
case "$(cat /run/next-refuses 2>/dev/null) $*" in
'settings '*--validate-config*) echo "[ERROR] [MY-000067] [Server] unknown variable 'gone=1'." >&2; exit 1 ;;
'start '*--validate-config*) ;;
'start '*) echo '[ERROR] the next one does not start' >&2; exit 1 ;;
esac
exec /usr/sbin/mysqld.next "$@"
END
chmod 0755 core/usr/sbin/mysqld
dpkg-deb -Zgzip -z1 -b core mysql-server-core_*.deb >/dev/null
rm -r core
for deb in *.deb; do
  dpkg-deb -f "$deb"; printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "$deb" "$(stat -c %s "$deb")" "$(sha256sum <"$deb" | cut -d ' ' -f 1)"
done >Packages
apt-get -q update >/dev/null`

// refusedByTheNext applies the next version, which refuses something, and checks what the error
// says, how many members have the package and how many run what they did.
func (f *fixture) refusedByTheNext(what, is string, have []int, run int, wants ...string) {
	f.Helper()
	for _, host := range databases {
		f.on(host, "echo "+what+" >/run/next-refuses")
		f.afterwards(host, "rm -f /run/next-refuses")
	}
	err := f.terraform.Apply(f.Context())
	if err == nil {
		f.Fatal("the apply succeeds")
	}
	for _, want := range wants {
		if !strings.Contains(flat(err.Error()), want) {
			f.Errorf("%s: want %q in %v", what, want, err)
		}
	}
	installed, running := 0, 0
	for _, host := range databases {
		if got := f.on(host, "dpkg-query -W -f '${Version}' mysql-server"); !strings.HasPrefix(got, is+"-") {
			installed++
		}
		if got, err := f.try(host, "mysql -N -B -e \""+runs+"\""); err == nil && got == is {
			running++
		}
	}
	if !slices.Contains(have, installed) || running != run {
		f.Errorf("%s: %d members have the package, want one of %d; %d run %s, want %d", what, installed, have, running, is, run)
	}
}

// A server of the next version that does not take its settings is not started, and one
// that does not start is the only member that was taken down: the apply ends with what
// it says. Once that is mended, the next apply does the rest.
func TestNextVersionRefuses(t *testing.T) {
	f := stand(t)
	is, next := f.offered()
	for _, host := range databases {
		f.on(host, wilful)
	}
	f.wants(next)
	f.refusedByTheNext("settings", is, []int{1}, 3, "unknown variable 'gone=1'", "Version "+next+" is installed, and the server was not restarted", "another member of the group failed before its restart, so this one is left as it is")
	if !f.allOnline() {
		t.Error("a member is not online, and none was to be restarted")
	}
	// The one that has the package since may go first, or another one gets it, too.
	f.refusedByTheNext("start", is, []int{1, 2}, 2, "the next one does not start", "another member of the group did not come back, so this one is left as it is")
	for _, host := range databases {
		f.on(host, "rm /run/next-refuses")
	}
	f.apply()
	f.inSync()
	f.allRun(next)
	f.asBefore(is)
	f.inSync()
}
