// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysql

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/innodbcluster"
)

func TestRoutersOfACluster(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]*innodbcluster.DeclaredRouter{
		"203.0.113.21":          {Address: "203.0.113.21", Name: "atoll", Account: "mysql_router_203_0_113_21"},
		"203.0.113.21/second":   {Address: "203.0.113.21", Name: "atoll-second", Account: "mysql_router_203_0_113_21_second"},
		"2001:db8::1":           {Address: "2001:db8::1", Name: "atoll", Account: "mysql_router_2001_db8__1"},
		"routerhost2::":         {Address: "routerhost2"},
		"2001:db8::1::system":   {Address: "2001:db8::1", Name: "system"},
		"app7.example.org::sys": {Address: "app7.example.org", Name: "sys"},
		"203.0.113.21/Second":   nil,
		"a b":                   nil,
		"a\x1b[2J::b":           nil,
		"::system":              nil,
		"/second":               nil,
	} {
		err := checkRouter(value)
		if (err == nil) != (want != nil) {
			t.Errorf("%q: %v", value, err)
		}
		if want == nil {
			continue
		}
		got := declaredRouters(types.SetValueMust(types.StringType, []attr.Value{types.StringValue(value)}))
		if diff := cmp.Diff([]innodbcluster.DeclaredRouter{*want}, got); diff != "" {
			t.Errorf("%q:\n%s", value, diff)
		}
	}
	if got := declaredRouters(types.SetNull(types.StringType)); got != nil {
		t.Errorf("undeclared: %v", got)
	}
	if got := declaredRouters(types.SetValueMust(types.StringType, nil)); got == nil || len(got) != 0 {
		t.Errorf("none: %#v", got)
	}
	if got := declaredRouters(types.SetValueMust(types.StringType, []attr.Value{types.StringUnknown()})); got != nil {
		t.Errorf("unknown: %v", got)
	}
}
