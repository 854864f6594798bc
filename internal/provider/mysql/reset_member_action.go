// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysql

import (
	"context"
	"errors"
	"regexp"

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
	_ action.ActionWithConfigure      = &resetMember{}
	_ action.ActionWithValidateConfig = &resetMember{}
	_ action.ActionWithModifyPlan     = &resetMember{}
)

// NewResetMember makes an atoll_mysql_reset_member.
func NewResetMember() action.Action { return &resetMember{} }

type resetMember struct{ byHand[resetMemberModel] }

// resetMemberModel is one atoll_mysql_reset_member.
type resetMemberModel struct {
	Cluster      types.Object   `tfsdk:"cluster"`
	Member       types.String   `tfsdk:"member"`
	Transactions types.String   `tfsdk:"discard_transactions"`
	Schemas      types.Set      `tfsdk:"discard_schemas"`
	Timeouts     timeouts.Value `tfsdk:"timeouts"`
}

func (m resetMemberModel) order() order {
	member := m.Member.ValueString()
	return order{
		Order:   innodbcluster.Reset{Member: member, Transactions: m.Transactions.ValueString(), Schemas: names(m.Schemas)},
		cluster: m.Cluster, members: map[string][]string{"member": {member}}, timeouts: m.Timeouts,
		action: "Reset", subject: member + " of " + subjectOf(m.Cluster),
	}
}

func (a *resetMember) Metadata(_ context.Context, req action.MetadataRequest, resp *action.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_mysql_reset_member"
}

// gtidPattern is the form of the manual's "GTID Sets", tags included.
var gtidPattern = regexp.MustCompile(`^\s*(` + gtids + `(\s*,\s*` + gtids + `)*)?\s*$`)

// gtids are the transactions of one source.
const gtids = `[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(\s*:\s*([A-Za-z_][A-Za-z0-9_]{0,31}|[0-9]+(-[0-9]+)?))+`

// gtidSet asks for a set of transactions as MySQL writes it.
func gtidSet() base.Text {
	return base.Text{Must: "be a GTID set", Check: func(value string) error {
		if _, err := innodbcluster.ParseGTIDSet(value); err != nil || !gtidPattern.MatchString(value) {
			return errors.New("must be a GTID set as MySQL writes it, such as \"3E11FA47-71CA-11E1-9E33-C80AA9429562:1-5\", or empty")
		}
		return nil
	}}
}

// Schema describes the end of what a member has of its own.
func (a *resetMember) Schema(ctx context.Context, _ action.SchemaRequest, resp *action.SchemaResponse) {
	resp.Schema = schema.Schema{
		Description: "Gives one member of an InnoDB Cluster that diverged, and is out of the group for that, a clone of another member's data in the place of all of its own, and brings it in. " +
			"What only that member holds is lost for good, so it has to be named: all of it, as the line DIVERGED of the cluster's drift and the refusal of this action show it. Save it first. Whatever it holds beyond that, as what was written there meanwhile, is a refusal. " +
			"Takes the cluster's lease. Refused without a majority, for a server that does not answer or was never a member, and for one that holds nothing of its own, which atoll_mysql_rejoin or an apply brings in without a loss; where the member is ONLINE, nothing is done. " +
			"Ended in the middle, it leaves the member out of the group, and the same again, or an apply, goes on." + needs,
		Attributes: map[string]schema.Attribute{
			"cluster": orderedCluster(),
			"member": schema.StringAttribute{
				Required: true, Validators: []validator.String{base.Line()},
				Description: "Name of the member that is to lose its data, as in the members of the cluster.",
			},
			"discard_transactions": schema.StringAttribute{
				Required: true, Validators: []validator.String{gtidSet()},
				Description: "The transactions that are given up, as a GTID set: all that the member holds and the group has not. Empty where there are none, as where data are in no binary log.",
			},
			"discard_schemas": schema.SetAttribute{
				Optional: true, ElementType: types.StringType, Validators: []validator.Set{setvalidator.NoNullValues(), setvalidator.ValueStringsAre(base.Line())},
				Description: "Names of the schemas that are given up: those that the group has not at all, and every one of a server whose set of transactions is empty. Default none.",
			},
			"timeouts": base.ActionTimeouts(ctx, budgets.Update),
		},
	}
}
