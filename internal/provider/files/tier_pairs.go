// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package files

import (
	"context"
	"fmt"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
)

// some asks of pairs that there is one.
type some struct{}

// Description says what is asked for.
func (some) Description(context.Context) string { return "must have a pair, or be left out" }

// MarkdownDescription says the same.
func (v some) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

// ValidateList leaves alone what is not known yet, and what is left out.
func (some) ValidateList(_ context.Context, req validator.ListRequest, resp *validator.ListResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() || len(req.ConfigValue.Elements()) > 0 {
		return
	}
	resp.Diagnostics.AddAttributeError(req.Path, "Invalid Attribute Value", fmt.Sprintf("%[1]s = [] keeps no two nodes in step: leave %[1]s out, and all nodes are kept in step with the hub, or write the names of two nodes for each pair, such as [[\"hk1\", \"sg1\"]].", req.Path))
}

// two asks of a pair that it is the names of two nodes.
type two struct{}

// Description says what is asked for.
func (two) Description(context.Context) string { return "must be the names of two nodes" }

// MarkdownDescription says the same.
func (v two) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

// ValidateList leaves alone what is not known yet.
func (two) ValidateList(_ context.Context, req validator.ListRequest, resp *validator.ListResponse) {
	elements := req.ConfigValue.Elements()
	none := slices.ContainsFunc(elements, func(one attr.Value) bool { return one.IsNull() })
	if !req.ConfigValue.IsUnknown() && (len(elements) != 2 || none) {
		has := map[bool]string{true: "null among them", false: fmt.Sprint(len(elements))}[none]
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid Attribute Value", fmt.Sprintf("%s must be the names of two nodes, such as [\"hk1\", \"sg1\"], and has %s: write both, the one that dials last.", req.Path, has))
	}
}
