// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"strings"
	"testing"
)

// A declared version is compared with what the last refresh saw run, and what no server
// can be brought to is refused before an apply; one that is not declared is what runs.
func TestDeclaredVersion(t *testing.T) {
	t.Parallel()
	tf := start(t, machines(t), object{}) // the machine does not answer: the apply asks it
	const resource = "atoll_mysql_server"
	kind := tf.kind(resource)
	declaring := func(version any) object {
		config := everything()[resource]
		config["version"] = version
		return config
	}
	created, problems := tf.plan(resource, nil, write(kind, declaring("9.7.4")))
	if problems != "" || created.at("version") != "9.7.4" {
		t.Fatalf("a server to be made: version %v; %s", created.at("version"), problems)
	}
	running := func(version string) *state {
		return created.settledWith("version", version)
	}
	for _, row := range []struct {
		runs          string
		declared      any
		plans, refuse string
	}{
		{"9.7.4-2", nil, "9.7.4-2", ""},
		{"9.7.4", "9.7.4", "9.7.4", ""},
		{"9.7.4-2", "9.7.4", "9.7.4", ""},
		{"9.7.4", "9.7.5", "9.7.5", ""},
		{"8.4.6", "9.7.5", "9.7.5", ""},
		{"9.7.5", "9.7.4", "", `version = "9.7.4" of the server 10.77.0.11:3306: MySQL does not go back to an older version with the same data: it is 9.7.5 now, and 9.7.4 is older. Declare 9.7.5 or a later one.`},
		{"8.0.41", "9.7.5", "", `version = "9.7.5" of the server 10.77.0.11:3306: MySQL does not leave out a long-term series: it is 8.0.41 now, so it goes to a version 8.4 first, and in another apply to 9.7.5.`},
		{"9.7.4", unknown{}, "", ""},
	} {
		planned, problems := tf.plan(resource, running(row.runs), write(kind, declaring(row.declared)))
		if row.refuse != "" || problems != "" {
			if row.refuse == "" || !strings.Contains(problems, row.refuse) {
				t.Errorf("%s to %v: want %q, got %q", row.runs, row.declared, row.refuse, problems)
			}
			continue
		}
		var want any = row.plans
		if row.plans == "" {
			want = unknown{}
		}
		if got := planned.at("version"); got != want {
			t.Errorf("%s to %v: plans %v, want %v", row.runs, row.declared, got, want)
		}
		if planned.at("server_uuid") == (unknown{}) || planned.at("member", "address") != "10.77.0.11" {
			t.Errorf("%s to %v: what stays is not known: %v", row.runs, row.declared, planned.at("server_uuid"))
		}
	}
}
