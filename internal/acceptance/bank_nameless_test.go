// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import "time"

// nameless are faults while no host has a name service: whoever asks it waits in vain.
func nameless() []mishap {
	return []mishap{
		{name: "the name service is gone, and the primary loses its power", does: func(f *fixture) {
			f.withoutNames()
			f.lights(f.primary())
		}},
		{name: "the name service is gone, and a member's accounts and file are changed by hand", applied: true, does: func(f *fixture) {
			f.withoutNames()
			f.on(f.secondary(), "systemctl stop atoll-guardian; rm /etc/systemd/system/atoll-guardian.service")
			f.sql(f.primary(), "DROP USER "+f.sql(f.secondary(), "SELECT CONCAT('mysql_innodb_cluster_', @@server_id)")+"@'10.77.0.0/255.255.255.0'")
		}},
	}
}

// nobody is an address of the lab's network that takes all packets and answers none.
const nobody = "192.0.2.53"

// withoutNames lets all hosts ask a name service that does not answer, until the test
// ends. A lookup takes 20 s then.
func (f *fixture) withoutNames() {
	f.Helper()
	usual := f.planned()
	for _, host := range f.lab.Inventory.Hosts {
		f.on(host.Name, "cp /etc/resolv.conf /root/resolv.conf && echo 'nameserver "+nobody+"' >/etc/resolv.conf && ip neigh replace "+nobody+" lladdr 02:00:00:00:00:53 nud permanent dev wan0")
		f.afterwards(host.Name, "cp /root/resolv.conf /etc/resolv.conf; ip neigh del "+nobody+" dev wan0 || :")
	}
	f.Logf("a plan took %.1f s with names, and %.1f s without", usual.Seconds(), f.planned().Seconds())
	began := time.Now()
	if _, err := f.try(f.secondary(), "getent hosts example.org"); err == nil || time.Since(began) < 5*time.Second {
		f.Errorf("a name was looked up in %s: %v", time.Since(began), err)
	}
}

// planned is how long a plan takes that finds nothing to do.
func (f *fixture) planned() time.Duration {
	f.Helper()
	began := time.Now()
	f.inSync()
	return time.Since(began)
}
