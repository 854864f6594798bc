// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package base

import (
	"context"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
)

// DriftAttribute is the voice of drift: one plain line a deviation, filled by
// every refresh, always planned to become empty. So a plan is empty exactly
// when the host is as declared.
// example is a line as this resource has them.
func DriftAttribute(example string) schema.ListAttribute {
	return schema.ListAttribute{
		Computed:    true,
		ElementType: types.StringType,
		Description: "What differs on the host from what is declared here, one plain line a deviation, such as \"" + example + "\". " +
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
func Drift(lines []converge.Line) types.List {
	values := make([]attr.Value, 0, len(lines))
	for _, line := range lines {
		values = append(values, types.StringValue(line.String()))
	}
	return types.ListValueMust(types.StringType, values)
}

// driftKey is where the private state keeps what the last refresh found, for
// the plan that follows: the attribute holds its text, which is for people.
const driftKey = "drift"

type keptLine struct {
	Subject string        `json:"subject"`
	Code    converge.Code `json:"code"`
}

// keepDrift keeps the codes of the lines for the plan that follows.
func keepDrift(ctx context.Context, run *Run, lines []converge.Line) {
	kept := []keptLine{}
	for _, line := range lines {
		kept = append(kept, keptLine{line.Subject, line.Code})
	}
	WritePrivate(ctx, run, driftKey, kept)
}

// codes are those of the lines that the last refresh found.
type codes struct {
	all []converge.Code
	// unknown: a release that kept them in another form, or not at all, wrote
	// the state, and no refresh came since.
	unknown bool
}

// driftCodes gives what keepDrift kept. drift is the attribute in the state.
func driftCodes(ctx context.Context, run *Run, drift types.List) codes {
	if len(drift.Elements()) == 0 {
		return codes{}
	}
	kept, found, err := tryPrivate[[]keptLine](ctx, run, driftKey, nil)
	if err != nil || !found {
		return codes{unknown: true}
	}
	var read codes
	for _, line := range kept {
		read.all = append(read.all, line.Code)
	}
	return read
}

// Former says that what is planned as something new takes the place of one: Terraform hands
// over what was kept of that, and has asked about it already.
func (c *Change[M]) Former(ctx context.Context) bool {
	_, found, _ := tryPrivate[[]keptLine](ctx, c.Run, driftKey, nil)
	return c.State == nil && found
}

// has says whether one of the codes was found, or may have been.
func (c codes) has(asked ...converge.Code) bool {
	return c.unknown || slices.ContainsFunc(c.all, func(code converge.Code) bool { return slices.Contains(asked, code) })
}
