// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"strings"
	"testing"
)

// Whether there is a read-write split is the version's to say: nothing is
// promised before it is known, and of an older Router nothing at all.
func TestReadWriteSplitIsTheVersions(t *testing.T) {
	t.Parallel()
	tf := start(t, machines(t), object{})
	config := everything()["atoll_mysql_router"]
	kind := tf.kind("atoll_mysql_router")
	created, problems := tf.plan("atoll_mysql_router", nil, write(kind, config))
	if problems != "" {
		t.Fatal(problems)
	}
	if split := created.at("endpoints", "read_write_split"); split != (unknown{}) || created.at("endpoints", "read_write") != "127.0.0.1:6446" {
		t.Errorf("a router to be made: %v, %v", split, created.at("endpoints", "read_write"))
	}
	for version, want := range map[string]any{"8.0.44": nil, "8.1.0": nil, "8.4.7": "127.0.0.1:6450", "9.7.4": "127.0.0.1:6450"} {
		planned, problems := tf.plan("atoll_mysql_router", created.settledWith("version", version), write(kind, config))
		if problems != "" || planned.at("endpoints", "read_write_split") != want || planned.at("version") != version {
			t.Errorf("%s: %v, version %v, want %v; %s", version, planned.at("endpoints", "read_write_split"), planned.at("version"), want, problems)
		}
	}
	// Another package may bring another version.
	other := everything()["atoll_mysql_router"]
	other["package"] = "mysql-router-community"
	planned, problems := tf.plan("atoll_mysql_router", &state{settled(created.value), nil, ""}, write(kind, other))
	if problems != "" || planned.at("version") != (unknown{}) || planned.at("endpoints", "read_write_split") != (unknown{}) {
		t.Errorf("another package: %v, version %v; %s", planned.at("endpoints", "read_write_split"), planned.at("version"), problems)
	}
}

// Two routers on one machine are told apart by name, and neither takes what the
// other has.
func TestTwoRoutersOnOneMachine(t *testing.T) {
	t.Parallel()
	tf := start(t, machines(t), object{})
	const kind = "atoll_mysql_router"
	router := func(name, cluster any, first int) (*state, string) {
		config := everything()[kind]
		routing, _ := config["cluster"].(object)
		routing["cluster"] = cluster
		config["name"], config["ports"] = name, object{"read_write": first, "read_only": first + 1, "read_write_split": first + 2}
		return tf.plan(kind, nil, write(tf.kind(kind), config))
	}
	for _, row := range []struct {
		name, cluster any
		first         int
		want          string
	}{
		{nil, "main", 6446, ""},
		{nil, "main", 6446, ""}, // Terraform plans one twice
		{nil, "shop", 7446, "give this one a name of its own"},
		{"shop", "shop", 6447, "ports.read_write = 6447 is a port of the router atoll of the cluster main"},
		{"shop", "shop", 7446, ""},
		{unknown{}, "other", 7446, ""},
	} {
		planned, problems := router(row.name, row.cluster, row.first)
		if (row.want == "") != (problems == "") || !strings.Contains(problems, row.want) {
			t.Errorf("%v of %v at %d: %q", row.name, row.cluster, row.first, problems)
		}
		if row.name == "shop" && problems == "" && planned.at("id") != "203.0.113.11/shop" {
			t.Errorf("its id is %v", planned.at("id"))
		}
	}
}

// What no router would take is refused before anything is touched.
func TestRoutingOptionsAreHeldAgainstRouters(t *testing.T) {
	t.Parallel()
	tf := start(t, machines(t), object{})
	for _, kind := range []string{"atoll_mysql_cluster", "atoll_mysql_router"} {
		for _, row := range []struct {
			options object
			want    []string
		}{
			{object{}, nil},
			{object{"read_only_targets": "primary"}, []string{"routing_options.read_only_targets", `"primary"`, "must be one of secondaries, all, read_replicas"}},
			{object{"unreachable_quorum_allowed_traffic": "write"}, []string{"routing_options.unreachable_quorum_allowed_traffic", `"write"`, "must be one of none, read, all"}},
			{object{"stats_updates_frequency": -1}, []string{"routing_options.stats_updates_frequency", "between 0 and 2147483647", "-1"}},
			{object{"tags": object{"1st": "a"}}, []string{"routing_options.tags", "1st", "not begin with a digit"}},
			{object{"tags": object{"first": nil}}, []string{"routing_options", "tags", "Null Map Value"}},
		} {
			config := everything()[kind]
			config["routing_options"] = row.options
			_, problems := tf.plan(kind, nil, write(tf.kind(kind), config))
			if (row.want == nil) != (problems == "") {
				t.Errorf("%s, %v: %q", kind, row.options, problems)
			}
			for _, text := range row.want {
				if !strings.Contains(problems, text) {
					t.Errorf("%s, %v: %q does not say %q", kind, row.options, problems, text)
				}
			}
		}
	}
}

// A router that its cluster is not to know would lose its account whenever it stood
// still.
func TestRouterThatItsClusterDoesNotDeclare(t *testing.T) {
	t.Parallel()
	tf := start(t, machines(t), object{})
	const kind = "atoll_mysql_router"
	for _, row := range []struct {
		routers any
		want    string
	}{
		{nil, ""},
		{[]any{"203.0.113.11"}, `"203.0.113.11/shop" is not among them`},
		{[]any{}, "take that out"},
		{[]any{"203.0.113.11", "203.0.113.11/shop"}, ""},
		{[]any{"203.0.113.11::atoll-shop"}, ""},
		{[]any{"203.0.113.11", unknown{}}, ""},
	} {
		cluster := everything()["atoll_mysql_cluster"]
		cluster["routers"] = row.routers
		if _, problems := tf.plan("atoll_mysql_cluster", nil, write(tf.kind("atoll_mysql_cluster"), cluster)); problems != "" {
			t.Fatalf("%v: %s", row.routers, problems)
		}
		_, problems := tf.plan(kind, nil, write(tf.kind(kind), everything()[kind]))
		if (row.want == "") != (problems == "") || !strings.Contains(problems, row.want) {
			t.Errorf("%v: %q", row.routers, problems)
		}
	}
	cluster := everything()["atoll_mysql_cluster"]
	cluster["routers"] = []any{"app 1"}
	if _, problems := tf.plan("atoll_mysql_cluster", nil, write(tf.kind("atoll_mysql_cluster"), cluster)); !strings.Contains(problems, "app 1") || !strings.Contains(problems, "203.0.113.21/shop") {
		t.Errorf("what is no router: %q", problems)
	}
}
