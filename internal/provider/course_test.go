// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// Another name is another cluster: whoever plans it is told that the group stops for it.
func renamed(tf *terraform, prior *state, config object) {
	tf.Helper()
	config["name"] = "other"
	planned, problems := tf.plan("atoll_mysql_cluster", prior, write(tf.kind("atoll_mysql_cluster"), config))
	if problems != "" || !strings.Contains(planned.warnings, `name was "main" and is to be "other": the group is dissolved`) {
		tf.Errorf("another name: %s, %+v", problems, planned)
	}
}

// Where no machine stays the cluster may begin with nothing, which a plan says; where one
// does it has nothing to say.
func elsewhere(tf *terraform, prior *state, config object) {
	tf.Helper()
	members, _ := config["members"].(object)
	for _, stays := range []bool{true, false} {
		for _, key := range slices.Sorted(maps.Keys(members))[map[bool]int{true: 1, false: 0}[stays]:] {
			members[key].(object)["ssh"] = sshTo("198.51.100." + key)
		}
		planned, problems := tf.plan("atoll_mysql_cluster", prior, write(tf.kind("atoll_mysql_cluster"), config))
		if problems != "" || strings.Contains(planned.warnings, "Every Machine Is Another One") == stays {
			tf.Errorf("a machine stays: %v: %s, %+v", stays, problems, planned)
		}
	}
}

// A plan says when few members would be ONLINE on its way, and refuses to leave
// the data behind. Another key is no other member.
func TestClusterPlanKnowsItsWay(t *testing.T) {
	t.Parallel()
	tf := start(t, machines(t), object{})
	const resource = "atoll_mysql_cluster"
	kind := tf.kind(resource)
	cluster := func(octets map[string]any) object {
		members := object{}
		for key, octet := range octets {
			member := object{"port": 3306, "server_id": len(key) + 7, "mesh": "site", "ssh": sshTo("203.0.113." + key)}
			if number, known := octet.(int); known {
				member["address"], member["server_id"], member["ssh"] = fmt.Sprintf("10.77.0.%d", number), number, sshTo(fmt.Sprintf("203.0.113.%d", number))
			} else {
				member["address"] = unknown{}
			}
			members[key] = member
		}
		return object{"name": "main", "members": members}
	}
	stands := map[string]any{"1": 11, "2": 12, "3": 13}
	planned, problems := tf.plan(resource, nil, write(kind, cluster(stands)))
	if problems != "" {
		t.Fatal(problems)
	}
	if planned.warnings != "" {
		t.Errorf("a new cluster: %s", planned.warnings)
	}
	was, _ := planned.at().(object)
	status := object{}
	for key := range stands {
		status[key] = object{"state": "ONLINE", "role": "SECONDARY", "version": "9.7.4"}
	}
	was["status"], was["primary"], was["cluster_id"], was["group_name"] = status, "1", "x", "x"
	was["routing"].(object)["cluster_id"] = "x" // the test's own
	prior := &state{write(kind, was), nil, ""}
	for _, row := range []struct {
		name           string
		members        map[string]any
		warns, refuses string
	}{
		{"as it is", stands, "", ""},
		{"other keys", map[string]any{"4": 11, "5": 12, "6": 13}, "", ""},
		{"fewer", map[string]any{"1": 11}, "", ""},
		{"two more", map[string]any{"1": 11, "2": 12, "3": 13, "4": 14, "5": 15}, "", ""},
		{"one replaced", map[string]any{"1": 11, "2": 12, "4": 14}, `After the step "take out 10.77.0.13:3306" 2 of 3 members are ONLINE`, ""},
		{"two replaced", map[string]any{"1": 11, "4": 14, "5": 15}, `1 of 3 members are ONLINE`, ""},
		{"all replaced", map[string]any{"4": 14, "5": 15, "6": 16}, "", "names none of the servers that are ONLINE now (10.77.0.11:3306, 10.77.0.12:3306, 10.77.0.13:3306)"},
		{"all at addresses that are not known yet", map[string]any{"1": unknown{}, "2": unknown{}, "3": unknown{}}, "0 of 3 members", ""},
	} {
		planned, problems := tf.plan(resource, prior, write(kind, cluster(row.members)))
		if row.refuses != "" {
			if !strings.Contains(problems, row.refuses) {
				t.Errorf("%s: %q, want %q", row.name, problems, row.refuses)
			}
			continue
		}
		if problems != "" || row.warns == "" && planned.warnings != "" || !strings.Contains(planned.warnings, row.warns) {
			t.Errorf("%s: %q, want %q; %s", row.name, planned.warnings, row.warns, problems)
		}
	}
	renamed(tf, prior, cluster(stands))
	elsewhere(tf, prior, cluster(stands))
	hasty := cluster(stands)
	hasty["expel_timeout"], hasty["unreachable_majority_timeout"] = 60, 20
	if planned, problems := tf.plan(resource, prior, write(kind, hasty)); problems != "" || !strings.Contains(planned.warnings, "unreachable_majority_timeout = 20 is less than expel_timeout = 60") {
		t.Errorf("a member that gives up early: %q; %s", planned.warnings, problems)
	}
	// A word for a loss that is over is not left standing in silence.
	survivor := cluster(stands)
	survivor["quorum_survivors"] = []any{"1"}
	if planned, problems := tf.plan(resource, prior, write(kind, survivor)); problems != "" || !strings.Contains(planned.warnings, "The Group Has Its Quorum") {
		t.Errorf("quorum_survivors of a whole group: %q; %s", planned.warnings, problems)
	}
}

// Another port or address of a server is planned only when it is known to be in
// no group: one that cannot be asked may be in one. Another machine is asked by
// the apply, if it does not answer now.
func TestServerThatCannotBeAskedKeepsItsEndpoint(t *testing.T) {
	t.Parallel()
	const resource = "atoll_mysql_server"
	tf := start(t, machines(t), object{})
	kind := tf.kind(resource)
	server := func(machine, address string, port int) object {
		return object{"ssh": sshTo(machine), "mesh": "site", "address": address, "port": port, "server_id": 7, "package": "mysql-server", "memory_mib": 2048}
	}
	planned, problems := tf.plan(resource, nil, write(kind, server("203.0.113.11", "10.77.0.11", 3306)))
	if problems != "" {
		t.Fatal(problems)
	}
	prior := &state{settled(planned.value), nil, ""}
	for _, row := range []struct {
		name   string
		config object
		want   string
	}{
		{"as it is", server("203.0.113.11", "10.77.0.11", 3306), ""},
		{"another port", server("203.0.113.11", "10.77.0.11", 3307), "port = 3307 of the server on 203.0.113.11: whether it is a member of a group is not known"},
		{"another address", server("203.0.113.11", "10.77.0.19", 3306), `address = "10.77.0.19" of the server on 203.0.113.11: whether it is a member of a group is not known`},
		{"another machine, which is not up yet", server("203.0.113.12", "10.77.0.12", 3306), ""},
	} {
		_, problems := tf.plan(resource, prior, write(kind, row.config))
		if row.want == "" && problems != "" || !strings.Contains(problems, row.want) {
			t.Errorf("%s: %q, want %q", row.name, problems, row.want)
		}
	}
}
