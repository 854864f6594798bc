// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
)

// keepString keeps a computed value of an existing resource, also a null one.
type keepString struct{}

func (keepString) Description(context.Context) string         { return "Stays as it is." }
func (keepString) MarkdownDescription(context.Context) string { return "Stays as it is." }

func (keepString) PlanModifyString(_ context.Context, req planmodifier.StringRequest, resp *planmodifier.StringResponse) {
	if !req.State.Raw.IsNull() && req.ConfigValue.IsNull() {
		resp.PlanValue = req.StateValue
	}
}

// keepInt64 is the same for a number.
type keepInt64 struct{}

func (keepInt64) Description(context.Context) string         { return "Stays as it is." }
func (keepInt64) MarkdownDescription(context.Context) string { return "Stays as it is." }

func (keepInt64) PlanModifyInt64(_ context.Context, req planmodifier.Int64Request, resp *planmodifier.Int64Response) {
	if !req.State.Raw.IsNull() && req.ConfigValue.IsNull() {
		resp.PlanValue = req.StateValue
	}
}

// without refuses a text in which a pattern is found.
type without struct {
	pattern *regexp.Regexp
	text    string
}

func (v without) Description(context.Context) string         { return v.text }
func (v without) MarkdownDescription(context.Context) string { return v.text }

func (v without) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if value := req.ConfigValue.ValueString(); v.pattern.MatchString(value) {
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid Attribute Value", fmt.Sprintf("%s = %q %s.", req.Path, value, v.text))
	}
}

// distinct refuses texts that differ in case only.
type distinct struct{}

func (distinct) Description(context.Context) string {
	return "Must not hold two that differ in case only."
}

func (d distinct) MarkdownDescription(ctx context.Context) string { return d.Description(ctx) }

func (distinct) ValidateSet(ctx context.Context, req validator.SetRequest, resp *validator.SetResponse) {
	seen := map[string]string{}
	for _, text := range texts(ctx, req.ConfigValue, &resp.Diagnostics) {
		lower := strings.ToLower(text)
		if other, twice := seen[lower]; twice {
			resp.Diagnostics.AddAttributeError(req.Path, "Invalid Attribute Value", fmt.Sprintf("%s holds %q and %q, which are one to Linode: tags know no case.", req.Path, other, text))
		}
		seen[lower] = text
	}
}
