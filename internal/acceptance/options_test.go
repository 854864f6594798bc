// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What a server's settings say of its group and of clones, the same on all members or
// not: each can differ between them, and MySQL takes it while it runs.
var (
	groupSettings = map[string]any{
		"group_replication_flow_control_mode": "DISABLED", "group_replication_flow_control_applier_threshold": "30000",
		"group_replication_components_stop_timeout": "200", "group_replication_recovery_retry_count": "5",
		"clone_max_network_bandwidth": "80", "clone_max_data_bandwidth": "90",
	}
	groupSettingsRead = "SELECT CONCAT_WS(' ', @@group_replication_flow_control_mode, @@group_replication_flow_control_applier_threshold, @@group_replication_components_stop_timeout, @@group_replication_recovery_retry_count, @@clone_max_network_bandwidth, @@clone_max_data_bandwidth)"
)

const groupSettingsWant = "DISABLED 30000 200 5 80 90"

// optionsOfGroup are options of the group and of its members, as a site declares them.
const optionsOfGroup = `  weights                      = { hk1 = 60, hk2 = 70 }
  consistency                  = "EVENTUAL"
  exit_state_action            = "OFFLINE_MODE"
  expel_timeout                = 2
  autorejoin_tries             = 7
  unreachable_majority_timeout = 30
  transaction_size_limit       = 100000000
`

// optionsRead are they as the options() of MySQL Shell reads them: what a member runs with,
// and the metadata's own. While a guardian brings it in, its tries are those persisted.
const optionsRead = `SELECT CONCAT_WS(' ', @@group_replication_member_weight, @@group_replication_message_cache_size, @@group_replication_consistency, @@group_replication_exit_state_action,
 @@group_replication_member_expel_timeout, (SELECT variable_value FROM performance_schema.persisted_variables WHERE variable_name = 'group_replication_autorejoin_tries'),
 @@group_replication_unreachable_majority_timeout, @@group_replication_transaction_size_limit, (SELECT attributes ->> '$.opt_transactionSizeLimit' FROM mysql_innodb_cluster_metadata.clusters))`

var optionsWant = map[string]string{
	"hk1": "60 268435456 EVENTUAL OFFLINE_MODE 2 7 30 100000000 100000000",
	"hk2": "70 201326592 EVENTUAL OFFLINE_MODE 2 7 30 100000000 100000000",
	"sg1": "50 268435456 EVENTUAL OFFLINE_MODE 2 7 30 100000000 100000000",
}

// Options of a standing group are set while it runs, on all members or on one, and are
// there again when a member was restarted.
func TestOptionsOfAGroup(t *testing.T) {
	f := stand(t)
	main := filepath.Join(f.terraform.Dir, "main.tf")
	before, err := os.ReadFile(main)
	f.must(err)
	t.Cleanup(func() { _ = os.WriteFile(main, before, 0o600) })
	const cluster, settings = "resource \"atoll_mysql_cluster\" \"main\" {\n", "settings = var.mysql_settings"
	f.must(os.WriteFile(main, []byte(strings.NewReplacer(cluster, cluster+optionsOfGroup,
		settings, `settings = merge(var.mysql_settings, each.key == "hk2" ? { group_replication_message_cache_size = "192M" } : {})`).Replace(string(before))), 0o600))
	f.variables(func(_, all map[string]any) { all["mysql_settings"] = groupSettings })
	process := func() (all string) {
		for _, host := range databases {
			all += f.on(host, "pidof mysqld") + " "
		}
		return all
	}
	held := func(when string) {
		f.Helper()
		for _, host := range databases {
			if got := f.sql(host, groupSettingsRead); got != groupSettingsWant {
				f.Errorf("%s: %s runs with %q, want %q", when, host, got, groupSettingsWant)
			}
			if got := f.sql(host, optionsRead); got != optionsWant[host] {
				f.Errorf("%s: %s runs with %q, want %q", when, host, got, optionsWant[host])
			}
		}
	}
	running := process()
	f.apply()
	if now := process(); now != running {
		f.Errorf("servers were restarted: %s, and now %s", running, now)
	}
	held("set while it runs")
	f.inSync()
	f.on("hk2", "systemctl restart mysql")
	f.eventually("hk2 is back", 2*time.Minute, func() bool { return f.sql("hk2", online) == "3" })
	held("restarted")
	f.inSync()

	f.must(os.WriteFile(main, before, 0o600))
	f.variables(func(_, _ map[string]any) {})
	f.apply()
	f.inSync()
}
