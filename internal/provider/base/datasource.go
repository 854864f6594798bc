// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package base

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
)

// DataSource is embedded by data sources: it receives the provider's data.
type DataSource struct{ Configured }

// Configure takes over the provider's data. Terraform also calls it before the
// provider block is known, without data; then nothing may be contacted.
func (d *DataSource) Configure(_ context.Context, req datasource.ConfigureRequest, _ *datasource.ConfigureResponse) {
	if data, ok := req.ProviderData.(*Data); ok {
		d.configure(data)
	}
}
