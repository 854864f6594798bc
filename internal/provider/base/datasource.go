// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package base

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	managed "github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
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

// lookBudget is how long all machines of a data source together may take.
const lookBudget = 2 * time.Minute

// Look carries a data source that asks machines: look fills the model in which the
// configuration stands. What does not answer is a matter of the model's.
func Look[M any](ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse, look func(ctx context.Context, model *M)) {
	var model M
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, lookBudget)
	defer cancel()
	look(ctx, &model)
	resp.Diagnostics.Append(resp.State.Set(ctx, model)...)
}

// Tells is a string that a data source fills.
func Tells(description string) schema.StringAttribute {
	return schema.StringAttribute{Computed: true, Description: description}
}

// TellsNumber is an integer that a data source fills.
func TellsNumber(description string) schema.Int64Attribute {
	return schema.Int64Attribute{Computed: true, Description: description}
}

// ConnectionsAsked are machines as a data source takes them, by a name of the user's: the
// ssh of an atoll_host whole, or written by hand for a machine that is none yet.
func ConnectionsAsked(description string, validators ...validator.Map) schema.MapNestedAttribute {
	attributes := hopAsked("the machine")
	attributes["jumps"] = schema.ListNestedAttribute{
		Optional:     true,
		Description:  jumpsText,
		Validators:   []validator.List{throughHosts()},
		NestedObject: schema.NestedAttributeObject{Attributes: hopAsked("the jump host")},
	}
	return schema.MapNestedAttribute{
		Required: true, Description: description,
		Validators:   append(validators, Whole{Of: "ssh of an atoll_host, or write its host", Needs: []string{"host"}}),
		NestedObject: schema.NestedAttributeObject{Attributes: attributes},
	}
}

// hopAsked says of one machine what hopAttributes does; see Whole for its host.
func hopAsked(what string) map[string]schema.Attribute {
	asked := map[string]schema.Attribute{}
	for name, attribute := range hopAttributes(what) {
		switch one := attribute.(type) {
		case managed.StringAttribute:
			asked[name] = schema.StringAttribute{Optional: true, Description: one.Description, Validators: one.Validators}
		case managed.Int64Attribute:
			asked[name] = schema.Int64Attribute{CustomType: Integer{}, Optional: true, Description: one.Description, Validators: one.Validators}
		}
	}
	return asked
}
