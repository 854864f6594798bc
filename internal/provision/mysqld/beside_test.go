// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot/machinetest"
)

// What runs otherwise than the next start would have it is said and set, and what
// nobody knows the next start's value of is left alone, unless it came by our file.
func TestWhatRunsBesideTheFile(t *testing.T) {
	config := Config{Address: "10.77.0.11", Port: 3306, ServerID: 7, MemoryBytes: 2 << 30, Own: map[string]string{"max_connections": "300"}}
	running := map[string]string{}
	for _, setting := range config.Settings() {
		running[variableName(setting)] = setting.Value
	}
	const byHand, ours, theirs = "", settingsFile, "/etc/mysql/mysql.conf.d/mysqld.cnf"
	for name, row := range map[string]struct {
		variable, is, path, next string
		text, statement          string
	}{
		"set by hand":                       {"net_read_timeout", "77", byHand, "30", "is 77, and 30 at the next start, since settings does not have it", "SET GLOBAL `net_read_timeout` = 30"},
		"set by some session alone":         {"sql_mode", "ANSI", byHand, "ANSI", "", ""},
		"set, and back at its default":      {"long_query_time", "10.000000", byHand, "10", "", ""},
		"switched off, and back":            {"event_scheduler", "ON", byHand, "TRUE", "", ""},
		"taken out of the file":             {"back_log", "99", ours, "151", "is 99, and 151 at the next start, since settings does not have it", "SET GLOBAL `back_log` = 151"},
		"taken out, and the same":           {"net_read_timeout", "30", ours, "30", "", ""},
		"without a value now":               {"init_connect", "SET @a = 1", byHand, none, "is SET @a = 1, and empty at the next start, since settings does not have it", "SET GLOBAL `init_connect` = DEFAULT"},
		"emptied by a file":                 {"sql_mode", "ANSI", byHand, "", "is ANSI, and empty at the next start, since settings does not have it", "SET GLOBAL `sql_mode` = ''"},
		"a value where none is next":        {"init_connect", "", ours, "SET @a = 1", "is empty, and SET @a = 1 at the next start, since settings does not have it", "SET GLOBAL `init_connect` = 'SET @a = 1'"},
		"another zone":                      {"time_zone", "+08:00", byHand, none, "is +08:00, and SYSTEM at the next start, since settings does not have it", "SET GLOBAL `time_zone` = 'SYSTEM'"},
		"the machine's zone":                {"time_zone", "SYSTEM", byHand, none, "", ""},
		"said otherwise than it would be":   {"log_error_verbosity", "2", byHand, "1", "", ""},
		"worked out at the start":           {"innodb_io_capacity_max", "20000", byHand, "4294967295", "", ""},
		"worked out, and taken out":         {"innodb_io_capacity_max", "9000", ours, "4294967295", "is 9000, and at its default at the next start, since settings does not have it", "SET GLOBAL `innodb_io_capacity_max` = DEFAULT"},
		"sized at the start, and taken out": {"performance_schema_digests_size", "500", ours, "-1", "is 500, and at its default at the next start, since settings does not have it", "SET GLOBAL `performance_schema_digests_size` = DEFAULT"},
		"what settings cannot hold":         {"super_read_only", "ON", byHand, "FALSE", "", ""},
		"the clone's":                       {"clone_ssl_ca", "/a.pem", byHand, none, "", ""},
		"the group's, once in our file":     {"group_replication_flow_control_period", "2", ours, "1", "is 2, and 1 at the next start, since settings does not have it", "SET GLOBAL `group_replication_flow_control_period` = 1"},
		"declared":                          {"max_connections", "300", byHand, "151", "", ""},
		"of another file":                   {"key_buffer_size", "8388608", theirs, "16777216", "is 8388608, and 16777216 at the next start, since settings does not have it", "SET GLOBAL `key_buffer_size` = 16777216"},
	} {
		t.Run(name, func(t *testing.T) {
			status := Status{Answers: true, Version: "9.7.4-2", Certificate: shown(), Variables: running,
				Beside: map[string]Beside{row.variable: {row.is, row.path}}, Next: Next{Version: "9.7.4-2", Values: map[string]string{row.variable: row.next}}}
			want := ""
			if row.text != "" {
				want = "variable " + row.variable + ": " + row.text
			}
			findings := config.Diagnose(status)
			got := strings.Join(converge.Texts(provision.Drift(findings)), "; ")
			if diff := cmp.Diff(want, got) + cmp.Diff(row.statement, strings.Join(config.takeBack(status), "; ")); diff != "" {
				t.Fatal(diff)
			}
			if len(findings) > 0 && findings[0].Mend != (Set{config.Endpoint()}) {
				t.Errorf("it is mended by %v", findings[0].Mend)
			}
			for what, unknown := range map[string]Next{"nobody says": {}, "of another version": {Version: "9.7.5-1", Values: status.Next.Values}} {
				if status.Next = unknown; len(config.strays(status)) > 0 || config.takeBack(status) != nil {
					t.Errorf("%s what the next start would have, and there are %q", what, config.strays(status))
				}
			}
		})
	}
}

// What only a start sets is restarted for, once the rest was set.
func TestWhatOnlyAStartTakesBack(t *testing.T) {
	status := Status{Answers: true, WereSet: true, Version: "9.7.4", Certificate: shown(),
		Beside: map[string]Beside{"back_log": {"99", settingsFile}}, Next: Next{Version: "9.7.4", Values: map[string]string{"back_log": "151"}}}
	config := Config{Address: "10.77.0.11", Port: 3306, ServerID: 7}
	if findings := config.Diagnose(status); len(findings) != 1 || findings[0].Mend != (Restart{config.Endpoint()}) {
		t.Errorf("got %v", findings)
	}
}

// What was persisted by hand is forgotten, and what runs of it becomes what the next
// start has then. What was persisted for that start alone does not run.
func TestPersistedIsTakenBack(t *testing.T) {
	status := Status{Version: "9.7.4", Persisted: map[string]string{"long_query_time": "1.000000", "back_log": "99", "time_zone": "+01:00", "super_read_only": "ON"},
		Beside: map[string]Beside{"long_query_time": {"1.000000", ""}, "time_zone": {"+01:00", "/var/lib/mysql/mysqld-auto.cnf"}},
		Next:   Next{Version: "9.7.4", Values: map[string]string{"long_query_time": "10", "back_log": "151", "time_zone": none}}}
	want := []string{"RESET PERSIST IF EXISTS `back_log`", "RESET PERSIST IF EXISTS `long_query_time`", "SET GLOBAL `long_query_time` = 10",
		"RESET PERSIST IF EXISTS `time_zone`", "SET GLOBAL `time_zone` = 'SYSTEM'"}
	if diff := cmp.Diff(want, Config{}.takeBack(status)); diff != "" {
		t.Error(diff)
	}
}

// help is what mysqld says, shortened.
const help = `mysqld  Ver 9.7.4-2 for Linux on x86_64 ((Debian))
Usage: mysqld [OPTIONS]
  --back-log=#        The number of outstanding connection requests

Variables (--variable-name=value)
and boolean options {FALSE|TRUE}                               Value (after reading options)
-------------------------------------------------------------- -----------
back-log                                                       151
group-replication-preemptive-garbage-collection-rows-threshold 100000
default-time-zone                                              (No default value)
ft-boolean-syntax                                              + -><()~*:""&|
init-connect                                                   SET @a = '\d'
init-replica                                                   SET @a = 1

back-log
init-slave                                                     SET	@a = 1
sql-mode                                                       

To see what values a running MySQL server is using, type
back-log                                                       7
`

// Of all that mysqld says only the value of what was asked for comes, as it is; of one
// with a line break or a tab nothing does.
func TestNextIsRead(t *testing.T) {
	config := Config{Address: "10.0.0.2", Port: 3306, ServerID: 2}
	var names []string
	for _, name := range []string{"back_log", "time_zone", "ft_boolean_syntax", "init_connect", "init_replica", "init_slave", "sql_mode", "long_query_time"} {
		names = append(names, `"`+name+`": {"is": "", "path": ""}`)
	}
	const beside = "beside\tNULL"
	for name, row := range map[string]struct {
		beside, help string
		want         Next
	}{
		"nothing is beside": {beside, help, Next{Version: "9.7.4-2", Values: map[string]string{}}},
		"some are": {"beside\t{" + strings.Join(names, ", ") + "}", help, Next{Version: "9.7.4-2", Values: map[string]string{
			"back_log": "151", "time_zone": none, "ft_boolean_syntax": `+ -><()~*:""&|`, "init_connect": `SET @a = '\d'`, "sql_mode": "",
		}}},
		"it is cut":              {"beside\t{" + strings.Join(names, ", ") + "}", strings.SplitAfter(help, "init-connect")[0], Next{}},
		"the files are not read": {"beside\t{" + strings.Join(names, ", ") + "}", "", Next{Error: `mysqld: [ERROR] Found "option" without group`}},
	} {
		machine := machinetest.New(t, strings.Replace(secondary, secondary[strings.Index(secondary, "beside"):strings.Index(secondary, "\nmembers")], row.beside, 1))
		machine.Help = row.help
		status, err := config.ask(t.Context(), machine)
		if diff := cmp.Diff(row.want, status.Next); diff != "" || err != nil {
			t.Errorf("%s: %v %s", name, err, diff)
		}
		_, refusal := provision.Operations(config.besides(status))
		if (refusal != nil) != (row.want.Error != "") || refusal != nil && !strings.Contains(refusal.Error(), row.want.Error) {
			t.Errorf("%s: refused for %v", name, refusal)
		}
	}
}
