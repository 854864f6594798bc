// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysql

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
)

// Silent ports are the router's own matter only while there is somewhere to lead
// to; what else differs always is.
func TestSilentPortsOfAClusterWithoutAPrimary(t *testing.T) {
	silent := converge.Line{Subject: "port 6446", Code: converge.CodeSilent, Text: "nothing listens"}
	edited := converge.Line{Subject: "file /etc/atoll-router/mysqlrouter.conf", Code: converge.CodeContent, Text: "content differs"}
	drift := []converge.Line{silent, edited}
	if diff := cmp.Diff(drift, blameless(drift, "hk1")); diff != "" {
		t.Errorf("with a primary:\n%s", diff)
	}
	if diff := cmp.Diff([]converge.Line{edited}, blameless(drift, "")); diff != "" {
		t.Errorf("without one:\n%s", diff)
	}
}
