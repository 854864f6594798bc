// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysql

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/innodbcluster"
)

// Who led before is not taken for gone where nobody could be asked.
func TestPrimaryOfAClusterThatIsNotAsked(t *testing.T) {
	for _, row := range []struct {
		before    types.String
		diagnosis innodbcluster.Diagnosis
		want      string
	}{
		{types.StringValue("hk1"), innodbcluster.Diagnosis{Unasked: true}, "hk1"},
		{types.StringValue("hk1"), innodbcluster.Diagnosis{}, ""},
		{types.StringValue("hk1"), innodbcluster.Diagnosis{Primary: "hk2"}, "hk2"},
		{types.StringNull(), innodbcluster.Diagnosis{Unasked: true}, ""},
	} {
		model := clusterModel{Members: types.MapNull(memberType()), Primary: row.before}
		model.read(row.diagnosis)
		if model.Primary.IsNull() || model.Primary.ValueString() != row.want {
			t.Errorf("after %s: %s, want %q", row.before, model.Primary, row.want)
		}
	}
}
