// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysql

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqld"
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
