// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/site"
)

// A router that verifies the members leads to those that show their own certificates,
// and nobody who stands at a member's address with another one gets anything from it.
func TestRouterVerifiesMembers(t *testing.T) {
	f := stand(t)
	const conf = "grep -cE '^(server_)?ssl_(ca|verify|mode)=' /etc/atoll-router/mysqlrouter.conf || :"
	plain := f.on("app1", conf)
	f.override("atoll_mysql_router.application", `server_tls = "VERIFY_IDENTITY"`)
	f.apply()
	f.inSync()
	primary := f.primary()
	f.sql(primary, "CREATE USER probe@'%' IDENTIFIED BY 'of the test'")
	defer f.sql(primary, "DROP USER probe@'%'")
	leader, secondaries := f.addresses(primary)
	lead := func(what string, to ...string) {
		t.Helper()
		f.eventually(what+": the read-only port leads to "+strings.Join(to, " "), time.Minute, func() bool { return f.leads("app1", "127.0.0.1:6447") == strings.Join(to, " ") })
	}
	lead("all verified", secondaries...)
	f.eventually("writes go to the primary", time.Minute, func() bool { return f.leads("app1", "127.0.0.1:6446") == leader })
	f.eventually("the split leads somewhere", time.Minute, func() bool { return f.leads("app1", "127.0.0.1:6450") != "" })

	other := "hk2"
	if primary == other {
		other = "sg1"
	}
	host, err := f.lab.Inventory.Host(other)
	f.must(err)
	impostor := site.MeshAddress(host.HostSpec)
	f.on(other, strangerCertificate)
	f.on("app1", "systemctl restart mysqlrouter") // it keeps sessions, which it verified when they began
	lead(other+" shows a stranger's", slices.DeleteFunc(slices.Clone(secondaries), func(address string) bool { return address == impostor })...)
	f.apply()
	f.inSync()
	lead("it shows its own again", secondaries...)

	// A machine whose authority is lost gets another one, which routers know by the same apply.
	f.on(other, "rm /etc/mysql/atoll/authority.pem")
	f.apply()
	f.inSync()
	lead("it has another authority", secondaries...)

	f.on("app1", ": >/etc/atoll-router/members.pem; systemctl restart mysqlrouter || :")
	if lines := strings.Join(f.plan().Drift[`atoll_mysql_router.application["app1"]`], "; "); !strings.Contains(lines, "verifies the members by other certificates than theirs") {
		t.Errorf("the drift is %q", lines)
	}
	f.apply()
	f.inSync()
	lead("it knows them again", secondaries...)

	f.override("atoll_mysql_router.application", `server_tls = "PREFERRED"`)
	f.apply()
	f.inSync()
	if now := f.on("app1", conf); now != plain {
		t.Errorf("without it %s lines of TLS stay, and %s were there before", now, plain)
	}
	lead("nobody is verified", secondaries...)
}
