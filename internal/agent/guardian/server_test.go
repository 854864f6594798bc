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
		leaving                    bool
	}{
		{"at boot", "OFFLINE", []string{delayed, certifier}, true, false, false, false},
		{"at boot, early", "OFFLINE", []string{delayed}, true, false, false, false},
		{"by START GROUP_REPLICATION", "OFFLINE", []string{certifier, xcom}, true, false, false, false},
		{"nothing", "OFFLINE", nil, false, false, false, false},
		{"expelled, and no tries", "ERROR", []string{certifier}, false, false, false, false},
		{"on its way out", "ERROR", []string{certifier, xcom}, false, false, false, true},
		{"between its tries", "ERROR", []string{certifier, rejoining}, false, true, false, false},
		{"in a try", "ERROR", []string{certifier, rejoining, xcom}, false, true, true, false},
		{"a member", "ONLINE", []string{certifier, xcom}, false, false, false, false},
	} {
		answer := said{Facts: member(row.state), Threads: row.threads, Seeds: " 10.0.0.2:3306,10.0.0.3:3306 "}
		got := answer.facts()
		if got.Starting != row.starting || got.Rejoining != row.rejoins || got.Trying != row.attempt || got.Leaving != row.leaving {
			t.Errorf("%s: starting %v, rejoining %v, trying %v, leaving %v", row.name, got.Starting, got.Rejoining, got.Trying, got.Leaving)
		}
		if got.Wanted || got.Placed || got.Tried {
			t.Errorf("%s: %+v", row.name, got)
		}
		if !slices.Equal(got.Seeds, []string{"10.0.0.2:3306", "10.0.0.3:3306"}) || got.Protocol != Protocol {
			t.Errorf("%s: %+v", row.name, got)
		}
	}
}

// A member is wanted when MySQL would start it at boot, or when it has a place in a
// group that nobody has taken back.
func TestWhoIsWanted(t *testing.T) {
	for _, row := range []struct {
		boots  bool
		place  string
		wanted bool
	}{{true, "", true}, {true, "10.0.0.1:3306", true}, {false, "10.0.0.1:3306", true}, {false, "", false}} {
		if got := (said{Facts: Facts{Boots: row.boots}, Place: row.place, Starts: 1}).facts(); got.Wanted != row.wanted || got.Placed != (row.place != "") || !got.Tried {
			t.Errorf("%+v: %+v", row, got)
		}
	}
}
