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

const routersAnswer = `routers	[{"id": 2, "cluster": "id", "name": "", "address": "b", "version": "9.7.4", "seen": 0, "rw": "", "ro": "", "split": ""}, {"id": 1, "cluster": "id", "name": "atoll", "address": "a", "version": "9.7.4", "seen": 5, "rw": "6446", "ro": "6447", "split": "6450"}]
seen	{"1": 1764109200, "7": 3}
end	true
`

func TestRoutersAreRead(t *testing.T) {
	convergetest.FailsClosed(t, routersQuestion(), routersAnswer, "routers\tNULL\nseen\tNULL\nend\ttrue\n", "unit\t\"inactive\"\nend\ttrue\n")
	routers, err := readRouters(routersAnswer)
	want := []Router{
		{ID: 1, Cluster: "id", Name: "atoll", Address: "a", Version: "9.7.4", ReadWrite: "6446", ReadOnly: "6447", ReadWriteSplit: "6450", Seen: 1764109200},
		{ID: 2, Cluster: "id", Address: "b", Version: "9.7.4"},
	}
	if diff := cmp.Diff(want, routers); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	if !routers[1].LastSeen().IsZero() || routers[0].LastSeen().Format("2006-01-02") != "2025-11-25" {
		t.Errorf("%v, %v", routers[0].LastSeen(), routers[1].LastSeen())
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
