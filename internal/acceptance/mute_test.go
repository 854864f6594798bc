// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// A member's mysqld takes connections and never answers. The plan says so of it within
// bounds and stands for all others; the apply ends, names the member and what helps; and
// once it goes on, nobody has to do anything.
func TestMemberThatHangs(t *testing.T) {
	f := stand(t)
	host := f.secondary()
	server := `atoll_mysql_server.database["` + host + `"]`
	f.afterwards(host, "pkill -CONT -x mysqld")
	f.on(host, "pkill -STOP -x mysqld")
	begun := time.Now()
	plan := f.plan()
	t.Logf("the plan took %s: %q", time.Since(begun).Round(time.Second), plan.Lines())
	says := func(address, of string) bool {
		return slices.ContainsFunc(plan.Drift[address], func(line string) bool {
			return strings.Contains(line, of) && strings.Contains(line, "it runs and does not answer: mysqld takes connections and says nothing")
		})
	}
	if !says(server, "not asked: ") || !says("atoll_mysql_cluster.main", host+": not asked: ") {
		t.Errorf("nobody says that %s hangs: %s", host, plan)
	}
	if took := time.Since(begun); took > 3*time.Minute {
		t.Errorf("the plan took %s", took)
	}
	begun = time.Now()
	err := f.terraform.Apply(f.Context())
	t.Logf("the apply took %s: %v", time.Since(begun).Round(time.Second), err)
	if err == nil || !strings.Contains(flat(err.Error()), "it runs and does not answer") || !strings.Contains(flat(err.Error()), "systemctl restart mysql.service") {
		t.Errorf("want an error that says what hangs, and what helps, got %v", err)
	}
	if took := time.Since(begun); took > 5*time.Minute {
		t.Errorf("the apply took %s", took)
	}
	f.on(host, "pkill -CONT -x mysqld")
	f.eventually("all members are online", 2*time.Minute, f.allOnline)
	f.inSync()
}
