// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Two members go down at once and come back, while the third holds the group of
// before and has no majority. Nobody has to decide anything: all answer, so the
// plan says what is the matter and the apply goes on from the one that has all.
func TestQuorumComesBack(t *testing.T) {
	f := stand(t)
	third := f.primary()
	f.sql(third, "CREATE DATABASE IF NOT EXISTS quorum; CREATE TABLE IF NOT EXISTS quorum.t (id INT PRIMARY KEY); REPLACE INTO quorum.t VALUES (1)")
	others := slices.DeleteFunc([]string{"hk1", "hk2", "sg1"}, func(host string) bool { return host == third })
	// The guardians would do the same before anybody could plan.
	for _, host := range databases {
		f.on(host, "systemctl stop atoll-guardian")
	}
	f.sql(third, "SET GLOBAL group_replication_unreachable_majority_timeout = 0") // it would give its view up before anybody could plan
	for _, host := range others {
		f.on(host, "systemctl kill --signal=KILL mysql")
	}
	f.eventually(third+" has no majority and the others answer", time.Minute, func() bool {
		got, err := f.try(third, `mysql -N -B -e "SELECT COUNT(*) FROM performance_schema.replication_group_members WHERE member_state = 'UNREACHABLE'"`)
		for _, host := range others {
			if _, down := f.try(host, "mysql -e 'SELECT 1'"); down != nil {
				return false
			}
		}
		return err == nil && got == "2"
	})
	plan := f.plan()
	sentence := slices.IndexFunc(plan.Drift["atoll_mysql_cluster.main"], func(line string) bool { return strings.HasPrefix(line, "cluster main: NO_QUORUM: ") })
	if sentence != 0 {
		t.Errorf("want the state first, got %s", plan)
	}
	if !strings.Contains(plan.Text, "apply will go on from "+third) {
		t.Errorf("the plan does not say what the apply does: %s", plan.Text)
	}
	begun := time.Now()
	f.must(f.terraform.ApplyPlan(f.Context()))
	t.Logf("the apply took %s", time.Since(begun).Round(time.Second))
	f.inSync()
	f.whole()
	if got := f.sql(others[0], "SELECT id FROM quorum.t"); got != "1" {
		t.Errorf("after the outage: %q", got)
	}
}

// Two of three members are gone for good. The third one goes on where a person
// says so, in the change that declares the two lost, and not without; machines that
// take their place get the data from it.
func TestSurvivorsGoOn(t *testing.T) {
	f := stand(t)
	f.sql(f.primary(), "CREATE DATABASE IF NOT EXISTS survived; CREATE TABLE IF NOT EXISTS survived.t (id INT PRIMARY KEY); REPLACE INTO survived.t VALUES (1)")
	f.pull("hk1")
	f.pull("hk2")
	f.eventually("sg1 has no majority", time.Minute, func() bool {
		return f.sql("sg1", "SELECT COUNT(*) FROM performance_schema.replication_group_members WHERE member_state = 'UNREACHABLE'") == "2"
	})
	without := func(nodes, all map[string]any) {
		delete(nodes, "hk1")
		delete(nodes, "hk2")
		all["lost"] = []string{"203.0.113.11", "203.0.113.12"}
	}
	f.variables(without)
	if err := f.terraform.Apply(f.Context()); err == nil || !strings.Contains(flat(err.Error()), "declare quorum_survivors") {
		t.Errorf("want a refusal that says what a person decides, got %v", err)
	}
	word := filepath.Join(f.terraform.Dir, "survivors_override.tf")
	f.must(os.WriteFile(word, []byte("resource \"atoll_mysql_cluster\" \"main\" {\n  quorum_survivors = [\"sg1\"]\n}\n"), 0o600))
	t.Cleanup(func() { _ = os.Remove(word) })
	f.apply()
	if got := f.sql("sg1", "REPLACE INTO survived.t VALUES (2); SELECT GROUP_CONCAT(id) FROM survived.t"); got != "1,2" {
		t.Errorf("the survivor holds %q", got)
	}
	if plan := f.plan(); !strings.Contains(plan.Text, "The Group Has Its Quorum") {
		t.Errorf("nobody says that quorum_survivors has to go: %s", plan.Text)
	}
	f.must(os.Remove(word))
	f.must(f.lab.Rebuild(f.Context(), "hk1"))
	f.must(f.lab.Rebuild(f.Context(), "hk2"))
	f.variables(func(_, _ map[string]any) {})
	f.apply()
	f.inSync()
	f.whole()
	if got := f.sql("hk1", "SELECT GROUP_CONCAT(id) FROM survived.t"); got != "1,2" {
		t.Errorf("the newcomer holds %q", got)
	}
}
