// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysql

import (
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqld"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// What runs is shown as it is declared, whatever an earlier release has written; an apply
// gives back what was planned where that is the same version.
func TestVersionThatRunsIsShownAsDeclared(t *testing.T) {
	for _, row := range []struct{ was, runs, refreshed, applied string }{
		{"", "9.7.4-2", "9.7.4", "9.7.4"},
		{"9.7.4", "9.7.4-2", "9.7.4", "9.7.4"},
		{"9.7.4-2", "9.7.4-2", "9.7.4", "9.7.4-2"},
		{"9.7.4-2", "9.7.4-3", "9.7.4", "9.7.4-2"},
		{"9.7.4", "9.7.5-1", "9.7.5", "9.7.5"},
		{"9.7.4-2", "8.0.40-0ubuntu0.22.04.1", "8.0.40", "8.0.40"},
	} {
		refreshed, applied := serverModel{Version: types.StringValue(row.was)}, serverModel{Version: types.StringValue(row.was)}
		status := mysqld.Status{Answers: true, Version: row.runs}
		refreshed.read(status)
		applied.readAfter(status)
		if refreshed.Version.ValueString() != row.refreshed || applied.Version.ValueString() != row.applied {
			t.Errorf("%+v: %s after a refresh, %s after an apply", row, refreshed.Version, applied.Version)
		}
		if err := mysqld.IsVersion(refreshed.Version.ValueString()); err != nil {
			t.Errorf("%s cannot be declared: %v", refreshed.Version, err)
		}
	}
	silent := serverModel{Version: types.StringValue("9.7.4")}
	if silent.read(mysqld.Status{}); silent.Version.ValueString() != "9.7.4" {
		t.Errorf("of one that does not answer: %s", silent.Version)
	}
}

// A server shows when it was created, for as long as it is not created again; of one of
// which nobody noted it nothing is made up.
func TestCreationStays(t *testing.T) {
	standing := serverModel{Node: base.Node{Connection: base.ConnectionFor(remote.Target{Host: "203.0.113.11"})}}
	now := time.Date(2026, 11, 28, 14, 5, 22, 123456789, time.FixedZone("", 3600))
	for _, row := range []struct {
		name          string
		state         *serverModel
		planned, made types.String
	}{
		{"new, or replaced", nil, types.StringUnknown(), types.StringValue("2026-11-28T13:05:22.123Z")},
		{"as it is", &serverModel{Member: standing.member(types.StringValue("earlier"))}, types.StringValue("earlier"), types.StringValue("earlier")},
		{"of an earlier release", &serverModel{Member: types.ObjectNull(exportedTypes())}, types.StringNull(), types.StringNull()},
	} {
		planned := planCreated(row.state)
		if made := createdAt(planned, now); !planned.Equal(row.planned) || !made.Equal(row.made) {
			t.Errorf("%s: planned %s, made %s", row.name, planned, made)
		}
	}
}
