// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
)

// What a plan shows and what an apply does come from the same findings.
func TestDiagnosisOfVariables(t *testing.T) {
	config := Config{Address: "10.77.0.11", Port: 3306, ServerID: 7, MemoryBytes: 2 << 30, Own: map[string]string{"max_connections": "300"}}
	as := func(changed map[string]string) map[string]string {
		variables := map[string]string{}
		for _, setting := range config.Settings() {
			variables[variableName(setting)] = setting.Value
		}
		for name, value := range changed {
			variables[name] = value
		}
		return variables
	}
	const server = "10.77.0.11:3306"
	for name, row := range map[string]struct {
		status     Status
		drift      []string
		operations []provision.Operation
	}{
		"as declared":     {Status{Answers: true, Certificate: shown(), Variables: as(nil)}, nil, nil},
		"it does not run": {Status{Unit: "inactive", Certificate: shown()}, nil, nil},
		"one differs": {
			Status{Answers: true, Certificate: shown(), Variables: as(map[string]string{"max_connections": "151"})},
			[]string{"variable max_connections: is 151, want 300"}, []provision.Operation{Set{server}},
		},
		"two differ, and are set at once": {
			Status{Answers: true, Certificate: shown(), Variables: as(map[string]string{"max_connections": "151", "server_id": "8"})},
			[]string{"variable max_connections: is 151, want 300", "variable server_id: is 8, want 7"}, []provision.Operation{Set{server}},
		},
		"one stays otherwise though it was set": {
			Status{Answers: true, WereSet: true, Certificate: shown(), Variables: as(map[string]string{"max_connections": "151"})},
			[]string{"variable max_connections: is 151, want 300"}, []provision.Operation{Restart{server}},
		},
		"one was persisted for the next start, and another beside the file": {
			Status{Answers: true, Certificate: shown(), Variables: as(nil), Persisted: map[string]string{"max_connections": "9", "long_query_time": "1.000000"}},
			[]string{"variable max_connections: is 9 at the next start, want 300", "variable long_query_time: 1.000000 was persisted by hand"}, []provision.Operation{Set{server}},
		},
		"one was persisted as the file has it, and what settings cannot hold": {
			Status{Answers: true, Certificate: shown(), Variables: as(nil), Persisted: map[string]string{
				"max_connections": "300", "super_read_only": "ON", "auto_increment_offset": "2", "group_replication_flow_control_mode": "DISABLED", "validate_password.policy": "LOW", startOnBoot: "ON",
			}}, nil, nil,
		},
		"what was persisted stays though it was set": {
			Status{Answers: true, WereSet: true, Certificate: shown(), Variables: as(nil), Persisted: map[string]string{"long_query_time": "1.000000"}},
			[]string{"variable long_query_time: 1.000000 was persisted by hand"}, []provision.Operation{Set{server}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			findings := config.Diagnose(row.status)
			operations, err := provision.Operations(findings)
			if err != nil {
				t.Fatal(err)
			}
			drift := map[string]bool{}
			for _, text := range converge.Texts(provision.Drift(findings)) {
				drift[text] = true
			}
			want := map[string]bool{}
			for _, text := range row.drift {
				want[text] = true
			}
			if diff := cmp.Diff(want, drift) + cmp.Diff(row.operations, operations); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Where no guardian is to be, MySQL has to start a member at boot; where one is,
// that is the guardian's own business, and nobody's where the server is no member.
func TestSomebodyStartsTheMemberAtBoot(t *testing.T) {
	place := map[string]string{"group_replication_local_address": "10.0.0.1:3306", startOnBoot: "OFF"}
	config := Config{Address: "10.0.0.1", Port: 3306, ServerID: 7}
	for name, row := range map[string]struct {
		unguarded bool
		persisted map[string]string
		want      string
	}{
		"guarded":                         {false, place, ""},
		"unguarded":                       {true, place, "variable group_replication_start_on_boot: is OFF, want ON: no guardian starts the member at boot"},
		"unguarded, and MySQL does it":    {true, map[string]string{"group_replication_local_address": "10.0.0.1:3306", startOnBoot: "ON"}, ""},
		"unguarded, and in no group":      {true, map[string]string{startOnBoot: "OFF"}, ""},
		"unguarded, and never in a group": {true, nil, ""},
	} {
		config.Unguarded = row.unguarded
		findings := config.Diagnose(Status{Answers: true, Certificate: shown(), Persisted: row.persisted})
		if got := strings.Join(converge.Texts(provision.Drift(findings)), "; "); got != row.want {
			t.Errorf("%s: %q, want %q", name, got, row.want)
		}
		if row.want != "" && findings[0].Mend != (StartAtBoot{config.Endpoint()}) {
			t.Errorf("%s: %v", name, findings[0].Mend)
		}
	}
}
