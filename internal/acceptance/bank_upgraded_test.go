// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"slices"
	"testing"
	"time"
)

// makeUpgrade makes the server's packages again under the next version, as a newer
// release would come: its maintainers' scripts restart the server, and it says another
// version of itself, to its group, too. What is inside is the release that is there: the
// package mirrors of Debian have one at a time.
const makeUpgrade = `set -e
export LC_ALL=C
rm -rf /root/hand; mkdir /root/hand; cd /root/hand
apt-get -q update >/dev/null; apt-get -q download mysql-server mysql-server-core >/dev/null
was=$(dpkg-deb -f mysql-server-core_*.deb Version) is=$(dpkg-deb -f mysql-server-core_*.deb Version | sed 's/-.*//')
next=${is%.*}.$((${is##*.} + 1))
[ ${#next} = ${#is} ]
for package in mysql-server mysql-server-core; do
  dpkg-deb -R ${package}_*.deb $package
  sed -i "s/^Version: .*/Version: $next-0hand/; s/(= $was)/(= $next-0hand)/" $package/DEBIAN/control
done
sed -i "s/$(echo "$is" | sed 's/\./\\./g')/$next/g" mysql-server-core/usr/sbin/mysqld
mkdir next
for package in mysql-server mysql-server-core; do dpkg-deb -Zgzip -z1 -b $package next >/dev/null; rm -r $package; done
echo $next`

const installByHand = "cd /root/hand; DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Options::=--force-confold --allow-downgrades install "

// frozen lets Debian's package leave the server to us: it would start one of its own,
// for statements that a member refuses, and wait for its end for ever.
func frozen(packages string) string {
	return "set -e; touch /etc/mysql/FROZEN; " + installByHand + packages + " >/dev/null 2>&1; rm /etc/mysql/FROZEN; systemctl start mysql"
}

// upgradedPlainly installs without that, and ends the package's own server where it
// waits. Meanwhile the others do business.
func (f *fixture) upgradedPlainly(host string) {
	f.Helper()
	f.on(host, "systemd-run -q --unit=upgrade bash -c '"+installByHand+"./next/*.deb'")
	const own = "pgrep -f -- '^mysqld .*--init-file=/var/lib/mysql-files/'"
	f.eventually("the package's own server is refused its statements", 3*time.Minute, func() bool {
		_, err := f.try(host, own+` && tail -n 3 /var/log/mysql/error.log | grep -q 'MY-000061.*super-read-only'`)
		return err == nil
	})
	time.Sleep(20 * time.Second)
	f.on(host, own+" >/dev/null") // it is still there
	f.on(host, "kill $("+own+")")
	f.eventually("the package is installed", 2*time.Minute, func() bool {
		got, err := f.try(host, "systemctl is-active upgrade || :; dpkg-query -W -f '${db:Status-Abbrev}' mysql-server")
		return err == nil && got == "inactive\nii"
	})
}

// Somebody upgrades a secondary by hand, and then the primary, which hands nothing over
// before: the members come back by their guardians, of two versions, and the site is in
// sync, each server with the version that it has.
func TestUpgradedByHand(t *testing.T) {
	f := stand(t)
	var sum books
	upgraded, next := []string{f.secondary(), f.primary()}, ""
	f.suffer(mishap{name: "a secondary is upgraded by hand, and then the primary", does: func(f *fixture) {
		for _, host := range upgraded {
			next = f.on(host, makeUpgrade)
			if host == upgraded[0] {
				f.upgradedPlainly(host)
			} else {
				f.on(host, frozen("./next/*.deb"))
			}
			f.eventually(host+" in the group", 4*time.Minute, f.allOnline)
			f.Logf("%s has %s by hand: the plan says %q", host, next, f.plan().Drift)
		}
	}}, &sum)
	t.Log(sum.String())
	for _, host := range databases {
		got := f.sql(host, "SELECT SUBSTRING_INDEX(@@version, '-', 1)")
		if (got == next) != slices.Contains(upgraded, host) {
			t.Errorf("%s says %s of itself", host, got)
		}
	}
	for _, host := range upgraded {
		f.on(host, frozen("./mysql-server*.deb")+"; rm -rf /root/hand")
		f.eventually(host+" in the group as it was", 4*time.Minute, f.allOnline)
	}
	f.inSync()
}
