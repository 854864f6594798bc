// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// offerUpgrade has the packages of makeUpgrade in a source of the machine's.
const offerUpgrade = makeUpgrade + `
rm -rf /srv/hand; mv next /srv/hand; cd /srv/hand
for deb in *.deb; do
  dpkg-deb -f "$deb"; printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "$deb" "$(stat -c %s "$deb")" "$(sha256sum <"$deb" | cut -d ' ' -f 1)"
done >Packages
echo 'deb [trusted=yes] file:/srv/hand ./' >/etc/apt/sources.list.d/hand.list
apt-get -q update >/dev/null`

// withdrawn takes it back.
const withdrawn = "rm -rf /root/hand /srv/hand /etc/apt/sources.list.d/hand.list; apt-get -q update >/dev/null"

// runs is the version that mysqld says of itself.
const runs = "SELECT SUBSTRING_INDEX(@@version, '-', 1)"

// offered gives every machine of a member a source with the next version, until the
// test ends, and says which versions there are.
func (f *fixture) offered() (is, next string) {
	f.Helper()
	for _, host := range databases {
		next = f.on(host, offerUpgrade)
		f.afterwards(host, withdrawn)
	}
	return f.sql(databases[0], runs), next
}

// asBefore puts the package of the version back that was there, as no apply would.
func (f *fixture) asBefore(version string) {
	f.Helper()
	_ = os.Remove(filepath.Join(f.terraform.Dir, "override.tf"))
	for _, host := range databases {
		if f.sql(host, runs) == version {
			continue
		}
		f.on(host, "cd /root/hand; "+frozen("./mysql-server*.deb"))
		f.eventually(host+" in the group as it was", 4*time.Minute, f.allOnline)
	}
	f.apply()
}

// wants declares a version of all servers.
func (f *fixture) wants(version string) {
	f.Helper()
	f.override("atoll_mysql_server.database", fmt.Sprintf("version = %q", version))
}

// allRun checks that every member runs the version, by a package that is whole, and
// that nothing of its installation is left.
func (f *fixture) allRun(version string) {
	f.Helper()
	for _, host := range databases {
		if got := f.sql(host, runs); got != version {
			f.Errorf("%s runs %s, want %s", host, got, version)
		}
		got := f.on(host, "dpkg-query -W -f '${db:Status-Abbrev}${Version} ' mysql-server mysql-server-core; dpkg --audit; ls -d /var/lib/atoll/while-installing 2>/dev/null; :")
		if want := "ii " + version + "-0hand ii " + version + "-0hand"; got != want {
			f.Errorf("%s has %q, want %q", host, got, want)
		}
	}
	f.whole()
}

// A version that cannot be had, or that the routers do not lead to, is refused by the
// plan, with the way out.
func (f *fixture) refusesVersions(is, next string) {
	f.Helper()
	for version, wants := range map[string][]string{
		is[:len(is)-1] + "0": {"MySQL does not go back to an older version with the same data: it is " + is + " now"},
		"9.99.1": {
			"it is in none of the machine's package sources: of mysql-server they have " + next + ", " + is,
			"MySQL Router refuses servers of a newer series than its own: the cluster knows ", "Upgrade Router there first, to 9.99 or later",
		},
		"9.7": {`version = "9.7" must be a whole version of MySQL`},
	} {
		f.wants(version)
		_, err := f.terraform.Plan(f.Context())
		for _, want := range wants {
			if err == nil || !strings.Contains(flat(err.Error()), want) {
				f.Errorf("version %s: want %q, got %v", version, want, err)
			}
		}
	}
}

// One apply brings a group to the next version: one member after the other, the primary
// last, under a bank that loses nothing. The cluster and the routers plan nothing.
func TestVersionIsRolled(t *testing.T) {
	f := stand(t)
	is, next := f.offered()
	f.refusesVersions(is, next)
	f.wants(is)
	f.apply() // what runs is what is wanted
	f.inSync()
	primary := f.primary()
	var sum books
	f.suffer(mishap{name: "one apply brings the members to the next version", does: func(f *fixture) {
		f.wants(next)
		plan := f.plan()
		for address, action := range plan.Changes {
			if !strings.HasPrefix(address, "atoll_mysql_server.database[") || action != "update" {
				f.Errorf("the plan has %s: %s", address, action)
			}
		}
		if len(plan.Changes) != len(databases) {
			f.Errorf("the plan changes %v", plan.Changes)
		}
		stop, began := f.sample(), time.Now()
		f.must(f.terraform.ApplyPlan(f.Context()))
		f.Logf("the apply took %.0f s", time.Since(began).Seconds())
		spells := stop()
		f.oneAtATime(spells)
		last := slices.MaxFunc(spells, func(a, b spell) int { return int(a.from - b.from) })
		if last.host != primary {
			f.Errorf("%s went last, and the primary was %s", last.host, primary)
		}
	}}, &sum)
	t.Log(sum.String())
	f.allRun(next)
	f.asBefore(is)
	f.inSync()
}

// Somebody upgrades the program under a member that goes on: the plan says that the next
// start is one of another version, and an apply makes it in the group's turn.
func TestUpgradedUnderTheServer(t *testing.T) {
	f := stand(t)
	secondary, is := f.secondary(), f.sql(databases[0], runs)
	next := f.on(secondary, makeUpgrade)
	const program = "/usr/sbin/mysqld"
	f.on(secondary, "cp -p "+program+" /root/program; dpkg-deb -R /root/hand/next/mysql-server-core_*.deb /root/hand/core; install /root/hand/core"+program+" "+program)
	address := `atoll_mysql_server.database["` + secondary + `"]`
	want := fmt.Sprintf("version: runs %s, and %s at the next start: its package was replaced", is, next)
	if got := f.plan().Drift[address]; !slices.Equal(got, []string{want}) {
		t.Errorf("want the line %q, got %q", want, got)
	}
	f.apply()
	f.inSync()
	if got := f.sql(secondary, runs); got != next {
		t.Errorf("%s runs %s, want %s", secondary, got, next)
	}
	// An older one is refused: nobody starts the data of the newer with it unasked.
	f.on(secondary, "install /root/program "+program)
	if err := f.terraform.Apply(f.Context()); err == nil || !strings.Contains(flat(err.Error()), "MySQL does not go back to an older version") {
		t.Errorf("want a refusal, got %v", err)
	}
	f.on(secondary, "rm -rf /root/hand /root/program; systemctl restart mysql")
	f.eventually(secondary+" in the group as it was", 4*time.Minute, f.allOnline)
	f.inSync()
}
