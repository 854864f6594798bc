// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atollhq/terraform-provider-atoll/internal/converge/convergetest"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// When a router was there last stands in its row, or beside it.
func TestCheckInsAreRead(t *testing.T) {
	c := three()
	seen := grouped(c, "a", "a")
	seen.Routers = []Router{{ID: 1, Seen: 5}, {ID: 2, Seen: 7}, {ID: 3}}
	text := strings.Replace(answerOf(t, seen, c.Members["a"]), "check_ins\t{}", `check_ins	{"1": 1764109200, "2": 3, "9": 4}`, 1) + "guarded\ttrue\nnetworks\t{}\ncertificate\t{}\ntrust\t{}\nlogin\t\"yes\"\n"
	got, err := readObservation(text)
	if diff := cmp.Diff([]Router{{ID: 1, Seen: 1764109200}, {ID: 2, Seen: 7}, {ID: 3}}, got.Routers); err != nil || diff != "" || got.Now != 1764109200 {
		t.Errorf("%v, now %d\n%s", err, got.Now, diff)
	}
	if last := got.Routers[0].LastSeen(); !got.Routers[2].LastSeen().IsZero() || last.Format("2006-01-02") != "2025-11-25" {
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
