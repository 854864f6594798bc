// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysql

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/action/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/action"
	"github.com/hashicorp/terraform-plugin-framework/action/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/innodbcluster"
)

// Ensure the action implements what Terraform is told it does.
var (
	_ action.ActionWithConfigure      = &switchover{}
	_ action.ActionWithValidateConfig = &switchover{}
	_ action.ActionWithModifyPlan     = &switchover{}
)

// NewSwitchover makes an atoll_mysql_switchover.
func NewSwitchover() action.Action { return &switchover{} }

type switchover struct{ byHand[switchoverModel] }

// switchoverModel is one atoll_mysql_switchover.
type switchoverModel struct {
	Cluster  types.Object   `tfsdk:"cluster"`
	Primary  types.String   `tfsdk:"primary"`
	Timeouts timeouts.Value `tfsdk:"timeouts"`
}

func (m switchoverModel) order() order {
	to := m.Primary.ValueString()
	return order{
		Order: innodbcluster.Switchover{To: to}, cluster: m.Cluster, members: map[string][]string{"primary": {to}}, timeouts: m.Timeouts,
		action: "Switch Over", subject: subjectOf(m.Cluster) + " to " + to,
		before: "where the cluster's primary is declared and is not " + to + ", the next plan shows the change back",
	}
}

func (a *switchover) Metadata(_ context.Context, req action.MetadataRequest, resp *action.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_mysql_switchover"
}

// Schema describes a hand-over by hand.
func (a *switchover) Schema(ctx context.Context, _ action.SchemaRequest, resp *action.SchemaResponse) {
	resp.Schema = schema.Schema{
		Description: "Hands the primary's role of an InnoDB Cluster over to a member, once, as before its present primary is worked on; an apply does the same where the cluster's primary is declared. " +
			"Open transactions get a minute to end, and are named where they do not; then writes pause for about a second, and nothing that was acknowledged is lost. " +
			"Takes the cluster's lease. Refused without a majority, in multi-primary mode, and to a member that is not ONLINE or does not answer; where the member takes writes already, nothing is done. " +
			"Where the configuration declares primary, and names another member, the next plan shows the change back: leave primary out, or let it name the same one." + needs,
		Attributes: map[string]schema.Attribute{
			"cluster": orderedCluster(),
			"primary": schema.StringAttribute{
				Required: true, Validators: []validator.String{base.Line()},
				Description: "Name of the member that is to take writes, as in the members of the cluster.",
			},
			"timeouts": base.ActionTimeouts(ctx, budgets.Update),
		},
	}
}

// ModifyPlan also says when the next plan takes back what this does.
func (a *switchover) ModifyPlan(ctx context.Context, req action.ModifyPlanRequest, resp *action.ModifyPlanResponse) {
	read := a.read(ctx, req.Config.Get, &resp.Diagnostics)
	if a.Data == nil || resp.Diagnostics.HasError() {
		return
	}
	cluster := base.Member[types.String](read.cluster, "cluster").ValueString()
	for _, to := range read.members["primary"] {
		if to != "" && a.Leaders.Lacks(cluster, to) {
			resp.Diagnostics.AddAttributeWarning(path.Root("primary"), "Another Primary Is Declared",
				fmt.Sprintf("primary of the atoll_mysql_cluster %s names another member than %q, so the next plan shows the change back. Name the same one there, or leave primary out.", cluster, to))
		}
	}
}
