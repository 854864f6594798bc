// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysql

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/action/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/action"
	"github.com/hashicorp/terraform-plugin-framework/action/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/innodbcluster"
)

// Ensure the action implements what Terraform is told it does.
var (
	_ action.ActionWithConfigure      = &rejoin{}
	_ action.ActionWithValidateConfig = &rejoin{}
	_ action.ActionWithModifyPlan     = &rejoin{}
)

// NewRejoin makes an atoll_mysql_rejoin.
func NewRejoin() action.Action { return &rejoin{} }

type rejoin struct{ byHand[rejoinModel] }

// rejoinModel is one atoll_mysql_rejoin.
type rejoinModel struct {
	Cluster  types.Object   `tfsdk:"cluster"`
	Member   types.String   `tfsdk:"member"`
	Timeouts timeouts.Value `tfsdk:"timeouts"`
}

func (m rejoinModel) order() order {
	member := m.Member.ValueString()
	return order{
		Order: innodbcluster.Rejoin{Member: member}, cluster: m.Cluster, members: map[string][]string{"member": {member}}, timeouts: m.Timeouts,
		action: "Rejoin", subject: member + " to " + subjectOf(m.Cluster),
	}
}

func (a *rejoin) Metadata(_ context.Context, req action.MetadataRequest, resp *action.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_mysql_rejoin"
}

// Schema describes a way back in.
func (a *rejoin) Schema(ctx context.Context, _ action.SchemaRequest, resp *action.SchemaResponse) {
	resp.Schema = schema.Schema{
		Description: "Brings one member of an InnoDB Cluster in again that is out of the group, once, and nothing else of what an apply would find to do: after work on its machine, or where its guardian has given up. " +
			"What it lacks it gets from the binary logs, or by a clone where these no longer have it; the way shows while it lasts. It is set as the other members are. " +
			"Takes the cluster's lease. Refused without a majority, for a server that does not answer or was never a member, and for one that holds transactions or schemas of its own (DIVERGED); where the member is ONLINE, nothing is done." + needs,
		Attributes: map[string]schema.Attribute{
			"cluster": orderedCluster(),
			"member": schema.StringAttribute{
				Required: true, Validators: []validator.String{base.Line()},
				Description: "Name of the member that is to come back, as in the members of the cluster.",
			},
			"timeouts": base.ActionTimeouts(ctx, budgets.Update),
		},
	}
}
