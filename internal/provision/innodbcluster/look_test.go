// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atollhq/terraform-provider-atoll/internal/converge/convergetest"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

func TestCheckInsAreRead(t *testing.T) {
	convergetest.FailsClosed(t, checkInsQuestion(), "seen\t{\"1\": 1764109200, \"7\": 3}\nend\ttrue\n", "seen\tNULL\nend\ttrue\n", "unit\t\"inactive\"\nend\ttrue\n")
	seen, err := readCheckIns("seen\t{\"1\": 1764109200, \"7\": 3}\nend\ttrue\n")
	if diff := cmp.Diff(map[int64]int64{1: 1764109200, 7: 3}, seen); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	if last := (Router{Seen: 1764109200}).LastSeen(); !(Router{}).LastSeen().IsZero() || last.Format("2006-01-02") != "2025-11-25" {
		t.Errorf("%v", last)
	}
}

// Nobody who could be asked is no error: it is what is said.
func TestLookAtSilence(t *testing.T) {
	c := Cluster{Name: "main", Members: map[string]Member{"a": {Address: "10.0.0.1", Port: 3306}}}
	looked := Look(context.Background(), c, map[string]remote.Host{"a": convergetest.Says{ExitCode: 1}})
	if looked.State != StateUnknown || looked.Members["a"].State != "UNKNOWN" || looked.Seen["a"].Err == nil || looked.Truth == "" {
		t.Errorf("%+v", looked)
	}
}
