// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"strings"
	"testing"
)

// What keeps a router from listening is said before anything is touched: the router that
// stands goes on as it was.
func TestRouterCannotListen(t *testing.T) {
	f := stand(t)
	pid := func() string { return f.on("app1", "systemctl show -p MainPID --value mysqlrouter") }
	began := pid()
	f.on("app1", "systemd-run -q --unit=holder systemd-socket-activate -l 127.0.0.1:6500 cat")
	f.afterwards("app1", "systemctl stop holder")
	f.override("atoll_mysql_router.application", "ports = { read_write = 6500 }")
	if _, err := f.terraform.Plan(f.Context()); err == nil || !strings.Contains(flat(err.Error()), "203.0.113.21: the router cannot listen there: ports.read_write = 6500 is held on this machine by systemd") {
		t.Errorf("the plan of a port that is held: %v", err)
	}
	f.override("atoll_mysql_router.application", "bind_address = \"10.77.0.99\"")
	if err := f.terraform.Apply(f.Context()); err == nil || !strings.Contains(flat(err.Error()), `bind_address = "10.77.0.99" is no address of this machine`) {
		t.Errorf("the apply of an address that nobody has: %v", err)
	}
	if now := pid(); now != began {
		t.Errorf("the router was restarted: %s, and before %s", now, began)
	}
	f.override("atoll_mysql_router.application", "")
	f.apply()
	f.inSync()
}
