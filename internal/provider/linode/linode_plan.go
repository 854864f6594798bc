// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"context"
	"fmt"
	"regexp"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/linode"
)

// rebuilds says that a plan gives an existing machine a fresh disk: the number
// was there before and is another one now.
func rebuilds(before, after types.Int64) bool {
	return !before.IsNull() && !after.IsNull() && !after.IsUnknown() && !before.Equal(after)
}

func willRebuild(ctx context.Context, state tfsdk.State, plan tfsdk.Plan) bool {
	var before, after types.Int64
	_ = state.GetAttribute(ctx, path.Root("rebuild_generation"), &before)
	_ = plan.GetAttribute(ctx, path.Root("rebuild_generation"), &after)
	return rebuilds(before, after)
}

func unlessRebuilt(ctx context.Context, req planmodifier.StringRequest, resp *stringplanmodifier.RequiresReplaceIfFuncResponse) {
	resp.RequiresReplace = !willRebuild(ctx, req.State, req.Plan)
}

// What an import cannot know is null in the state, and replaces nothing.
func swapUnlessRebuilt(ctx context.Context, req planmodifier.Int64Request, resp *int64planmodifier.RequiresReplaceIfFuncResponse) {
	resp.RequiresReplace = !req.StateValue.IsNull() && !willRebuild(ctx, req.State, req.Plan)
}

func onceKnown(_ context.Context, req planmodifier.Int64Request, resp *int64planmodifier.RequiresReplaceIfFuncResponse) {
	resp.RequiresReplace = !req.StateValue.IsNull()
}

// keepString keeps a computed value of an existing resource, also a null one.
type keepString struct{}

func (keepString) Description(context.Context) string         { return "Stays as it is." }
func (keepString) MarkdownDescription(context.Context) string { return "Stays as it is." }

func (keepString) PlanModifyString(_ context.Context, req planmodifier.StringRequest, resp *planmodifier.StringResponse) {
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

// ModifyPlan says what an update leaves as it is, what it makes anew, and
// refuses what is known to fail before anything is touched.
func (r *linodeResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.IsNull() {
		return
	}
	var plan, config, state linodeModel
	resp.Diagnostics.Append(resp.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	creating := req.State.Raw.IsNull()
	if !creating {
		resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	}
	if resp.Diagnostics.HasError() {
		return
	}
	plan.Status = types.StringValue(string(linode.Running))
	replacing := len(resp.RequiresReplace) > 0
	plan.UserDataSHA256 = digest(config.UserData)
	if !creating && !replacing {
		plan.keep(state, config)
		if state.UserDataSHA256.ValueString() != digest(config.UserData).ValueString() && plan.UserDataSHA256.Equal(state.UserDataSHA256) {
			resp.Diagnostics.AddAttributeWarning(path.Root("user_data"), "User Data Wait for a Rebuild",
				"The machine keeps the user data that it was made with. Change rebuild_generation to give it a fresh disk with the new ones.")
		}
	}
	resp.Diagnostics.Append(resp.Plan.Set(ctx, plan)...)
	r.check(ctx, plan, config, state, creating || replacing, resp)
}

// keep leaves known what an update does not change. After a rebuild everything
// on the machine is made again, so ssh is not known before.
func (m *linodeModel) keep(state, config linodeModel) {
	rebuilt := rebuilds(state.Generation, m.Generation)
	if !rebuilt {
		m.UserDataSHA256 = state.UserDataSHA256
		if config.HostKey.IsNull() {
			m.HostKey = state.HostKey
		}
	}
	if m.Type.Equal(state.Type) {
		m.Specs = state.Specs
	}
	if !rebuilt && !m.HostKey.IsUnknown() {
		m.IPv4 = state.IPv4
		m.Connection = base.ConnectionFor(m.target(m.HostKey.ValueString()))
	}
}

// check compares with Linode's catalogue where the API can be asked.
func (r *linodeResource) check(ctx context.Context, plan, config, state linodeModel, creating bool, resp *resource.ModifyPlanResponse) {
	spec := plan.spec(ctx, config.UserData, &resp.Diagnostics)
	if !config.UserData.IsUnknown() {
		if err := linode.CheckUserData(spec.UserData, spec.Trust); err != nil {
			resp.Diagnostics.AddAttributeError(path.Root("user_data"), "Invalid User Data", "user_data: "+err.Error()+".")
		}
	}
	rebuilt := rebuilds(state.Generation, plan.Generation)
	if r.Data == nil || !creating && !rebuilt && plan.Type.Equal(state.Type) {
		return
	}
	client, err := r.Linode()
	if err != nil {
		addError(&resp.Diagnostics, "Plan", plan.subject(), err)
		return
	}
	if !creating && !rebuilt {
		spec.Image = "" // an old image may be gone from the catalogue
	}
	offer, err := client.Catalogue(ctx)
	if err != nil {
		addError(&resp.Diagnostics, "Plan", plan.subject(), err)
		return
	}
	for _, wrong := range offer.Check(spec) {
		resp.Diagnostics.AddAttributeError(path.Root(wrong.Attribute), wrong.Title, wrong.Detail)
	}
}
