// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package base

import (
	"context"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// DriftAttribute is the voice of drift: one plain line a deviation, filled by
// every refresh, always planned to become empty. So a plan is empty exactly
// when the host is as declared.
func DriftAttribute() schema.ListAttribute {
	return schema.ListAttribute{
		Computed:    true,
		ElementType: types.StringType,
		Description: "What differs on the host from what is declared here, one plain line a deviation, such as \"unit mysql: inactive, want active\". " +
			"Empty when in sync; otherwise the plan shows an update from these lines to none, and apply mends them.",
		PlanModifiers: []planmodifier.List{inSync{}},
	}
}

// inSync plans the drift list empty.
type inSync struct{}

func (inSync) Description(context.Context) string         { return "Plans the host to be in sync." }
func (inSync) MarkdownDescription(context.Context) string { return "Plans the host to be in sync." }

func (inSync) PlanModifyList(_ context.Context, _ planmodifier.ListRequest, resp *planmodifier.ListResponse) {
	resp.PlanValue = Drift(nil)
}

// Drift makes the attribute's value of the lines.
func Drift(lines []string) types.List {
	values := make([]attr.Value, 0, len(lines))
	for _, line := range lines {
		values = append(values, types.StringValue(line))
	}
	return types.ListValueMust(types.StringType, values)
}

// DriftAlso adds lines to the attribute's value.
func DriftAlso(drift types.List, lines []string) types.List {
	all := slices.Clone(drift.Elements())
	return types.ListValueMust(types.StringType, append(all, Drift(lines).Elements()...))
}

// Unreachable is the one drift line of a machine that does not answer.
func Unreachable(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\n")
	return "unreachable: " + text
}
