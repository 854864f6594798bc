// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

// formed is the configuration of a cluster of three that stands, and its state, in which
// each is ONLINE.
func formed(tf *terraform, created any) (config object, prior *state) {
	tf.Helper()
	members, status := object{}, object{}
	for number := 1; number <= 3; number++ {
		key := fmt.Sprint(number)
		members[key] = object{"address": "10.77.0.1" + key, "port": 3306, "server_id": number, "mesh": "site", "ssh": sshTo("203.0.113.1" + key), "created": created}
		status[key] = object{"state": "ONLINE", "role": "SECONDARY", "version": "9.7.4"}
	}
	config = object{"name": "main", "members": members}
	const resource = "atoll_mysql_cluster"
	planned, problems := tf.plan(resource, nil, write(tf.kind(resource), config))
	if problems != "" {
		tf.Fatal(problems)
	}
	was, _ := planned.at().(object)
	was["status"], was["primary"], was["cluster_id"], was["group_name"] = status, "1", "x", "x"
	was["routing"].(object)["cluster_id"] = "x"
	return config, &state{write(tf.kind(resource), was), nil, ""}
}

// recreated is a configuration of formed in which members were created at another time.
func recreated(config object, created any, keys ...string) object {
	changed := maps.Clone(config)
	members := maps.Clone(config["members"].(object))
	for _, key := range keys {
		member := maps.Clone(members[key].(object))
		member["created"] = created
		members[key] = member
	}
	changed["members"] = members
	return changed
}

// A server that is created again is a member that leaves and joins, though neither its
// address nor its UUID changes: the cluster is updated in the same apply, which is still
// one when the server is there. Routers have nothing to do with it.
func TestClusterSeesReplacedServers(t *testing.T) {
	t.Parallel()
	tf := start(t, machines(t), object{})
	const resource = "atoll_mysql_cluster"
	config, prior := formed(tf, "2026-11-28T13:05:22.123Z")
	for _, row := range []struct {
		name           string
		created        any
		keys           []string
		warns, refuses string
	}{
		{"as it is", nil, nil, "", ""},
		{"one, in the plan", unknown{}, []string{"2"}, `After the step "take out 10.77.0.12:3306" 2 of 3 members are ONLINE`, ""},
		{"two, in the plan", unknown{}, []string{"1", "3"}, `After the step "take out 10.77.0.13:3306" 1 of 3 members are ONLINE`, ""},
		{"one, in the apply", "2026-11-28T13:45:00.000Z", []string{"2"}, "", ""},
		{"all", unknown{}, []string{"1", "2", "3"}, "", "(10.77.0.11:3306, 10.77.0.12:3306, 10.77.0.13:3306) are destroyed in this plan"},
	} {
		planned, problems := tf.plan(resource, prior, write(tf.kind(resource), recreated(config, row.created, row.keys...)))
		if row.refuses != "" || problems != "" {
			if row.refuses == "" || !strings.Contains(problems, row.refuses) {
				t.Errorf("%s: %q, want %q", row.name, problems, row.refuses)
			}
			continue
		}
		if row.warns == "" && planned.warnings != "" || !strings.Contains(planned.warnings, row.warns) {
			t.Errorf("%s: %q, want %q", row.name, planned.warnings, row.warns)
		}
		if changes := !planned.value.Equal(prior.value); changes != (row.keys != nil) {
			t.Errorf("%s: the cluster changes: %v", row.name, changes)
		}
		if was, now := members(prior.value)["routing"], members(planned.value)["routing"]; !now.Equal(was) {
			t.Errorf("%s: the routing changes: %s", row.name, now)
		}
	}
	// One of which nobody knows it any more, as of one that was imported, is no other.
	unnoted := recreated(config, nil, "1", "2", "3")
	if planned, problems := tf.plan(resource, prior, write(tf.kind(resource), unnoted)); problems != "" || !planned.value.Equal(prior.value) {
		t.Errorf("imported servers: %+v; %s", planned, problems)
	}
	unnoted["consistency"] = "EVENTUAL"
	unnoted["members"].(object)["4"] = object{"address": "10.77.0.14", "port": 3306, "server_id": 4, "ssh": sshTo("203.0.113.14")}
	if planned, problems := tf.plan(resource, prior, write(tf.kind(resource), unnoted)); problems != "" || strings.Contains(planned.warnings, "Fewer Members") ||
		planned.at("members", "1", "created") != prior.at("members", "1", "created") || planned.at("members", "4", "created") != nil {
		t.Errorf("imported servers, one more and another setting: %+v; %s", planned, problems)
	}
	// Of the only member the databases stop, and whoever deletes its data is told.
	one := recreated(config, nil)
	members := one["members"].(object)
	delete(members, "2")
	delete(members, "3")
	was, _ := prior.at().(object)
	was["members"] = members
	planned, problems := tf.plan(resource, &state{write(tf.kind(resource), was), nil, ""}, write(tf.kind(resource), recreated(one, unknown{}, "1")))
	if problems != "" || !strings.Contains(planned.warnings, "until it is back nobody has a database") {
		t.Errorf("the only one: %+v; %s", planned, problems)
	}
}

// earlier is a state as a release wrote it that did not note when a server was created.
func (tf *terraform) earlier(resource string, s *state, at ...string) *state {
	tf.Helper()
	content, _ := s.at().(object)
	step := content
	for _, name := range at {
		step, _ = step[name].(object)
	}
	delete(step, "created")
	raw, err := json.Marshal(content)
	tf.must(err)
	response, err := tf.server.UpgradeResourceState(tf.Context(), &tfprotov6.UpgradeResourceStateRequest{TypeName: resource, RawState: &tfprotov6.RawState{JSON: raw}})
	tf.must(err)
	if problems := errorsIn(response.Diagnostics); problems != "" {
		tf.Fatal(problems)
	}
	return &state{tf.value(tf.kind(resource), response.UpgradedState), nil, ""}
}

// What an earlier release wrote plans empty, of servers and of their cluster, and stays
// as it is: a time of creation comes with a creation.
func TestStateWithoutCreationPlansEmpty(t *testing.T) {
	t.Parallel()
	tf := start(t, machines(t), object{})
	empty := func(resource string, prior *state, config object) {
		t.Helper()
		if was := prior.at(); was == nil {
			t.Fatalf("%s: there is no state", resource)
		}
		planned, problems := tf.plan(resource, prior, write(tf.kind(resource), config))
		if problems != "" {
			t.Fatal(problems)
		}
		if diff, err := planned.value.Diff(prior.value); err != nil || len(diff) > 0 {
			t.Errorf("%s: %v, %v", resource, diff, err)
		}
	}
	const resource = "atoll_mysql_server"
	server := object{"ssh": sshTo("203.0.113.11"), "mesh": "site", "address": "10.77.0.11", "memory_mib": 2048}
	planned, problems := tf.plan(resource, nil, write(tf.kind(resource), server))
	if problems != "" || planned.at("member", "created") != (unknown{}) {
		t.Fatalf("a new server was created at %v; %s", planned.at("member", "created"), problems)
	}
	shown := object{"authority": "PEM", "expires": "2036-11-23"}
	created := planned.settledWith("certificate", shown)
	empty(resource, created, server)
	before := tf.earlier(resource, created, "member")
	if got := before.at("member", "created"); got != nil || before.at("member", "address") != "10.77.0.11" {
		t.Errorf("the member of an earlier state was created at %v", got)
	}
	empty(resource, before, server)
	config, prior := formed(tf, nil)
	empty("atoll_mysql_cluster", prior, config)
	for number := 1; number <= 3; number++ {
		prior = tf.earlier("atoll_mysql_cluster", prior, "members", fmt.Sprint(number))
	}
	empty("atoll_mysql_cluster", prior, config)
	// The first replacement after an upgrade is seen, too.
	next, problems := tf.plan("atoll_mysql_cluster", prior, write(tf.kind("atoll_mysql_cluster"), recreated(config, unknown{}, "2")))
	if problems != "" || next.value.Equal(prior.value) || !strings.Contains(next.warnings, "2 of 3 members are ONLINE") {
		t.Errorf("a server that is replaced after the upgrade: %s; %s", next.warnings, problems)
	}
}
