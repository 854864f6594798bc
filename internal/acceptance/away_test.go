// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"strings"
	"testing"
	"time"
)

// A member does not leave while another one is away: the run waits, and refuses when that
// stays away. It holds nothing that the one needs to come back, which its guardian does
// meanwhile, and then the run goes on: at no moment there is one copy left.
func TestAwayWhileAnotherLeaves(t *testing.T) {
	f := stand(t)
	if f.primary() != "hk1" {
		f.handOver("hk1")
	}
	run := []string{"apply", "-auto-approve", "-no-color", "-refresh=false", `-target=atoll_mysql_server.database["sg1"]`}
	f.variables(func(nodes, _ map[string]any) { delete(nodes, "sg1") })
	f.pull("hk2")
	f.expelled("hk1")
	refused, output, err := f.terraform.Start(run...)
	f.must(err)
	if err := refused.Wait(); err == nil || !strings.Contains(flat(output.String()), "not all other members of its group are online: 10.77.0.12:3306 MISSING") {
		t.Errorf("without hk2 the run says %v:\n%s", err, output)
	}
	if got := f.sql("hk1", online); got != "2" {
		t.Fatalf("after the refusal %s members are online, want 2", got)
	}
	waiting, output, err := f.terraform.Start(run...)
	f.must(err)
	f.eventually("the server is to leave", 2*time.Minute, func() bool { return strings.Contains(output.String(), "Destroying...") })
	f.must(f.lab.PlugIn(t.Context(), "hk2"))
	if err := waiting.Wait(); err != nil {
		t.Errorf("with hk2 back the run says %v:\n%s", err, output)
	}
	if got := f.sql("hk1", "SELECT GROUP_CONCAT(member_host, ' ', member_state ORDER BY member_host) FROM performance_schema.replication_group_members"); got != "10.77.0.11 ONLINE,10.77.0.12 ONLINE" {
		t.Errorf("when the server has left, the group is %s", got)
	}
	f.declare(nil)
	f.apply()
	f.inSync()
	f.whole()
}
