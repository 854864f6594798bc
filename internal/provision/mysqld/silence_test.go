// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/converge/convergetest"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot/machinetest"
)

// secondary is the answer of a server that is one of three.
const secondary = `server	{"version": "9.7.4", "comment": "test", "uuid": "uuid-b", "errorlog": "/var/log/mysql/error.log"}
variables	{"port": "3306", "max_connections": "151"}
persisted	{"super_read_only": "ON"}
views	["ENABLED_ROLES", "USER_ATTRIBUTES", "ROLE_TABLE_GRANTS", "APPLICABLE_ROLES", "ROLE_COLUMN_GRANTS", "ROLE_ROUTINE_GRANTS", "ADMINISTRABLE_ROLE_AUTHORIZATIONS"]
beside	{"sql_mode": {"is": "ANSI_QUOTES", "path": ""}, "back_log": {"is": "99", "path": "/etc/mysql/mysql.conf.d/zz-atoll.cnf"}}
members	[{"id": "uuid-a", "host": "10.0.0.1", "port": 3306, "state": "ONLINE", "role": "PRIMARY"}, {"id": "uuid-b", "host": "10.0.0.2", "port": 3306, "state": "ONLINE", "role": "SECONDARY"}, {"id": "uuid-c", "host": "10.0.0.3", "port": 3306, "state": "ONLINE", "role": "SECONDARY"}]
group	"11111111-2222-4333-8444-555555555555"
registered	NULL
tls	{"used": "server-cert.pem", "until": "Nov 23 13:04:06 2036 GMT"}
end	true
`

// next is what its next start would have.
const next = `next	{"version": "9.7.4-2", "values": {"sql_mode": "", "back_log": "151"}}
`

// certificate is what the machine says of it.
const certificate = `certificate	{"authority": "whole", "server": "whole", "until": "Nov 23 13:04:06 2036 GMT", "now": 1795698246, "pem": "QQ=="}
`

// Nothing is done to a server whose answer did not come whole.
func TestSilenceIsNotAbsence(t *testing.T) {
	config := Config{Address: "10.0.0.2", Port: 3306, ServerID: 2, Own: map[string]string{"max_connections": "200"}}
	deeds := map[string]func(context.Context, *machinetest.Machine) error{
		"remove": func(ctx context.Context, m *machinetest.Machine) error { return new(Plugin).Remove(ctx, m, true) },
		"pause": func(ctx context.Context, m *machinetest.Machine) error {
			_, err := new(Plugin).Yield(ctx, m, provision.Pause)
			return err
		},
		"discard": func(ctx context.Context, m *machinetest.Machine) error {
			_, err := new(Plugin).Yield(ctx, m, provision.Discard)
			return err
		},
		"status": func(ctx context.Context, m *machinetest.Machine) error { _, err := config.ask(ctx, m); return err },
		"restart": func(ctx context.Context, m *machinetest.Machine) error {
			status, err := config.ask(ctx, m)
			if err != nil {
				return err
			}
			return new(Plugin).begin(m, config).restart(ctx, status, turn{})
		},
		"drift": func(ctx context.Context, m *machinetest.Machine) error {
			_, err := converge.Observe(ctx, m, config.Manifest())
			return err
		},
	}
	for deed, do := range deeds {
		for name, spoil := range machinetest.Spoiled(secondary) {
			// All of them go by one question; it is enough to try each way once.
			if deed != "drift" && !slices.Contains([]string{"missing", "exit 1", "without members", "garbled members", "without registered"}, name) {
				continue
			}
			m := machinetest.New(t, secondary)
			spoil(m)
			if err := do(t.Context(), m); err == nil || len(m.Acts()) > 0 {
				t.Errorf("%s with the answer %s: it did %q, %v", deed, name, m.Acts(), err)
			}
		}
	}
	// With the answer there is something to say and to do.
	m := machinetest.New(t, secondary)
	if status, err := config.ask(t.Context(), m); err != nil || len(status.View.Members) != 3 || status.View.Own().Role != "SECONDARY" {
		t.Errorf("whole: %+v, %v", status, err)
	}
	if _, err := new(Plugin).Yield(t.Context(), m, provision.Discard); err == nil || strings.Join(m.Acts(), ", ") != "holding the group's turn" {
		t.Errorf("whole: it did %q, %v", m.Acts(), err)
	}
}

// What a machine is like is not guessed from half an answer either.
func TestQuestionsFailClosed(t *testing.T) {
	config := Config{Address: "10.0.0.2", Port: 3306, ServerID: 2}
	convergetest.FailsClosed(t, config.statusQuestion(), secondary+next+certificate, "unit\t\"inactive\"\nend\ttrue\n"+certificate)
	convergetest.FailsClosed(t, memoryQuestion(), "1073741824 bytes\n")
	answered := ""
	m := machinetest.New(t, secondary)
	m.Spoil = func(_, output string) string { answered = output; return output }
	if facts, err := config.AskFacts(t.Context(), m); err != nil || facts.Installed.String() != "9.7.4" || facts.MemoryBytes == 0 || facts.DiskFreeBytes == 0 {
		t.Fatalf("whole: %+v, %v", facts, err)
	}
	convergetest.FailsClosed(t, config.factsQuestion(), answered)
	m.Spoil = func(_, output string) string { return strings.TrimSuffix(output, "end\n") }
	if _, _, err := new(Plugin).Converge(t.Context(), m, config); err == nil || len(m.Acts()) > 0 {
		t.Errorf("without a facts it did %q, %v", m.Acts(), err)
	}
}
