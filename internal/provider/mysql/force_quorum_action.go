// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysql

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/action/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework/action"
	"github.com/hashicorp/terraform-plugin-framework/action/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/innodbcluster"
)

// Ensure the action implements what Terraform is told it does.
var (
	_ action.ActionWithConfigure      = &forceQuorum{}
	_ action.ActionWithValidateConfig = &forceQuorum{}
	_ action.ActionWithModifyPlan     = &forceQuorum{}
)

// NewForceQuorum makes an atoll_mysql_force_quorum.
func NewForceQuorum() action.Action { return &forceQuorum{} }

type forceQuorum struct{ byHand[forceQuorumModel] }

// forceQuorumModel is one atoll_mysql_force_quorum.
type forceQuorumModel struct {
	Cluster   types.Object   `tfsdk:"cluster"`
	Survivors types.Set      `tfsdk:"quorum_survivors"`
	Timeouts  timeouts.Value `tfsdk:"timeouts"`
}

func (m forceQuorumModel) order() order {
	survivors, _ := base.TextSet(m.Survivors)
	return order{
		Order: innodbcluster.ForceQuorum{Survivors: survivors}, cluster: m.Cluster, members: map[string][]string{"quorum_survivors": survivors}, timeouts: m.Timeouts,
		action: "Force", subject: "the Quorum of " + subjectOf(m.Cluster),
	}
}

func (a *forceQuorum) Metadata(_ context.Context, req action.MetadataRequest, resp *action.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_mysql_force_quorum"
}

// Schema describes how a group goes on without those who are gone.
func (a *forceQuorum) Schema(ctx context.Context, _ action.SchemaRequest, resp *action.SchemaResponse) {
	resp.Schema = schema.Schema{
		Description: "Lets the members of an InnoDB Cluster go on that are left where the group lost its majority, without the others; an apply does the same with the cluster's quorum_survivors. " +
			"What only the others hold is lost, and they must be dead: where they run on and only cannot be reached, both sides take writes. " +
			"Takes the lease of those that answer. Refused where the group has its majority, where a member answers that is not named or a named one does not, where every member answers (an apply needs no such word), and where the named ones are not those that wait for the others, do not see each other, or hold less than another one that answers; where they go on already, nothing is done. " +
			"Declare the machines that are gone lost afterwards, and take their members out of the configuration; one that comes back after all an apply brings in." + needs,
		Attributes: map[string]schema.Attribute{
			"cluster": orderedCluster(),
			"quorum_survivors": schema.SetAttribute{
				Required: true, ElementType: types.StringType,
				Validators:  []validator.Set{setvalidator.SizeAtLeast(1), setvalidator.NoNullValues(), setvalidator.ValueStringsAre(base.Line())},
				Description: "Names of the members that go on: exactly those that run and wait for the others, as in the members of the cluster.",
			},
			"timeouts": base.ActionTimeouts(ctx, budgets.Update),
		},
	}
}
