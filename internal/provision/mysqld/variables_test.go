// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// Nothing that mysqld takes is undecided, so that a new release of MySQL shows here.
func TestEveryVariableIsDecided(t *testing.T) {
	text, err := os.ReadFile("testdata/variables-9.7.txt")
	if err != nil {
		t.Fatal(err)
	}
	decided, allowed := 0, 0
	for line := range strings.Lines(string(text)) {
		name := strings.TrimSpace(line)
		if strings.HasPrefix(name, "#") {
			continue
		}
		found := lookupVariable(name)
		if !found.known {
			t.Errorf("%s: nobody has decided", name)
		}
		decided++
		if found.refusal == "" {
			allowed++
		}
	}
	if decided < 700 || allowed < 300 || allowed > decided-200 {
		t.Errorf("%d decided, %d of them allowed: the table was not read", decided, allowed)
	}
}

// A name stands once, or nobody knows which group holds.
func TestVariableTableNamesEachOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, rule := range variableRules() {
		name := fmt.Sprint(rule.name, rule.prefix)
		if seen[name] {
			t.Errorf("%s stands twice", rule.name)
		}
		seen[name] = true
	}
}

// What Atoll writes itself must not be the user's, and each version's own is in.
func TestRequiredSettingsAreRefused(t *testing.T) {
	for _, version := range []string{"8.0.36", "8.4.3", "9.7.4"} {
		for _, setting := range (Config{Version: ParseVersion(version)}).required() {
			if found := decide(normalName(setting.Name)); found.refusal == "" {
				t.Errorf("%s: %s may be set by the user", version, setting.Name)
			}
		}
	}
}

func TestCheckSettingsRefuses(t *testing.T) {
	for name, want := range map[string]string{
		"max_connections": "", "innodb_log_buffer_size": "", "server_id": "own value", "Bind-Address": "own value", "loose_gtid_mode": "own value",
		"skip-log-bin": "binary log", "group_replication_member_expel_timeout": "atoll_mysql_cluster",
		"group_replication_member_weight": "declare weights", "group_replication_gtid_assignment_block_size": "only one that is stopped", "group_replication_preemptive_garbage_collection": "only one that is stopped",
		"group_replication_preemptive_garbage_collection_rows_threshold": "", "group_replication_flow_control_mode": "", "replicate_do_db": "part of the data", "plugin-load": "loads code", "plugin_dir": "layout",
		"skip_performance_schema": "reads the group's state", "skip_log_replica_updates": "needs it on", "lower_case_table_names": "datadir is made",
		"skip_innodb_adaptive_hash_index": "write innodb_adaptive_hash_index", "maximum-max_connections": "write max_connections",
		"!includedir": "not the name", "!include /etc/passwd": "not the name", "not a name": "not the name", "": "not the name",
		"max_conections": "check its spelling", "validate_password.policy": "SET PERSIST", "innodb_force_recovery": "rescue", "ndb_nodeid": "NDB",
	} {
		got := fmt.Sprint(CheckSettings(map[string]string{name: "x"}))
		if want == "" && got != "[]" || want != "" && !strings.Contains(got, want) {
			t.Errorf("settings[%q]: %s, want %q", name, got, want)
		}
	}
	for _, value := range []string{"a\n[client]", "a\r", "a\x00b"} {
		if got := fmt.Sprint(CheckSettings(map[string]string{"sql_mode": value})); !strings.Contains(got, "line break") {
			t.Errorf("%q: %s", value, got)
		}
	}
	if got := fmt.Sprint(CheckSettings(map[string]string{"max_connections": "1", "max-connections": "2"})); !strings.Contains(got, "are one setting") {
		t.Errorf("two spellings: %s", got)
	}
}

// A value comes back from the file as it was given.
func TestValuesInTheFile(t *testing.T) {
	for value, want := range map[string]string{
		"100": "100", `a\b`: `a\\b`, "a#b": `"a#b"`, " a": `" a"`, `"a"`: `"a"`, `'a b'`: `'a b'`, "a b": "a b",
	} {
		if got := fileValue(value); got != want {
			t.Errorf("%q is written %s, want %s", value, got, want)
		}
		if got := parseFileValue(fileValue(value)); got != value {
			t.Errorf("%q comes back as %q", value, got)
		}
	}
}
