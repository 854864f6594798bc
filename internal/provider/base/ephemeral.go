// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package base

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
)

// Ephemeral is embedded by ephemeral resources: it receives the provider's data.
type Ephemeral struct{ Configured }

// Configure takes over the provider's data, as that of a DataSource does.
func (e *Ephemeral) Configure(_ context.Context, req ephemeral.ConfigureRequest, _ *ephemeral.ConfigureResponse) {
	if data, ok := req.ProviderData.(*Data); ok {
		e.configure(data)
	}
}
