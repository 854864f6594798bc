// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package guardian

import (
	"slices"
	"testing"
)

// What goes on inside of Group Replication shows by its threads, as MySQL 9.7.4
// has them.
func TestThreadsSayWhatGoesOn(t *testing.T) {
	const delayed, certifier, rejoining, xcom = "THD_delayed_initialization", "THD_certifier_broadcast", "THD_autorejoin", "THD_Gcs_xcom_control::m_xcom_thread"
	for _, row := range []struct {
		name, state                string
		threads                    []string
		starting, rejoins, attempt bool
	}{
		{"at boot", "OFFLINE", []string{delayed, certifier}, true, false, false},
		{"at boot, early", "OFFLINE", []string{delayed}, true, false, false},
		{"by START GROUP_REPLICATION", "OFFLINE", []string{certifier, xcom}, true, false, false},
		{"nothing", "OFFLINE", nil, false, false, false},
		{"expelled, and no tries", "ERROR", []string{certifier}, false, false, false},
		{"between its tries", "ERROR", []string{certifier, rejoining}, false, true, false},
		{"in a try", "ERROR", []string{certifier, rejoining, xcom}, false, true, true},
		{"a member", "ONLINE", []string{certifier, xcom}, false, false, false},
	} {
		answer := said{Facts: member(row.state), Threads: row.threads, Seeds: " 10.0.0.2:3306,10.0.0.3:3306 "}
		got := answer.facts()
		if got.Starting != row.starting || got.Rejoining != row.rejoins || got.Trying != row.attempt {
			t.Errorf("%s: starting %v, rejoining %v, trying %v", row.name, got.Starting, got.Rejoining, got.Trying)
		}
		if !slices.Equal(got.Seeds, []string{"10.0.0.2:3306", "10.0.0.3:3306"}) || got.Protocol != Protocol {
			t.Errorf("%s: %+v", row.name, got)
		}
	}
}
