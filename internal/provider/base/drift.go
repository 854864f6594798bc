// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package base

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
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
func Drift(lines []converge.Line) types.List {
	values := make([]attr.Value, 0, len(lines))
	for _, line := range lines {
		values = append(values, types.StringValue(line.String()))
	}
	return types.ListValueMust(types.StringType, values)
}

// Unreachable is the one drift line of a machine that does not answer.
func Unreachable(err error) converge.Line {
	text, _, _ := strings.Cut(err.Error(), "\n")
	return converge.Line{Subject: "unreachable", Code: converge.CodeUnreachable, Text: text}
}

// driftKey is where the private state keeps what the last refresh found, for
// the plan that follows: the attribute holds its text, which is for people.
const driftKey = "drift"

// driftVersion is that of the form in which it is kept.
const driftVersion = 1

// keptDrift is that form. Another release of the provider may read it.
type keptDrift struct {
	Version int        `json:"version"`
	Lines   []keptLine `json:"lines"`
}

type keptLine struct {
	Subject string        `json:"subject"`
	Code    converge.Code `json:"code"`
}

// PrivateReader and PrivateWriter are the framework's private state.
type PrivateReader interface {
	GetKey(ctx context.Context, key string) ([]byte, diag.Diagnostics)
}

// PrivateWriter takes values that are JSON.
type PrivateWriter interface {
	SetKey(ctx context.Context, key string, value []byte) diag.Diagnostics
}

// KeepDrift keeps the codes of the lines for the plan that follows.
func KeepDrift(ctx context.Context, private PrivateWriter, lines []converge.Line, diags *diag.Diagnostics) {
	kept := keptDrift{Version: driftVersion, Lines: []keptLine{}}
	for _, line := range lines {
		kept.Lines = append(kept.Lines, keptLine{line.Subject, line.Code})
	}
	text, err := json.Marshal(kept)
	if err != nil {
		diags.AddError("Unable to Write the Resource's Private State", err.Error())
		return
	}
	diags.Append(private.SetKey(ctx, driftKey, text)...)
}

// Codes are those of the lines that the last refresh found.
type Codes struct {
	all []converge.Code
	// unknown: a release that kept them in another form, or not at all, wrote
	// the state, and no refresh came since.
	unknown bool
}

// DriftCodes gives what KeepDrift kept. drift is the attribute in the state.
func DriftCodes(ctx context.Context, private PrivateReader, drift types.List, diags *diag.Diagnostics) Codes {
	if len(drift.Elements()) == 0 {
		return Codes{}
	}
	text, problems := private.GetKey(ctx, driftKey)
	diags.Append(problems...)
	var kept keptDrift
	if len(text) == 0 || json.Unmarshal(text, &kept) != nil || kept.Version != driftVersion {
		return Codes{unknown: true}
	}
	var codes Codes
	for _, line := range kept.Lines {
		codes.all = append(codes.all, line.Code)
	}
	return codes
}

// Has says whether one of the codes was found, or may have been.
func (c Codes) Has(codes ...converge.Code) bool {
	return c.unknown || slices.ContainsFunc(c.all, func(code converge.Code) bool { return slices.Contains(codes, code) })
}
