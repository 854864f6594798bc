// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/atollhq/terraform-provider-atoll/internal/provider"
)

// orders invokes an action as Terraform 1.14 does, over the provider's protocol and in
// this process, on the cluster of the site. It gives what was shown on the way, and
// the error.
func (f *fixture) orders(action string, config map[string]any) (progress []string, problem string) {
	f.Helper()
	server, err := providerserver.NewProtocol6WithError(provider.New("test")())()
	f.must(err)
	schemas, err := server.GetProviderSchema(f.Context(), &tfprotov6.GetProviderSchemaRequest{})
	f.must(err)
	written := func(kind tftypes.Type, given any) *tfprotov6.DynamicValue {
		text, err := json.Marshal(given)
		f.must(err)
		// The routing has more in it than an action takes, and Terraform leaves that out.
		options := tfprotov6.UnmarshalOpts{ValueFromJSONOpts: tftypes.ValueFromJSONOpts{IgnoreUndefinedAttributes: true}}
		value, err := tfprotov6.RawState{JSON: text}.UnmarshalWithOpts(kind, options)
		f.must(err)
		dynamic, err := tfprotov6.NewDynamicValue(kind, value)
		f.must(err)
		return &dynamic
	}
	said := func(diagnostics []*tfprotov6.Diagnostic) {
		for _, one := range diagnostics {
			if one.Severity == tfprotov6.DiagnosticSeverityError {
				problem += flat(one.Summary + ": " + one.Detail)
			}
		}
	}
	block := map[string]any{"ssh": map[string]any{"key_files": map[string]any{"default": f.lab.Inventory.Key}}}
	configured, err := server.ConfigureProvider(f.Context(), &tfprotov6.ConfigureProviderRequest{TerraformVersion: "1.14.0", Config: written(schemas.Provider.ValueType(), block)})
	f.must(err)
	if said(configured.Diagnostics); problem != "" {
		f.Fatal(problem)
	}
	var cluster struct {
		Routing json.RawMessage `json:"routing"`
	}
	f.must(f.terraform.Attributes(f.Context(), "atoll_mysql_cluster.main", &cluster))
	config["cluster"] = cluster.Routing
	given := written(schemas.ActionSchemas[action].Schema.ValueType(), config)
	actions, _ := server.(tfprotov6.ActionServer)
	validated, err := actions.ValidateActionConfig(f.Context(), &tfprotov6.ValidateActionConfigRequest{ActionType: action, Config: given})
	f.must(err)
	planned, err := actions.PlanAction(f.Context(), &tfprotov6.PlanActionRequest{ActionType: action, Config: given})
	f.must(err)
	if said(append(validated.Diagnostics, planned.Diagnostics...)); problem != "" {
		return nil, problem
	}
	stream, err := actions.InvokeAction(f.Context(), &tfprotov6.InvokeActionRequest{ActionType: action, Config: given})
	f.must(err)
	for event := range stream.Events {
		switch typed := event.Type.(type) {
		case tfprotov6.ProgressInvokeActionEventType:
			progress = append(progress, typed.Message)
		case tfprotov6.CompletedInvokeActionEventType:
			said(typed.Diagnostics)
		}
	}
	return progress, problem
}

// carried is an order that has to be carried out; last is what it ends with.
func (f *fixture) carried(action string, config map[string]any, last string) {
	f.Helper()
	begun := time.Now()
	progress, problem := f.orders(action, config)
	if problem != "" || len(progress) == 0 || progress[len(progress)-1] != last {
		f.Fatalf("%s: %q; %s, want %q", action, progress, problem, last)
	}
	f.Logf("%s took %s: %q", action, time.Since(begun).Round(time.Second/10), progress)
}

// refused is an order that changes nothing, and says why.
func (f *fixture) refused(action string, config map[string]any, wants ...string) {
	f.Helper()
	progress, problem := f.orders(action, config)
	for _, want := range wants {
		if !strings.Contains(problem, want) {
			f.Errorf("%s: %q; %q, want %q", action, progress, problem, want)
		}
	}
}

// What a person does by hand is done by actions: each by the operations of an apply,
// under the same lease, and once; the plan is empty before and after.
func TestActionsByHand(t *testing.T) {
	f := stand(t)
	first := f.primary()
	others := slices.DeleteFunc(slices.Clone(databases), func(host string) bool { return host == first })
	second, third := others[0], others[1]
	t.Run("Switchover", func(t *testing.T) { f.within(t).switchedOver(first, second) })
	t.Run("Rejoin", func(t *testing.T) { f.within(t).broughtIn(third) })
	t.Run("ResetMember", func(t *testing.T) { f.within(t).resets(third) })
	t.Run("ForceQuorum", func(t *testing.T) { f.within(t).survives() })
	f.whole()
}

// Terraform 1.14 and later invoke the actions by themselves, as the examples say it: what
// each did is no drift afterwards.
func TestActionsByTerraform(t *testing.T) {
	f := stand(t)
	if !f.knowsActions() {
		t.Skip("this Terraform knows no actions: set TF_ACC_TERRAFORM_PATH to one of 1.14 or later")
	}
	invoke := func(name, address string, more ...string) {
		f.Helper()
		example, err := os.ReadFile("../../examples/actions/" + name + "/action.tf")
		f.must(err)
		text := strings.NewReplacer(more...).Replace(string(example))
		if !strings.Contains(text, "terraform apply -invoke=action."+name+"."+address) {
			t.Fatalf("the example says another command:\n%s", text)
		}
		f.must(os.WriteFile(filepath.Join(f.terraform.Dir, name+".tf"), []byte(text), 0o600))
		f.Cleanup(func() { _ = os.Remove(filepath.Join(f.terraform.Dir, name+".tf")) })
		f.must(f.terraform.Apply(f.Context(), "-invoke=action."+name+"."+address))
		f.inSync()
	}
	if f.primary() == "hk2" {
		f.carried("atoll_mysql_switchover", map[string]any{"primary": "hk1"}, "done: hk1 takes writes")
	}
	invoke("atoll_mysql_switchover", "to_hk2")
	if got := f.primary(); got != "hk2" {
		t.Errorf("%s takes writes", got)
	}
	f.sql("hk1", "STOP GROUP_REPLICATION")
	invoke("atoll_mysql_rejoin", "hk1")
	f.whole()
	f.sql("sg1", "STOP GROUP_REPLICATION; SET GLOBAL super_read_only = OFF; CREATE DATABASE scratch; SET GLOBAL super_read_only = ON")
	own := f.sql("sg1", "SELECT GTID_SUBTRACT(@@gtid_executed, '"+strings.ReplaceAll(f.sql("hk2", "SELECT @@gtid_executed"), `\n`, "")+"')")
	invoke("atoll_mysql_reset_member", "sg1", "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5", own)
	f.whole()
}

// knowsActions says whether the program that runs the tests has action blocks.
func (f *fixture) knowsActions() bool {
	f.Helper()
	text, err := f.terraform.Version(f.Context())
	f.must(err)
	var major, minor int
	if _, err := fmt.Sscanf(text, "Terraform v%d.%d", &major, &minor); err != nil {
		return false // OpenTofu
	}
	return major > 1 || minor >= 14
}

// switchedOver hands the role over, and not while somebody else works on the group.
func (f *fixture) switchedOver(from, to string) {
	const action = "atoll_mysql_switchover"
	f.carried(action, map[string]any{"primary": from}, "nothing was to be done: "+from+" takes writes")
	turn := f.sql(from, "SELECT CONCAT('atoll.turn.', LOWER(@@group_replication_group_name))")
	f.on(from, `systemd-run -q --unit=turn mysql -e "DO GET_LOCK('`+turn+`', 10), SLEEP(600)"`)
	f.Cleanup(func() { _, _ = f.try(from, "systemctl stop turn; :") })
	f.eventually("the turn is somebody else's", time.Minute, func() bool { return f.sql(from, "SELECT IS_USED_LOCK('"+turn+"') IS NOT NULL") == "1" })
	f.refused(action, map[string]any{"primary": to, "timeouts": map[string]any{"invoke": "10s"}}, "Unable to Switch Over MySQL Cluster main to "+to, "another run is working on the group")
	if got := f.primary(); got != from {
		f.Errorf("%s takes writes, want %s", got, from)
	}
	f.on(from, "systemctl stop turn")
	f.carried(action, map[string]any{"primary": to}, "done: "+to+" takes writes")
	if got := f.primary(); got != to {
		f.Errorf("%s takes writes, want %s", got, to)
	}
	f.inSync()
	f.refused(action, map[string]any{"primary": "nobody"}, `primary = "nobody" is not a key of the cluster's members`)
}

// broughtIn lets a member come back that somebody has stopped, set as it was.
func (f *fixture) broughtIn(member string) {
	const action = "atoll_mysql_rejoin"
	f.carried(action, map[string]any{"member": member}, "nothing was to be done: "+member+" is ONLINE")
	f.sql(f.primary(), "CREATE DATABASE IF NOT EXISTS acted; CREATE TABLE IF NOT EXISTS acted.t (id INT PRIMARY KEY)")
	f.sql(member, "STOP GROUP_REPLICATION")
	f.sql(f.primary(), "REPLACE INTO acted.t VALUES (1)")
	f.refused("atoll_mysql_switchover", map[string]any{"primary": member}, "only an ONLINE member can take the primary's role, and "+member+" is OFFLINE")
	f.carried(action, map[string]any{"member": member}, "done: "+member+" is ONLINE")
	if got := f.sql(member, "SELECT COUNT(*) FROM acted.t"); got != "1" {
		f.Errorf("%s has %s rows", member, got)
	}
	f.inSync()
}

// resets gives a member the group's data that wrote into its own: all that is lost
// has to be named.
func (f *fixture) resets(member string) {
	const action = "atoll_mysql_reset_member"
	primary := f.primary()
	f.refused(action, map[string]any{"member": member, "discard_transactions": "all of them"}, "must be a GTID set")
	f.carried(action, map[string]any{"member": member, "discard_transactions": ""}, "nothing was to be done: "+member+" is ONLINE, with the group's data")
	f.sql(member, "STOP GROUP_REPLICATION")
	f.refused(action, map[string]any{"member": member, "discard_transactions": ""}, "it holds nothing that the group has not", "atoll_mysql_rejoin")
	f.sql(member, "SET GLOBAL super_read_only = OFF; CREATE DATABASE stray; CREATE TABLE stray.t (id INT PRIMARY KEY); INSERT INTO stray.t VALUES (1); SET GLOBAL super_read_only = ON")
	f.sql(primary, "CREATE DATABASE IF NOT EXISTS acted; CREATE TABLE IF NOT EXISTS acted.t (id INT PRIMARY KEY); REPLACE INTO acted.t VALUES (2)")
	has := f.sql(primary, "SELECT @@gtid_executed")
	own := f.sql(member, "SELECT GTID_SUBTRACT(@@gtid_executed, '"+strings.ReplaceAll(has, `\n`, "")+"')")
	f.refused("atoll_mysql_rejoin", map[string]any{"member": member}, "it holds transactions of its own", own)
	f.refused(action, map[string]any{"member": member, "discard_transactions": own}, "more would be lost than was given up", "the schemas stray")
	f.refused(action, map[string]any{"member": member, "discard_transactions": "", "discard_schemas": []string{"stray"}}, "more would be lost than was given up", own)
	if got := f.sql(member, "SELECT COUNT(*) FROM stray.t"); got != "1" {
		f.Errorf("after refusals %s has %s rows of its own", member, got)
	}
	f.carried(action, map[string]any{"member": member, "discard_transactions": own, "discard_schemas": []string{"stray"}}, "done: "+member+" is ONLINE, with the group's data")
	if got := f.sql(member, "SELECT CONCAT_WS(' ', (SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = 'stray'), (SELECT COUNT(*) FROM acted.t WHERE id = 2), GTID_SUBTRACT('"+own+"', @@gtid_executed) = '"+own+"')"); got != "0 1 1" {
		f.Errorf("%s holds %q", member, got)
	}
	f.inSync()
}

// survives lets the group go on where two of three have lost their power, and the two
// come back to it.
func (f *fixture) survives() {
	const action = "atoll_mysql_force_quorum"
	primary := f.primary()
	others := slices.DeleteFunc(slices.Clone(databases), func(host string) bool { return host == primary })
	survivor, gone := others[0], []string{primary, others[1]}
	alone := map[string]any{"quorum_survivors": []string{survivor}}
	f.refused(action, alone, "Unable to Force the Quorum of MySQL Cluster main", "the group has its majority")
	f.refused(action, map[string]any{"quorum_survivors": []string{}}, "at least 1")
	for _, host := range gone {
		f.pull(host)
	}
	f.eventually(survivor+" has no majority", time.Minute, func() bool {
		return f.sql(survivor, "SELECT COUNT(*) FROM performance_schema.replication_group_members WHERE member_state = 'UNREACHABLE'") == "2"
	})
	f.refused(action, map[string]any{"quorum_survivors": others}, "member "+others[1]+" could not be asked")
	f.refused("atoll_mysql_switchover", map[string]any{"primary": survivor}, "no member is in a group that has a majority")
	f.carried(action, alone, "done: the group goes on with "+survivor+" alone")
	f.sql(survivor, "REPLACE INTO acted.t VALUES (3)")
	f.carried(action, alone, "nothing was to be done: the group goes on with "+survivor+" alone")
	for _, host := range gone {
		f.must(f.lab.PlugIn(f.Context(), host))
	}
	// The survivor may have got another recovery account, which an apply tells the others.
	f.eventually("all answer", 3*time.Minute, func() bool {
		_, one := f.try(gone[0], "mysql -e 'SELECT 1'")
		_, other := f.try(gone[1], "mysql -e 'SELECT 1'")
		return one == nil && other == nil
	})
	f.apply()
	f.inSync()
}
