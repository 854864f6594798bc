// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package guardian

import (
	"database/sql/driver"
	"strings"
	"sync/atomic"
	"testing"
)

// At the port of the XCOM stack a session that waits for a greeting keeps everybody
// else out: no guardian begins one there, and one whose group went over ends its own.
func TestNobodySpeaksToXCOM(t *testing.T) {
	var dialled atomic.Int32
	peers := NewPeers(&Server{})
	peers.connector = func(string, account) (driver.Connector, error) {
		dialled.Add(1)
		return nil, errOver
	}
	facts := member("ONLINE", "ONLINE", "ONLINE")
	facts.Seeds = []string{"10.0.0.1:33061", "10.0.0.2:33061", "10.0.0.3:33061"}
	if got := len(peers.to(facts)); got != 3 {
		t.Errorf("%d sessions on the MYSQL stack, want 3", got)
	}
	facts.Stack = "XCOM"
	peers.Report(t.Context(), facts)
	if left := len(peers.lines); left != 0 || dialled.Load() != 0 {
		t.Errorf("%d sessions are left, %d were begun", left, dialled.Load())
	}
	for _, states := range [][]string{{"ONLINE", "UNREACHABLE", "ONLINE"}, {"OFFLINE"}, {"ONLINE", "ONLINE", "ONLINE"}} {
		self := member(states...)
		self.Stack, self.Boots, self.Placed, self.Wanted = "XCOM", true, true, true
		self.Registered = []Registration{{self.ID, self.Endpoint}}
		if got := Decide(Observed{Self: self, Silent: []string{"10.0.0.2:33061"}}); got.Deed != Nothing || !strings.Contains(got.Why, "speak XCOM") {
			t.Errorf("%v: %+v", states, got)
		}
	}
}
