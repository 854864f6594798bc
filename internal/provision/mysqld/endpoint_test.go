// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"errors"
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot/machinetest"
)

// A member of a group gets neither another port nor another address, be it that
// it is online or that it would be a member after its next boot. A server that
// left, or never was one, does.
func TestMemberKeepsItsEndpoint(t *testing.T) {
	left := strings.NewReplacer(`"state": "ONLINE", "role": "SECONDARY"}, {"id": "uuid-c"`, `"state": "OFFLINE", "role": ""}, {"id": "uuid-c"`).Replace(secondary)
	persisted := strings.NewReplacer(`{"super_read_only": "ON"}`, `{"group_replication_start_on_boot": "ON", "group_replication_local_address": "10.0.0.2:3306"}`)
	elsewhere := strings.NewReplacer(`{"super_read_only": "ON"}`, `{"group_replication_local_address": "10.0.0.2:9999"}`)
	xcom := strings.NewReplacer(`{"super_read_only": "ON"}`, `{"group_replication_local_address": "10.0.0.2:33061", "group_replication_communication_stack": "XCOM"}`, "registered	NULL", `registered	[{"id": "uuid-b", "address": "10.0.0.2:3306"}]`)
	for _, row := range []struct {
		name, answer, unit, address string
		port                        int
		want                        error
	}{
		{"as it is", secondary, "active", "10.0.0.2", 3306, nil},
		{"another port", secondary, "active", "10.0.0.2", 3307, ErrMember},
		{"another address", secondary, "active", "10.0.0.9", 3306, ErrMember},
		{"one that left", left, "active", "10.0.0.2", 3307, nil},
		{"one that stopped and comes back at its next boot", persisted.Replace(left), "active", "10.0.0.2", 3307, ErrMember},
		{"one that stopped and whose guardian starts it at boot", strings.Replace(persisted.Replace(left), `"ON"`, `"OFF"`, 1), "active", "10.0.0.2", 3307, ErrMember},
		{"as it is, with another address persisted by hand", elsewhere.Replace(secondary), "active", "10.0.0.2", 3306, nil},
		{"another port, with that persisted by hand", elsewhere.Replace(secondary), "active", "10.0.0.2", 9999, ErrMember},
		{"as it is, of the other stack", xcom.Replace(secondary), "active", "10.0.0.2", 3306, nil},
		{"stopped, of the other stack", xcom.Replace(left), "active", "10.0.0.2", 3306, nil},
		{"another port, stopped, of the other stack", xcom.Replace(left), "active", "10.0.0.2", 3307, ErrMember},
		{"one that is down", "", "inactive", "10.0.0.2", 3307, errUnknown},
	} {
		config := Config{Address: row.address, Port: row.port, ServerID: 2}
		m := machinetest.New(t, row.answer)
		m.Unit = row.unit
		if row.unit != "active" {
			m.Code = 1
		}
		err := config.KeepsEndpoint(t.Context(), m)
		if !errors.Is(err, row.want) || row.want == nil && err != nil {
			t.Errorf("%s at plan: %v, want %v", row.name, err, row.want)
		}
		if row.want != ErrMember { //nolint:errorlint // the row's own
			continue
		}
		if !strings.Contains(err.Error(), "10.0.0.2:3306") || !strings.Contains(err.Error(), config.Endpoint()+" is declared") {
			t.Errorf("%s: %v", row.name, err)
		}
		// Nor does an apply that meets it do anything to the machine.
		if err := new(Plugin).begin(m, config).try(t.Context()); !errors.Is(err, ErrMember) || len(m.Acts()) > 0 {
			t.Errorf("%s at apply: it did %q, %v", row.name, m.Acts(), err)
		}
	}
}

// The last member that runs of a cluster that counts on more is not stopped by
// the destruction of its server: others were destroyed with it.
func TestLastMemberIsNotTakenAway(t *testing.T) {
	alone := strings.NewReplacer(
		`{"id": "uuid-a", "host": "10.0.0.1", "port": 3306, "state": "ONLINE", "role": "PRIMARY"}, `, "",
		`, {"id": "uuid-c", "host": "10.0.0.3", "port": 3306, "state": "ONLINE", "role": "SECONDARY"}`, "").Replace(secondary)
	registered := func(rows string) string { return strings.Replace(alone, "registered\tNULL", "registered\t"+rows, 1) }
	const own, other = `{"id": "uuid-b", "address": "10.0.0.2:3306"}`, `{"id": "uuid-a", "address": "10.0.0.1:3306"}`
	m := machinetest.New(t, registered("["+own+", "+other+"]"))
	if err := new(Plugin).Remove(t.Context(), m, false); !errors.Is(err, ErrAlone) || len(m.Acts()) > 0 {
		t.Errorf("it did %q, %v", m.Acts(), err)
	}
	// A cluster of one goes with its server, and a server in none by itself.
	for name, answer := range map[string]string{"of one": registered("[" + own + "]"), "in no cluster": alone} {
		if err := new(Plugin).Remove(t.Context(), machinetest.New(t, answer), false); errors.Is(err, ErrAlone) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
