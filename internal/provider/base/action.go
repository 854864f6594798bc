// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package base

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/action/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/action"
	"github.com/hashicorp/terraform-plugin-framework/action/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
)

// Action is embedded by actions: it receives the provider's data.
type Action struct{ Configured }

// Configure takes over the provider's data, as that of a DataSource does.
func (a *Action) Configure(_ context.Context, req action.ConfigureRequest, _ *action.ConfigureResponse) {
	if data, ok := req.ProviderData.(*Data); ok {
		a.configure(data)
	}
}

// ActionTimeouts is the attribute that bounds an action.
func ActionTimeouts(ctx context.Context, budget time.Duration) schema.Attribute {
	attribute := timeouts.AttributesWithOpts(ctx, timeouts.Opts{InvokeDescription: timeoutText("run", budget)})
	if group, isGroup := attribute.(schema.SingleNestedAttribute); isGroup {
		for name, description := range group.Attributes { // see limits
			group.Attributes[name] = schema.StringAttribute{Optional: true, Description: description.GetDescription(), Validators: []validator.String{Duration()}}
		}
	}
	return attribute
}
