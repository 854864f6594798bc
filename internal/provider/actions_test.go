// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/remote/remotetest"
)

// orderedCluster is the routing of a cluster of three, with all that an action takes.
func orderedCluster() object {
	members := object{}
	for i, key := range []string{"hk1", "hk2", "sg1"} {
		members[key] = object{"address": fmt.Sprintf("10.77.0.%d", 11+i), "port": 3306, "server_id": 11 + i, "mesh": "site", "ssh": everyWay(fmt.Sprintf("203.0.113.%d", 11+i))}
	}
	return object{"cluster": "main", "cluster_id": "b2c1", "members": members}
}

// orders gives each action all attributes that it takes, as everything does for
// resources.
func orders() map[string]object {
	return map[string]object{
		"atoll_mysql_switchover": {"cluster": orderedCluster(), "primary": "hk2", "timeouts": object{"invoke": "1m"}},
		"atoll_mysql_rejoin":     {"cluster": orderedCluster(), "member": "hk2", "timeouts": object{"invoke": "1m"}},
		"atoll_mysql_reset_member": {
			"cluster": orderedCluster(), "member": "hk2", "discard_transactions": "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5", "discard_schemas": []any{"scratch"}, "timeouts": object{"invoke": "1m"},
		},
		"atoll_mysql_force_quorum": {"cluster": orderedCluster(), "quorum_survivors": []any{"hk2"}, "timeouts": object{"invoke": "1m"}},
	}
}

func (tf *terraform) orderKind(action string) tftypes.Type {
	tf.Helper()
	schema, found := tf.actions[action]
	if !found {
		tf.Fatalf("there is no action %s", action)
	}
	return schema.Schema.ValueType()
}

func (tf *terraform) ordering() tfprotov6.ActionServer {
	tf.Helper()
	server, takes := tf.server.(tfprotov6.ActionServer)
	if !takes {
		tf.Fatal("the provider takes no actions")
	}
	return server
}

// order validates and plans an action, as Terraform does before it invokes it.
func (tf *terraform) order(action string, config tftypes.Value) (warnings, problems string) {
	tf.Helper()
	written := tf.dynamic(tf.orderKind(action), config)
	validated, err := tf.ordering().ValidateActionConfig(tf.Context(), &tfprotov6.ValidateActionConfigRequest{ActionType: action, Config: written})
	tf.must(err)
	if problems := errorsIn(validated.Diagnostics); problems != "" {
		return "", problems
	}
	planned, err := tf.ordering().PlanAction(tf.Context(), &tfprotov6.PlanActionRequest{ActionType: action, Config: written})
	tf.must(err)
	return warningsIn(validated.Diagnostics) + warningsIn(planned.Diagnostics), errorsIn(planned.Diagnostics)
}

// invoke validates, plans and invokes an action, and gives what it said on the way.
func (tf *terraform) invoke(action string, config object) (progress []string, problems string) {
	tf.Helper()
	written := write(tf.orderKind(action), config)
	if _, problems := tf.order(action, written); problems != "" {
		return nil, problems
	}
	stream, err := tf.ordering().InvokeAction(tf.Context(), &tfprotov6.InvokeActionRequest{ActionType: action, Config: tf.dynamic(tf.orderKind(action), written)})
	tf.must(err)
	completed := 0
	for event := range stream.Events {
		switch typed := event.Type.(type) {
		case tfprotov6.ProgressInvokeActionEventType:
			progress = append(progress, typed.Message)
		case tfprotov6.CompletedInvokeActionEventType:
			completed++
			problems = errorsIn(typed.Diagnostics)
		}
	}
	if completed != 1 {
		tf.Errorf("%s: completed %d times", action, completed)
	}
	return progress, problems
}

// An action whose attributes are not all in the table is not tested.
func TestEveryActionIsTested(t *testing.T) {
	response := schemas(t)
	for action := range response.ActionSchemas {
		if orders()[action] == nil {
			t.Errorf("%s is not tested", action)
		}
	}
	for action, config := range orders() {
		complete(t, action, response.ActionSchemas[action].Schema.Block.Attributes, config)
		if timeouts := config["timeouts"].(object); len(timeouts) != 1 { // the table's own
			t.Errorf("%s has the timeouts %v", action, timeouts)
		}
	}
}

// What is not known before the apply is planned, and what is missing is named.
func TestUnknownAndNullInActions(t *testing.T) {
	t.Parallel()
	tf := start(t, machines(t), object{})
	for action, config := range orders() {
		kind, tried := tf.orderKind(action), 0
		if warnings, problems := tf.order(action, write(kind, config)); warnings+problems != "" {
			t.Errorf("%s as it is: %s%s", action, warnings, problems)
		}
		for path, changed := range variants(config, func(any) []any { return []any{unknown{}, nil} }) {
			if path == "" {
				continue // there is always a configuration
			}
			for i, one := range changed {
				tried++
				what := []string{"unknown", "null"}[i]
				_, problems := tf.order(action, write(kind, one))
				for _, fault := range faults {
					if strings.Contains(problems, fault) {
						t.Errorf("%s%s %s: %s", action, path, what, problems)
					}
				}
				if what == "unknown" && problems != "" {
					t.Errorf("%s%s unknown is refused: %s", action, path, problems)
				}
			}
		}
		if tried < 40 {
			t.Errorf("%s: only %d variants", action, tried)
		}
	}
}

// Nothing that is written for an action goes on where it ends.
func TestHostileStringsInActionsAreRefused(t *testing.T) {
	t.Parallel()
	tf := start(t, machines(t), object{})
	hostile := []any{"a\nb", "a\x00b", "$(reboot)", "a' b", "a\u2028b", "\x1b[2J", ""}
	for action, config := range orders() {
		kind := tf.orderKind(action)
		for path, changed := range variants(config, func(leaf any) []any {
			if _, isText := leaf.(string); isText {
				return hostile
			}
			return nil
		}) {
			for i, one := range changed {
				value, _ := hostile[i].(string)
				if value == "" && path == ".discard_transactions" {
					continue // of which there may be none
				}
				if breaks := converge.OneLine("it", value) != nil; !breaks && slices.ContainsFunc([]string{".cluster_id", ".invoke", ".discard_schemas[0]"}, func(end string) bool { return strings.HasSuffix(path, end) }) {
					continue // they are compared with what the servers say, or parsed
				}
				if _, problems := tf.order(action, write(kind, one)); problems == "" {
					t.Errorf("%s%s takes %q", action, path, value)
				}
			}
		}
	}
}

// What cannot work is refused before anything is touched, by attribute and value.
func TestActionsThatCannotWork(t *testing.T) {
	t.Parallel()
	tf := start(t, machines(t), object{})
	for _, row := range []struct {
		action, attribute string
		value             any
		want              string
	}{
		{"atoll_mysql_switchover", "primary", "nobody", `Not a Member at AttributeName("primary"): primary = "nobody" is not a key of the cluster's members.`},
		{"atoll_mysql_switchover", "primary", "", `primary = "" must not be empty`},
		{"atoll_mysql_rejoin", "member", "nobody", `member = "nobody" is not a key of the cluster's members.`},
		{"atoll_mysql_reset_member", "member", "nobody", `member = "nobody" is not a key of the cluster's members.`},
		{"atoll_mysql_reset_member", "discard_transactions", "all", `discard_transactions = "all" must be a GTID set as MySQL writes it`},
		{"atoll_mysql_reset_member", "discard_transactions", nil, `discard_transactions`},
		{"atoll_mysql_reset_member", "discard_schemas", []any{nil}, "null"},
		{"atoll_mysql_force_quorum", "quorum_survivors", []any{"hk1", "nobody"}, `quorum_survivors = "nobody" is not a key of the cluster's members.`},
		{"atoll_mysql_force_quorum", "quorum_survivors", []any{}, "at least 1"},
		{"atoll_mysql_force_quorum", "quorum_survivors", nil, "quorum_survivors"},
		{"atoll_mysql_rejoin", "timeouts", object{"invoke": "soon"}, `timeouts.invoke = "soon" is no duration`},
		{"atoll_mysql_rejoin", "timeouts", object{"invoke": "0s"}, `timeouts.invoke = "0s" must be more than nothing`},
		{"atoll_mysql_rejoin", "cluster", object{"cluster": "main", "cluster_id": "x", "members": object{}}, "at least 1"},
		{"atoll_mysql_rejoin", "cluster", object{"cluster": "1st", "cluster_id": "x", "members": orderedCluster()["members"]}, `cluster.cluster = "1st" must start with a letter`},
		{"atoll_mysql_rejoin", "cluster", object{"cluster": "main", "cluster_id": "x", "members": object{"hk2": object{"address": "10.77.0.12", "port": 3306, "server_id": 12}}}, `cluster.members["hk2"].ssh is missing`},
	} {
		config := orders()[row.action]
		config[row.attribute] = row.value
		if _, problems := tf.order(row.action, write(tf.orderKind(row.action), config)); !strings.Contains(problems, row.want) {
			t.Errorf("%s.%s: %q, want %q", row.action, row.attribute, problems, row.want)
		}
	}
}

// A plan that declares another primary says that the next one takes the role back.
func TestSwitchoverFromADeclaredPrimary(t *testing.T) {
	t.Parallel()
	for declared, warns := range map[any]bool{nil: false, "hk1": true, "hk2": false} {
		tf := start(t, machines(t), object{})
		cluster := object{"name": "main", "members": orderedCluster()["members"], "primary": declared}
		if _, problems := tf.plan("atoll_mysql_cluster", nil, write(tf.kind("atoll_mysql_cluster"), cluster)); problems != "" {
			t.Fatal(problems)
		}
		warnings, problems := tf.order("atoll_mysql_switchover", write(tf.orderKind("atoll_mysql_switchover"), orders()["atoll_mysql_switchover"]))
		if problems != "" || warns != strings.Contains(warnings, `names another member than "hk2", so the next plan shows the change back`) {
			t.Errorf("%v declared: %q; %s", declared, warnings, problems)
		}
	}
}

// answering lets three machines answer as a cluster that stands, hk1 its primary; the
// last of them is out of the group where out is true.
func answering(t *testing.T, out bool) *remotetest.Network {
	t.Helper()
	network := machines(t, "203.0.113.11", "203.0.113.12", "203.0.113.13")
	const group = "11111111-2222-4333-8444-555555555555"
	for i := range 3 {
		var view, instances, accounts []object
		for other := range 3 {
			id, host := fmt.Sprintf("uuid-%d", other), fmt.Sprintf("10.77.0.%d", 11+other)
			if !out || other < 2 {
				role := map[bool]string{true: "PRIMARY", false: "SECONDARY"}[other == 0]
				view = append(view, object{"id": id, "host": host, "port": 3306, "state": "ONLINE", "role": role, "version": "9.7.4", "queue": 0})
			}
			account := fmt.Sprintf("mysql_innodb_cluster_%d", 11+other)
			instances = append(instances, object{"address": host + ":3306", "uuid": id, "type": "group-member", "attributes": object{"server_id": 11 + other, "recoveryAccountUser": account}})
			accounts = append(accounts, object{"user": account, "host": "%", "plugin": "caching_sha2_password", "tls": true, "replicates": true, "grants": []string{"BACKUP_ADMIN", "GROUP_REPLICATION_STREAM", "CONNECTION_ADMIN"}})
		}
		if out && i == 2 {
			view = nil
		}
		var answer strings.Builder
		for _, row := range []struct {
			mark     string
			document any
		}{
			{"server", object{"version": "9.7.4", "uuid": fmt.Sprintf("uuid-%d", i), "server_id": 11 + i, "executed": group + ":1-9", "purged": "", "super_read_only": 0, "offline_mode": 0,
				"host": fmt.Sprintf("10.77.0.%d", 11+i), "port": 3306, "now": 1764109200}},
			{"variables", object{"group_replication_group_name": group, "group_replication_communication_stack": "MYSQL", "group_replication_ssl_mode": "REQUIRED", "group_replication_single_primary_mode": "ON"}},
			{"running", nil}, {"members", view}, {"starting", false}, {"schemas", []string{"shop"}}, {"channels", nil}, {"cloned", nil}, {"received", ""}, {"guardian", nil}, {"tls", object{"used": "server-cert.pem", "until": "Nov 23 13:04:06 2036 GMT"}}, {"recovery", fmt.Sprintf("mysql_innodb_cluster_%d", 11+i)}, {"accounts", accounts},
			{"router_accounts", nil}, {"persisted", nil}, {"schema", "2.4.0"}, {"clusters", []object{{"id": "b2c1", "name": "main", "primary_mode": "pm", "attributes": object{"group_replication_group_name": group}}}},
			{"instances", instances}, {"routers", nil}, {"check_ins", nil}, {"router_users", nil}, {"sessions", nil}, {"end", true},
		} {
			document, err := json.Marshal(row.document)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&answer, "%s\t%s\n", row.mark, document)
		}
		machine := network.Machines[fmt.Sprintf("203.0.113.%d", 11+i)]
		if err := machine.Write("/simulated/answer", answer.String()); err != nil {
			t.Fatal(err)
		}
		if err := machine.Program("mysql", "#!/bin/sh\ncat "+filepath.Join(machine.Root, "simulated", "answer")+"\n"); err != nil {
			t.Fatal(err)
		}
	}
	return network
}

// What is so already is said, and nothing is changed; what cannot be done is an error
// in the provider's grammar, by the attribute's value and with the way out.
func TestActionsThatChangeNothing(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, action, attribute string
		value                   any
		out                     bool
		block                   object
		// says is the last progress, wants an error.
		says, wants string
	}{
		{"the primary has the role", "atoll_mysql_switchover", "primary", "hk1", false, nil, "nothing was to be done: hk1 takes writes", ""},
		{"to one that is out", "atoll_mysql_switchover", "primary", "sg1", true, nil, "", "Unable to Switch Over MySQL Cluster main to sg1: only an ONLINE member can take the primary's role, and sg1 is OFFLINE"},
		{"one that is in", "atoll_mysql_rejoin", "member", "hk2", true, nil, "nothing was to be done: hk2 is ONLINE", ""},
		{"one that is out and holds nothing of its own", "atoll_mysql_reset_member", "member", "sg1", true, nil, "", "Unable to Reset sg1 of MySQL Cluster main: member sg1: it holds nothing that the group has not"},
		{"one that is in, with the group's data", "atoll_mysql_reset_member", "member", "hk2", true, nil, "nothing was to be done: hk2 is ONLINE, with the group's data", ""},
		{"the group has its majority", "atoll_mysql_force_quorum", "quorum_survivors", []any{"hk1"}, true, nil, "", "Unable to Force the Quorum of MySQL Cluster main: the group has its majority"},
		{"one that is lost", "atoll_mysql_rejoin", "member", "sg1", true, object{"lost": []any{"203.0.113.13"}}, "", "Unable to Rejoin sg1 to MySQL Cluster main: member sg1 could not be asked"},
	} {
		network := answering(t, row.out)
		tf := start(t, network, row.block)
		config := orders()[row.action]
		config[row.attribute] = row.value
		progress, problems := tf.invoke(row.action, config)
		last := ""
		if len(progress) > 0 {
			last = progress[len(progress)-1]
		}
		if row.wants == "" && problems != "" || !strings.Contains(problems, row.wants) || row.says != "" && last != row.says {
			t.Errorf("%s: %q; %s", row.name, progress, problems)
		}
		for address, machine := range network.Machines {
			if runs := machine.Runs(); slices.ContainsFunc(runs, func(run string) bool { return run != "observing" && !strings.Contains(run, "view of its group") }) {
				t.Errorf("%s: %s ran %q", row.name, address, runs)
			}
		}
	}
}

// Where nobody answers, all are named that did not.
func TestActionsWhereNobodyAnswers(t *testing.T) {
	t.Parallel()
	tf := start(t, machines(t), object{})
	for action, config := range orders() {
		_, problems := tf.invoke(action, config)
		if !strings.HasPrefix(problems, "Unable to ") || !strings.Contains(problems, "connect 203.0.113.1") {
			t.Errorf("%s: %s", action, problems)
		}
	}
}
