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
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// A plan that discards a disk says so, and what is on it: by what this version keeps,
// and by what was kept before there were versions.
func TestPlansSayWhatGoes(t *testing.T) {
	t.Parallel()
	account := hoster(t)
	tf := start(t, account.floor(t), account.block)
	machine := tf.made("atoll_linode", nil, one(object{"rebuild_generation": 1}))
	tf = start(t, tf.network, account.block)
	carries := func(kept string) *state {
		all := map[string][]byte{"declared": []byte(`{"region":"ap-south","image":"linode/debian13"}`)}
		if kept != "" {
			all["carries"] = []byte(kept)
		}
		private, err := json.Marshal(all)
		if err != nil {
			t.Fatal(err)
		}
		return &state{machine.value, private, ""}
	}
	kind := tf.kind("atoll_linode")
	for kept, want := range map[string]string{
		`["mysql-server","tinc"]`: "Atoll has on it: mysql-server, tinc. What else is on it, Atoll does not know.", `{"version":1,"value":["mysql-server"]}`: "Atoll has on it: mysql-server.",
		`[]`: "Atoll has nothing on it", `{"version":1,"value":[]}`: "What else is on it, Atoll does not know.", "": "Atoll has not looked at what is on it.",
	} {
		for what, config := range map[string]tftypes.Value{
			"Destroying": tftypes.NewValue(kind, nil), "Replacing": write(kind, one(object{"region": "us-sea", "rebuild_generation": 1})),
			"Rebuilding": write(kind, one(object{"rebuild_generation": 2})), "": write(kind, one(object{"rebuild_generation": 1})),
		} {
			planned, problems := tf.plan("atoll_linode", carries(kept), config)
			if problems != "" {
				t.Fatalf("%s with %s: %s", what, kept, problems)
			}
			if what == "" && planned.warnings != "" || what != "" && !strings.Contains(planned.warnings, what+" Linode sg1 Discards Data") {
				t.Errorf("%s with %s: %q", what, kept, planned.warnings)
			}
			if what != "" && !strings.Contains(planned.warnings, want) {
				t.Errorf("%s with %s: %q", what, kept, planned.warnings)
			}
		}
	}
}

// What the configuration leaves out is not judged: it is the former machine's, and
// another one gets what its region has.
func TestRegionChangesWithWhatIsLeftOut(t *testing.T) {
	t.Parallel()
	account := hoster(t)
	tf := start(t, account.floor(t), account.block)
	machine := tf.made("atoll_linode", nil, one(object{"interface_generation": nil}))
	tf = start(t, tf.network, account.block)
	for name, row := range map[string]struct {
		with object
		want string
	}{
		"left out": {object{}, ""},
		"declared": {object{"maintenance_policy": "linode/migrate"}, `The region "ap-west" has no Maintenance Policy`},
	} {
		config := one(object{"region": "ap-west", "interface_generation": nil})
		maps.Copy(config, row.with)
		planned, problems := tf.plan("atoll_linode", machine, write(tf.kind("atoll_linode"), config))
		if (row.want == "") != (problems == "") || !strings.Contains(problems, row.want) {
			t.Errorf("%s: %q, want %q", name, problems, row.want)
		}
		if planned == nil {
			continue
		}
		for _, computed := range []string{
			"id", "disk_encryption", "maintenance_policy", "ipv4", "ipv6", "private_ipv4", "vpc_ipv4", "placement_group_id", "swap_mib", "vpc_subnet_id", "firewall_id",
			"backups", "watchdog", "private_ip", "specs", "ssh",
		} {
			if value := planned.at(computed); value != (unknown{}) {
				t.Errorf("%s is planned as the former machine's: %v", computed, value)
			}
		}
	}
}

// Who may log in to a machine whose host key is not known is neither read nor written,
// and nothing says that it was.
func TestKeysOfAMachineThatNobodyCanLogInTo(t *testing.T) {
	t.Parallel()
	account := hoster(t)
	tf := start(t, account.floor(t), account.block)
	bare := object{"authorized_keys": nil, "host_key": nil, "interface_generation": nil}
	made := tf.made("atoll_linode", nil, one(nil))
	tf = start(t, tf.network, account.block)
	found, problems := tf.find("atoll_linode", "sg1")
	if problems != "" || found.at("authorized_keys") != nil {
		t.Fatalf("an import without a host key: %s: %v", problems, found.at("authorized_keys"))
	}
	if !tf.empty("atoll_linode", found, one(bare)) {
		t.Error("the plan after an import without a host key is not empty")
	}
	declared := one(bare)
	declared["authorized_keys"] = []any{loginKey}
	if _, problems := tf.plan("atoll_linode", found, write(tf.kind("atoll_linode"), declared)); !strings.Contains(problems, "give it as host_key") {
		t.Errorf("keys without a host key: %q", problems)
	}
	later := one(bare)
	later["authorized_keys"], later["host_key"] = []any{loginKey}, unknown{}
	if _, problems := tf.plan("atoll_linode", found, write(tf.kind("atoll_linode"), later)); problems != "" {
		t.Errorf("keys with a host key to come: %s", problems)
	}
	machine := tf.network.Machines[made.at("ipv4").(string)]
	if err := machine.Write("/root/.ssh/authorized_keys", loginKey+"\n"+hostKey+" stranger\n"); err != nil {
		t.Fatal(err)
	}
	taken := tf.made("atoll_linode", found, one(nil))
	if keys := fmt.Sprint(tf.refreshed("atoll_linode", taken).at("authorized_keys")); keys != "["+loginKey+"]" {
		t.Errorf("with a host key %s may log in", keys)
	}
}

// A machine that was rebuilt elsewhere shows another host key: the way out is an
// argument of its own, which works, and may be left out later.
func TestLinodeThatWasRebuiltElsewhere(t *testing.T) {
	t.Parallel()
	account := hoster(t)
	tf := start(t, account.floor(t), account.block)
	made := tf.made("atoll_linode", nil, one(nil))
	tf = start(t, tf.network, account.block)
	tf.network.Machines[made.at("ipv4").(string)].HostKey = loginKey
	seen := tf.refreshed("atoll_linode", made)
	if !strings.Contains(seen.warnings, "give that as host_key of this atoll_linode") || strings.Contains(seen.warnings, "ssh.host_key") || !strings.Contains(seen.lines(), "not asked") {
		t.Errorf("drift %s: %q", seen.lines(), seen.warnings)
	}
	if !strings.Contains(seen.warnings, fmt.Sprintf("add %q to lost in the provider block", made.at("ipv4"))) {
		t.Errorf("nothing says how to make it anew: %q", seen.warnings)
	}
	if _, problems := tf.apply("atoll_linode", seen, one(object{"authorized_keys": []any{loginKey, hostKey}})); !strings.Contains(problems, "give that as host_key of this atoll_linode") || strings.Contains(problems, "ssh.host_key") {
		t.Errorf("an apply: %q", problems)
	}
	mended := tf.refreshed("atoll_linode", tf.made("atoll_linode", seen, one(object{"host_key": loginKey})))
	if !tf.empty("atoll_linode", mended, one(object{"host_key": nil})) {
		t.Error("without host_key the plan after it is not empty")
	}
}

// The first number with another image rebuilds the machine, which keeps its number; alone,
// and with other user data, it only sets the count, and the plan says how to go on.
func TestFirstRebuildNumber(t *testing.T) {
	t.Parallel()
	account := hoster(t)
	tf := start(t, account.floor(t), account.block)
	made := tf.made("atoll_linode", nil, one(object{"image": "linode/debian12"}))
	tf = start(t, tf.network, account.block)
	made = tf.refreshed("atoll_linode", made)
	plans := func(more object) string {
		t.Helper()
		more["image"] = "linode/debian12"
		planned, problems := tf.plan("atoll_linode", made, write(tf.kind("atoll_linode"), one(more)))
		if problems != "" {
			t.Fatal(problems)
		}
		return planned.warnings
	}
	if warned := plans(object{"rebuild_generation": 1}); warned != "" {
		t.Errorf("the first number alone: %q", warned)
	}
	if warned := plans(object{"user_data": "#!/bin/sh\n"}); !strings.Contains(warned, "Set rebuild_generation to a number in an apply of its own") {
		t.Errorf("user data without a number: %q", warned)
	}
	if warned := plans(object{"user_data": "#!/bin/sh\n", "rebuild_generation": 1}); !strings.Contains(warned, "This apply only sets the first number of rebuild_generation") {
		t.Errorf("user data with the first number: %q", warned)
	}
	config := one(object{"rebuild_generation": 1})
	planned, problems := tf.plan("atoll_linode", made, write(tf.kind("atoll_linode"), config))
	if problems != "" || !strings.Contains(planned.warnings, "Rebuilding Linode sg1 Discards Data") {
		t.Errorf("another image with the first number: %s %q", problems, planned.warnings)
	}
	rebuilt := tf.refreshed("atoll_linode", tf.made("atoll_linode", made, config))
	if rebuilt.at("id") != made.at("id") || rebuilt.at("ipv4") != made.at("ipv4") || rebuilt.at("image") != "linode/debian13" {
		t.Errorf("rebuilt as %v %v of %v", rebuilt.at("id"), rebuilt.at("ipv4"), rebuilt.at("image"))
	}
	if !tf.empty("atoll_linode", rebuilt, config) {
		t.Errorf("the plan after it is not empty: %s", rebuilt.lines())
	}
}

// A plan that takes a machine down says for whom the apply will wait, as its server sees
// it, and says nothing where all are there, where nobody knows, and of who is lost.
func TestPlansSayForWhomTheApplyWaits(t *testing.T) {
	t.Parallel()
	account := hoster(t)
	tf := start(t, account.floor(t), account.block)
	made := tf.made("atoll_linode", nil, one(object{"rebuild_generation": 1}))
	own := tf.network.Machines[made.at("ipv4").(string)]
	private, err := json.Marshal(map[string][]byte{"declared": []byte(`{"region":"ap-south","image":"linode/debian13"}`), "carries": []byte(`["mysql-server"]`)})
	if err != nil {
		t.Fatal(err)
	}
	made = &state{made.value, private, ""}
	if err := own.Write("/etc/tinc/site/hosts/hk2", "Address = 203.0.113.12 655\nSubnet = 10.77.0.12/32\n"); err != nil {
		t.Fatal(err)
	}
	const waits = "Linode sg1 Waits for Other Machines"
	for name, row := range map[string]struct {
		answers string
		lost    []any
		change  object
		want    bool
	}{
		"one is away":       {`[{"address": "10.77.0.13:3306", "state": "ONLINE", "self": true}, {"address": "10.77.0.12:3306", "state": "", "self": false}]`, nil, object{"rebuild_generation": 2}, true},
		"before a resize":   {`[{"address": "10.77.0.13:3306", "state": "ONLINE", "self": true}, {"address": "10.77.0.12:3306", "state": "RECOVERING", "self": false}]`, nil, object{"type": "g6-standard-2"}, true},
		"it is lost":        {`[{"address": "10.77.0.13:3306", "state": "ONLINE", "self": true}, {"address": "10.77.0.12:3306", "state": "", "self": false}]`, []any{"203.0.113.12"}, object{"rebuild_generation": 2}, false},
		"all are there":     {`[{"address": "10.77.0.13:3306", "state": "ONLINE", "self": true}, {"address": "10.77.0.12:3306", "state": "ONLINE", "self": false}]`, nil, object{"rebuild_generation": 2}, false},
		"nobody knows":      {"", nil, object{"rebuild_generation": 2}, false},
		"it stays as it is": {`[{"address": "10.77.0.12:3306", "state": "", "self": false}]`, nil, object{"label": "sg2"}, false},
	} {
		answer := ""
		if row.answers != "" {
			answer = "others\t" + row.answers + "\nend\ttrue\n"
		}
		if err := own.Program("mysql", "#!/bin/sh\ncat <<'EOF'\n"+answer+"EOF\n"); err != nil {
			t.Fatal(err)
		}
		block := maps.Clone(account.block)
		if row.lost != nil {
			block["lost"] = row.lost
		}
		config := one(object{"rebuild_generation": 1})
		maps.Copy(config, row.change)
		tf = start(t, tf.network, block)
		planned, problems := tf.plan("atoll_linode", made, write(tf.kind("atoll_linode"), config))
		if problems != "" || strings.Contains(planned.warnings, waits) != row.want || row.want && !strings.Contains(planned.warnings, "10.77.0.12 203.0.113.12") {
			t.Errorf("%s: %q, %q", name, problems, planned.warnings)
		}
	}
}

// A change that cannot be made discards nothing: its error stands alone.
func TestWhatCannotBeMadeDiscardsNothing(t *testing.T) {
	t.Parallel()
	account := hoster(t)
	tf := start(t, account.floor(t), account.block)
	made := tf.made("atoll_linode", nil, one(nil))
	tf = start(t, tf.network, account.block)
	kind, config := tf.kind("atoll_linode"), one(object{"region": "nowhere"})
	response, err := tf.server.PlanResourceChange(t.Context(), &tfprotov6.PlanResourceChangeRequest{
		TypeName: "atoll_linode", PriorState: tf.dynamic(kind, made.value), PriorPrivate: made.private, Config: tf.dynamic(kind, write(kind, config)),
		ProposedNewState: tf.dynamic(kind, propose(tf.schemas["atoll_linode"].Block.Attributes, made.value, write(kind, config))),
	})
	tf.must(err)
	if problems, warned := errorsIn(response.Diagnostics), warningsIn(response.Diagnostics); !strings.Contains(problems, "nowhere") || warned != "" {
		t.Errorf("%q, and it warns %q", problems, warned)
	}
}
