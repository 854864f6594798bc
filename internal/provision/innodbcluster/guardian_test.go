// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"errors"
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
)

// A plan says once why the guardians have not brought a group back.
func TestPlanShowsWhyGuardiansRefuse(t *testing.T) {
	c := Cluster{Name: "main", Members: map[string]Member{"a": {Address: "10.0.0.1", Port: 3306, ServerID: 1}, "b": {Address: "10.0.0.2", Port: 3306, ServerID: 2}}}
	seen := map[string]Observation{}
	for key, member := range c.Members {
		seen[key] = Observation{Answers: true, UUID: key, Endpoint: member.Endpoint(), Version: "9.7.4", Guardian: "nothing is heard of 10.0.0.3:3306", Variables: map[string]string{"group_replication_group_name": "g"}}
	}
	text := strings.Join(converge.Texts(Diagnose(c, seen).Drift()), "\n")
	if want := "; the guardian of a does nothing: nothing is heard of 10.0.0.3:3306"; strings.Count(text, want) != 1 || strings.Contains(text, "guardian of b") {
		t.Errorf("the drift is:\n%s", text)
	}
}

// The start at boot may be the guardian's where one is, and is MySQL's where none is.
func TestStartAtBootIsTheGuardians(t *testing.T) {
	c := three()
	for _, row := range []struct {
		guarded bool
		is      string
		want    string
	}{
		{true, "OFF", ""}, {true, "ON", ""}, {false, "ON", ""},
		{false, "OFF", "b: variable group_replication_start_on_boot: is OFF, want ON"},
	} {
		seen := standing(c)
		one := seen["b"]
		one.Guarded, one.Variables["group_replication_start_on_boot"] = row.guarded, row.is
		seen["b"] = one
		diagnosis := Diagnose(c, seen)
		if text := strings.Join(converge.Texts(diagnosis.Drift()), "; "); text != row.want {
			t.Errorf("%+v: %q", row, text)
		}
		if operations, err := diagnosis.Operations(); err != nil || (len(operations) == 1) != (row.want != "") {
			t.Errorf("%+v: %v, %v", row, operations, err)
		}
	}
}

// A guardian keeps MySQL from trying to rejoin while it is there. What is declared is
// persisted beside that, and counts where no guardian is.
func TestTriesAreTheGuardians(t *testing.T) {
	c := three()
	for _, row := range []struct {
		guarded       bool
		is, persisted string
		want          string
	}{
		{true, "0", "3", ""}, {true, "3", "3", ""}, {false, "3", "3", ""},
		{true, "0", "5", "b: variable group_replication_autorejoin_tries: is 0, want 3"},
		{true, "0", "", "b: variable group_replication_autorejoin_tries: is 0, want 3"},
		{true, "7", "3", "b: variable group_replication_autorejoin_tries: is 7, want 3"},
		{false, "0", "3", "b: variable group_replication_autorejoin_tries: is 0, want 3"},
	} {
		seen := standing(c)
		one := seen["b"]
		one.Guarded, one.Variables["group_replication_autorejoin_tries"] = row.guarded, row.is
		one.Persisted["group_replication_autorejoin_tries"] = row.persisted
		seen["b"] = one
		diagnosis := Diagnose(c, seen)
		if text := strings.Join(converge.Texts(diagnosis.Drift()), "; "); text != row.want {
			t.Errorf("%+v: %q", row, text)
		}
		if operations, err := diagnosis.Operations(); err != nil || (len(operations) == 1) != (row.want != "") {
			t.Errorf("%+v: %v, %v", row, operations, err)
		}
	}
}

// A member whose guardian starts it at boot has not left its cluster while that is
// down, so nothing of it is erased for another one.
func TestGuardedMemberThatIsDownHasNotLeft(t *testing.T) {
	c := three()
	down := fresh(c, "c")
	down.Clusters, down.Instances = []ClusterRow{{Name: "theirs"}}, []InstanceRow{{UUID: "uuid-c"}}
	down.Variables["group_replication_start_on_boot"] = "OFF"
	if !down.left() {
		t.Error("it has no place in a group, and did not leave")
	}
	down.Persisted = map[string]string{"group_replication_local_address": "10.0.0.3:3306"}
	if down.left() {
		t.Error("it has a place in its group, and left")
	}
	seen := standing(c)
	seen["c"] = down
	for _, key := range []string{"a", "b"} {
		one := seen[key]
		one.View = one.View[:2]
		seen[key] = one
	}
	if _, err := Diagnose(c, seen).Operations(); !errors.Is(err, ErrForeign) {
		t.Errorf("a member of another cluster: %v", err)
	}
}
