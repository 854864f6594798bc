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

// trusting lets the members know each other as an earlier version left them: they
// encrypt, and verify nobody from their next start in the group on.
func (f *fixture) trusting() {
	f.Helper()
	for _, host := range databases {
		f.sql(host, "SET PERSIST group_replication_ssl_mode = 'REQUIRED'; SET PERSIST group_replication_recovery_ssl_verify_server_cert = OFF; SET PERSIST group_replication_recovery_ssl_ca = ''")
	}
}

// verified checks that every member verifies the others, now and at its next boot.
func (f *fixture) verified() {
	f.Helper()
	for _, host := range databases {
		got := f.sql(host, `SELECT CONCAT_WS(' ', @@group_replication_ssl_mode, @@group_replication_recovery_ssl_ca, @@group_replication_recovery_ssl_verify_server_cert, COUNT(*))
 FROM performance_schema.persisted_variables WHERE (variable_name, variable_value) IN (('group_replication_ssl_mode', 'VERIFY_IDENTITY'), ('group_replication_recovery_ssl_ca', '/etc/mysql/atoll/members.pem'))`)
		if got != "VERIFY_IDENTITY /etc/mysql/atoll/members.pem 1 2" {
			f.Errorf("%s verifies: %s", host, got)
		}
	}
}

// verifying is what an apply says to each member that is to verify the others, in its
// order.
var verifying = []string{
	"SET PERSIST_ONLY group_replication_recovery_ssl_ca = '/etc/mysql/atoll/members.pem'", "SET PERSIST_ONLY group_replication_recovery_ssl_verify_server_cert = 'ON'",
	"SET PERSIST_ONLY group_replication_ssl_mode = 'VERIFY_IDENTITY'", "STOP GROUP_REPLICATION", "SET GLOBAL group_replication_recovery_ssl_ca = '/etc/mysql/atoll/members.pem'",
	"SET GLOBAL group_replication_recovery_ssl_verify_server_cert = 'ON'", "SET GLOBAL group_replication_ssl_mode = 'VERIFY_IDENTITY'",
}

// An apply that lets the members of an earlier version verify each other is killed
// between any two statements, and at random moments, while an application writes: each
// member can start again as it is, the next apply finishes, no acknowledged write is
// lost, and no two members are out at once.
func TestKillsUnderAnUpgrade(t *testing.T) {
	f := stand(t)
	k := f.killing()
	defer func() { _ = k.shop.DB.Close() }()
	for said := 1; said <= len(verifying) && !t.Failed(); said++ {
		f.trusting()
		victim := f.secondary()
		spells := f.sample()
		writer := site.StartWriter(t.Context(), k.shop.DB)
		f.sql(victim, strings.Join(verifying[:said], ";"))
		if out := slices.Index(verifying, "STOP GROUP_REPLICATION") < said; out && said%2 == 0 {
			f.sql(victim, "START GROUP_REPLICATION")
			f.eventually(victim+" starts as it is", time.Minute, func() bool { return f.sql(victim, online) == "3" })
		}
		f.apply()
		f.inSync()
		report, err := writer.Stop(t.Context(), k.shop.DB)
		f.must(err)
		down := mostDown(spells())
		t.Logf("ended after %q on %s: %s, %d out at once", verifying[said-1], victim, report, down)
		if f.noneLost(report); down > 1 {
			t.Errorf("%d members were out at once", down)
		}
		f.whole()
		f.verified()
	}
	learns := way{name: "verify", takes: 20 * time.Second, samples: true}
	for rounds := often(t, killsVariable, 4); k.kills < rounds && !t.Failed(); {
		f.trusting()
		k.round(learns, nil)
		f.verified()
	}
}
