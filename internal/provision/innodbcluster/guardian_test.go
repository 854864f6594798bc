// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
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
