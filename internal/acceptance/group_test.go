// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
	"github.com/atollhq/terraform-provider-atoll/internal/site"
)

var databases = []string{"hk1", "hk2", "sg1"}

// spell is a time in which one member was not online.
type spell struct {
	host     string
	from, to float64
}

// sampler asks the mysqld of its machine several times a second, in one session: a
// client for each question would be the most work that is done on a machine.
const sampler = `while :; do
  while echo "SELECT CONCAT(UNIX_TIMESTAMP(SYSDATE(6)), ' ', IFNULL((SELECT member_state FROM performance_schema.replication_group_members WHERE member_id = @@server_uuid), 'DOWN'), ' ', UNIX_TIMESTAMP(SYSDATE(6)));"; do
    sleep 0.15
  done | mysql -N -B --unbuffered --skip-reconnect >>/root/samples 2>/dev/null
  at=$(date +%s.%N)
  echo "$at DOWN $at" >>/root/samples
  sleep 0.15
done`

// silent is how many seconds between two answers are a spell in which it was down.
const silent = 3

// sample asks each mysqld on its machine until the returned function is called;
// that gives the spells in which one was not online. A question that was not
// answered counts as one.
func (f *fixture) sample() (stop func() []spell) {
	f.Helper()
	for _, host := range databases {
		f.on(host, "systemctl stop sampler 2>/dev/null; rm -f /root/samples; systemd-run -q --unit=sampler sh -c "+remote.Quote(sampler))
	}
	return func() []spell {
		f.Helper()
		var spells []spell
		for _, host := range databases {
			f.on(host, "systemctl stop sampler")
			lines := strings.Split(f.on(host, "cat /root/samples"), "\n")
			if len(lines) < 20 {
				f.Errorf("%s was asked only %d times", host, len(lines))
			}
			spells = append(spells, spellsOf(host, lines)...)
		}
		return spells
	}
}

// spellsOf reads what a sampler wrote.
func spellsOf(host string, lines []string) []spell {
	var spells []spell
	var last float64
	online := true
	for _, line := range lines {
		fields := strings.Fields(line)
		if len(fields) != 3 {
			continue // the last one may be half
		}
		from, _ := strconv.ParseFloat(fields[0], 64)
		to, _ := strconv.ParseFloat(fields[2], 64)
		if online && last > 0 && from-last > silent {
			spells = append(spells, spell{host, last, from})
		}
		switch {
		case fields[1] == "ONLINE":
		case online:
			spells = append(spells, spell{host, from, to})
		default:
			spells[len(spells)-1].to = to
		}
		online, last = fields[1] == "ONLINE", to
	}
	return spells
}

func TestSpellsOf(t *testing.T) {
	lines := []string{"1.0 ONLINE 1.1", "1.2 DOWN 1.3", "1.4 RECOVERING 1.5", "1.6 ONLINE 1.7", "9.0 ONLINE 9.1", "9.2 OFFLINE 9.3", "9.4 ONL"}
	want := []spell{{"a", 1.2, 1.5}, {"a", 1.7, 9}, {"a", 9.2, 9.3}}
	if got := spellsOf("a", lines); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// oneAtATime checks that each host was down, and no two at one moment.
func (f *fixture) oneAtATime(spells []spell) {
	f.Helper()
	down := map[string]bool{}
	for i, one := range spells {
		down[one.host] = true
		f.Logf("%s was not online for %.1f s", one.host, one.to-one.from)
		for _, other := range spells[i+1:] {
			if one.host != other.host && one.from < other.to && other.from < one.to {
				f.Errorf("%s and %s were down at one moment: %+v %+v", one.host, other.host, one, other)
			}
		}
	}
	if len(down) != len(databases) {
		f.Errorf("only %v were restarted", down)
	}
}

// serversApart declares the site's servers anew and without guardians, each by a
// provider configuration of its own: Terraform runs a process for each, and none
// of them knows of the others.
func (f *fixture) serversApart(settings string) string {
	f.Helper()
	var text strings.Builder
	for _, name := range databases {
		host, err := f.lab.Inventory.Host(name)
		f.must(err)
		fmt.Fprintf(&text, `provider "atoll" {
  alias = %[1]q
  ssh = { key_files = { default = %[2]q } }
}
resource "atoll_mysql_server" %[1]q {
  provider = atoll.%[1]s
  mesh     = "site"
  address  = %[3]q
  guardian = false
  settings = { %[4]s }
  ssh      = { host = %[5]q, host_key = %[6]q }
}
`, name, f.lab.Inventory.Key, site.MeshAddress(host.HostSpec), settings, host.Address, host.HostKey)
	}
	return text.String()
}

// An open transaction on the primary keeps a restart from handing the role over.
// The apply says which session holds it, and when it has given up, the primary
// stays where it is, also after the transaction has ended.
func TestHandOverIsBounded(t *testing.T) {
	f := stand(t)
	primary := f.primary()
	f.sql(primary, "CREATE DATABASE IF NOT EXISTS held; CREATE TABLE IF NOT EXISTS held.t (id INT PRIMARY KEY)")
	f.on(primary, `systemd-run -q --unit=holder mysql -e "BEGIN; REPLACE INTO held.t VALUES (1); DO SLEEP(600); COMMIT"`)
	t.Cleanup(func() { _, _ = f.try(primary, "systemctl stop holder; :") })
	f.eventually("open", time.Minute, func() bool {
		return f.sql(primary, "SELECT COUNT(*) FROM information_schema.innodb_trx") == "1"
	})
	f.variables(func(_, all map[string]any) { all["mysql_settings"] = map[string]any{"back_log": "96"} })
	began := time.Now()
	err := f.terraform.Apply(f.Context())
	t.Logf("the apply gave up after %s", time.Since(began).Round(time.Second))
	if err == nil || !strings.Contains(flat(err.Error()), "while transactions are open: session ") || !strings.Contains(flat(err.Error()), "of root@localhost, open for") {
		t.Errorf("want an error that names the session, got %v", err)
	}
	for _, host := range databases {
		want := "96"
		if host == primary {
			want = "97"
		}
		if got := f.sql(host, "SELECT @@back_log"); (got == "96") != (want == "96") {
			t.Errorf("%s runs with %s; the primary is %s", host, got, primary)
		}
	}
	f.on(primary, "mysql -N -B -e \"SELECT CONCAT('KILL ', trx_mysql_thread_id, ';') FROM information_schema.innodb_trx\" | mysql")
	time.Sleep(15 * time.Second)
	if now := f.primary(); now != primary {
		t.Errorf("the primary moved to %s after the apply had given up", now)
	}
	f.apply()
	f.inSync()
	f.whole()
	f.variables(func(_, _ map[string]any) {})
	f.apply()
	f.inSync()
}

// A value that mysqld refuses is said before anything is written: the file on
// disk is what the next boot starts with.
func TestRefusedSettingChangesNothing(t *testing.T) {
	f := stand(t)
	f.variables(func(_, all map[string]any) {
		all["mysql_settings"] = map[string]any{"default_time_zone": "Nowhere/X"}
	})
	err := f.terraform.Apply(f.Context())
	if err == nil || !strings.Contains(flat(err.Error()), "Unknown or incorrect time zone: 'Nowhere/X'") {
		t.Errorf("want mysqld's own reason, got %v", err)
	}
	for _, host := range databases {
		if left, err := f.try(host, "grep -r Nowhere /etc/mysql; systemctl is-active mysql"); err != nil || left != "active" {
			t.Errorf("%s: %q, %v", host, left, err)
		}
	}
	f.variables(func(_, _ map[string]any) {})
	f.inSync()
}
