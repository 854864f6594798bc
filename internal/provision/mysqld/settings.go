// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Setting is one line of the settings file.
type Setting struct {
	// Name in the form of the server's variables, with underscores.
	Name, Value string
}

// required are the settings that InnoDB Cluster needs of this very version. The
// sources are the manual's Group Replication requirements and the checks of
// MySQL Shell; what a version has as its fixed default is not written.
func (c Config) required() []Setting {
	list := []Setting{
		{"server_id", strconv.FormatInt(c.ServerID, 10)},
		{"port", strconv.Itoa(c.Port)},
		{"bind_address", c.Address},
		{"mysqlx", "OFF"},
		{"report_host", c.Address},
		{"report_port", strconv.Itoa(c.Port)},
		{"enforce_gtid_consistency", "ON"},
		{"gtid_mode", "ON"},
		{"disabled_storage_engines", "MyISAM,BLACKHOLE,FEDERATED,ARCHIVE,MEMORY"},
		{"persisted_globals_load", "ON"},
		{"plugin_load_add", "group_replication.so;mysql_clone.so"},
		// The cluster persists ON once the server is a member.
		{"loose_group_replication_start_on_boot", "OFF"},
	}
	if c.Version.Known() && c.Version.Before(8, 3, 0) {
		list = append(list, Setting{"replica_parallel_type", "LOGICAL_CLOCK"}, Setting{"replica_preserve_commit_order", "ON"})
	}
	if c.Version.Known() && c.Version.Before(8, 4, 0) {
		list = append(list, Setting{"binlog_transaction_dependency_tracking", "WRITESET"})
	}
	return list
}

// refused are further names that the user cannot set, with the reason.
var refused = map[string]string{
	"datadir":                       "Atoll keeps the distribution's datadir",
	"socket":                        "Atoll administers the server over the distribution's socket",
	"log_bin":                       "the cluster needs the binary log",
	"skip_log_bin":                  "the cluster needs the binary log",
	"disable_log_bin":               "the cluster needs the binary log",
	"binlog_format":                 "the cluster needs row events, which is the default",
	"log_replica_updates":           "the cluster needs it on, which is the default",
	"log_slave_updates":             "the cluster needs it on, which is the default",
	"performance_schema":            "Atoll reads the group's state from it",
	"skip_networking":               "the members reach each other over the network",
	"skip_grant_tables":             "everybody could log in",
	"super_read_only":               "the group sets it by the member's role",
	"read_only":                     "the group sets it by the member's role",
	"innodb_page_size":              "it is fixed when the datadir is made",
	"binlog_do_db":                  "a group cannot replicate a part of the data",
	"binlog_ignore_db":              "a group cannot replicate a part of the data",
	"mysqlx_bind_address":           "the X protocol is off",
	"admin_address":                 "the server listens on the mesh address and the local socket only",
	"init_file":                     "Atoll keeps no statements outside of its resources",
	"user":                          "the distribution's unit sets it",
	"default_authentication_plugin": "accounts of the cluster need caching_sha2_password, which is the default",
}

// clusterOptions are attributes of atoll_mysql_cluster.
var clusterOptions = []string{
	"group_replication_group_name", "group_replication_local_address", "group_replication_group_seeds", "group_replication_communication_stack",
	"group_replication_bootstrap_group", "group_replication_ssl_mode", "group_replication_recovery_use_ssl",
	"group_replication_single_primary_mode", "group_replication_enforce_update_everywhere_checks", "group_replication_paxos_single_leader",
	"group_replication_member_expel_timeout", "group_replication_unreachable_majority_timeout", "group_replication_autorejoin_tries",
	"group_replication_consistency", "group_replication_exit_state_action", "group_replication_transaction_size_limit",
}

// normalName is the form in which MySQL takes all spellings of an option for one.
func normalName(name string) string {
	name = strings.ReplaceAll(strings.ToLower(strings.TrimSpace(name)), "-", "_")
	return strings.TrimPrefix(name, "loose_")
}

// CheckSettings finds what the user may not set, all of it at once. It needs no
// host, so it speaks at plan time.
func CheckSettings(settings map[string]string) []error {
	reasons := maps.Clone(refused)
	for _, setting := range (Config{}).required() {
		reasons[normalName(setting.Name)] = "the cluster needs its own value"
	}
	for _, name := range clusterOptions {
		reasons[name] = "it is an attribute of atoll_mysql_cluster"
	}
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		reason, taken := reasons[normalName(name)]
		switch {
		case taken:
			problems = append(problems, fmt.Errorf("settings[%q] cannot be set: %s. Remove it", name, reason))
		case strings.HasPrefix(normalName(name), "replicate_"):
			problems = append(problems, fmt.Errorf("settings[%q] cannot be set: a group cannot replicate a part of the data. Remove it", name))
		case strings.ContainsAny(name, " \t\n=[]#") || name == "":
			problems = append(problems, fmt.Errorf("settings[%q] is not the name of a setting: use letters, digits and underscores", name))
		case strings.ContainsAny(settings[name], "\n\r"):
			problems = append(problems, fmt.Errorf("settings[%q] holds a line break: write its value in one line", name))
		}
	}
	return problems
}

// Settings is the whole content of the file: what the cluster needs, what is
// sized to the machine, what is sensible on such sites, and the user's own,
// which win over the last two.
func (c Config) Settings() []Setting {
	own := map[string]string{}
	for name, value := range c.Own {
		own[normalName(name)] = value
	}
	list := c.required()
	for _, setting := range append(c.sized(), Setting{"skip_name_resolve", "ON"}, Setting{"binlog_expire_logs_seconds", "604800"}) {
		if _, set := own[normalName(setting.Name)]; !set {
			list = append(list, setting)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(own)) {
		list = append(list, Setting{name, own[name]})
	}
	return list
}

// file is the settings file.
func (c Config) file() []byte {
	var text strings.Builder
	text.WriteString("# Written by Atoll: edits are taken back by the next apply.\n[mysqld]\n")
	for _, setting := range c.Settings() {
		fmt.Fprintf(&text, "%s = %s\n", setting.Name, setting.Value)
	}
	return []byte(text.String())
}
