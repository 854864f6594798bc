// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysql

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	modelgroup "github.com/atollhq/terraform-provider-atoll/internal/model/group"
	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/innodbcluster"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Ensure the data source implements what Terraform is told it does.
var _ datasource.DataSourceWithConfigure = &clusterStatus{}

// NewClusterStatus makes an atoll_mysql_cluster_status.
func NewClusterStatus() datasource.DataSource { return &clusterStatus{} }

type clusterStatus struct{ base.DataSource }

func (d *clusterStatus) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_mysql_cluster_status"
}

// Schema describes a look at a cluster.
func (d *clusterStatus) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		Description: "How an InnoDB Cluster is now: its state in a word and a sentence, who takes writes, how far each member is, and the routers that it knows. " +
			"Each member is asked once, all at the same time, and nothing is changed. A cluster that is not well, and a member that does not answer, are no error: they are said.",
		Attributes: map[string]schema.Attribute{
			"cluster": schema.SingleNestedAttribute{
				Required:    true,
				Description: "The cluster to look at: the routing of an atoll_mysql_cluster, taken whole.",
				Attributes: map[string]schema.Attribute{
					"cluster":    schema.StringAttribute{Required: true, Description: "Name of the cluster.", Validators: []validator.String{base.Line()}},
					"cluster_id": schema.StringAttribute{Required: true, Description: "UUID of the cluster in its metadata.", Validators: []validator.String{base.Line()}},
					"members": schema.MapAttribute{
						Required: true, ElementType: memberType(), Description: "The members of the cluster, by name.",
						Validators: []validator.Map{mapvalidator.NoNullValues()},
					},
				},
			},
			"state": base.Tells("ONLINE (every member takes part), PARTIAL (a majority does), OFFLINE (no member is in the group), NO_QUORUM (members are in the group and none sees a majority), " +
				"SPLIT_BRAIN (two groups take writes), DIVERGED (a server holds what the group has not), HALF_MADE (the group is there and its metadata are not) or UNKNOWN (nobody who answered knows of the cluster)."),
			"summary": base.Tells("What the members are, in a sentence, such as \"2 of 3 members are ONLINE, hk1 takes writes, sg1 could not be asked\"."),
			"primary": base.Tells("Name of the member that takes writes; empty when none does."),
			"members": schema.MapNestedAttribute{
				Computed: true, Description: "How each member is, by its name.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"state":    base.Tells("ONLINE, RECOVERING, OFFLINE, ERROR, UNREACHABLE, MISSING (not in the group of the majority), NO_QUORUM (in one without a majority) or UNKNOWN (nobody says)."),
					"role":     base.Tells("PRIMARY or SECONDARY; empty outside of the group."),
					"version":  base.Tells("Version of the server; empty when it is not known."),
					"queued":   base.TellsNumber("Transactions that it has received and not applied yet."),
					"executed": base.Tells("GTID set of the transactions that it has, as MySQL writes it; empty when it was not asked."),
					"behind":   base.TellsNumber("Transactions that the primary had and it had not, when they were asked; null when either was not."),
					"problem":  base.Tells("Why it was not asked; empty when it was."),
				}},
			},
			"routers": schema.ListNestedAttribute{
				Computed: true, Description: "The routers that the cluster's metadata know, in the order in which they came; empty when no member was asked. One that was removed by hand stays until somebody removes its row.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"address":          base.Tells("Address of its machine, as it gave it."),
					"name":             base.Tells("Its name; atoll for one of an atoll_mysql_router."),
					"version":          base.Tells("Version of MySQL Router."),
					"read_write":       base.Tells("Port that leads to the primary; empty for none."),
					"read_only":        base.Tells("Port that leads to the secondaries; empty for none."),
					"read_write_split": base.Tells("Port that sends reads to secondaries and writes to the primary; empty for none."),
					"last_seen":        base.Tells("When it last said that it is there, in UTC as RFC 3339; empty for never. A router does so every few minutes at most."),
				}},
			},
		},
	}
}

// clusterStatusModel is one atoll_mysql_cluster_status.
type clusterStatusModel struct {
	Cluster types.Object                 `tfsdk:"cluster"`
	State   types.String                 `tfsdk:"state"`
	Summary types.String                 `tfsdk:"summary"`
	Primary types.String                 `tfsdk:"primary"`
	Members map[string]memberStatusModel `tfsdk:"members"`
	Routers []routerStatusModel          `tfsdk:"routers"`
}

type memberStatusModel struct {
	State    string `tfsdk:"state"`
	Role     string `tfsdk:"role"`
	Version  string `tfsdk:"version"`
	Queued   int64  `tfsdk:"queued"`
	Executed string `tfsdk:"executed"`
	Behind   *int64 `tfsdk:"behind"`
	Problem  string `tfsdk:"problem"`
}

type routerStatusModel struct {
	Address        string `tfsdk:"address"`
	Name           string `tfsdk:"name"`
	Version        string `tfsdk:"version"`
	ReadWrite      string `tfsdk:"read_write"`
	ReadOnly       string `tfsdk:"read_only"`
	ReadWriteSplit string `tfsdk:"read_write_split"`
	LastSeen       string `tfsdk:"last_seen"`
}

// Read asks all members at once.
func (d *clusterStatus) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	base.Look(ctx, req, resp, d.look)
}

func (d *clusterStatus) look(ctx context.Context, model *clusterStatusModel) {
	declared := base.Member[types.Map](model.Cluster, "members")
	members, targets := membersOf(declared)
	cluster := innodbcluster.Cluster{Name: base.Member[types.String](model.Cluster, "cluster").ValueString(), Members: members, Mesh: commonMesh(declared)}
	looked := innodbcluster.Look(ctx, cluster, d.Reachable(targets))
	for key, target := range targets {
		if d.Lost[target.Host] {
			looked.Seen[key] = innodbcluster.Observation{Err: &remote.Error{Kind: remote.ErrLost, Address: target.Address()}}
		}
	}
	model.read(looked)
}

// read takes over what the members said.
func (m *clusterStatusModel) read(looked innodbcluster.Looked) {
	m.State, m.Summary, m.Primary = types.StringValue(string(looked.State)), types.StringValue(looked.Truth), types.StringValue(looked.Primary)
	m.Members, m.Routers = map[string]memberStatusModel{}, []routerStatusModel{}
	leads := looked.Seen[looked.Primary]
	for key, status := range looked.Members {
		seen := looked.Seen[key]
		member := memberStatusModel{State: status.State, Role: status.Role, Version: status.Version, Queued: status.Lag, Executed: seen.Executed}
		switch {
		case seen.Err != nil:
			member.Problem = converge.FirstLine(seen.Err)
		case !seen.Answers:
			member.Problem = fmt.Sprintf("%s is %s", mysqlroot.Unit, seen.Unit)
		case leads.Answers:
			member.Behind = behind(leads.Executed, seen.Executed)
		}
		m.Members[key] = member
	}
	for _, router := range looked.Routers {
		last := ""
		if at := router.LastSeen(); !at.IsZero() {
			last = at.Format(time.RFC3339)
		}
		m.Routers = append(m.Routers, routerStatusModel{router.Address, router.Name, router.Version, router.ReadWrite, router.ReadOnly, router.ReadWriteSplit, last})
	}
}

// behind counts what a member lacks; nil for sets that cannot be read.
func behind(leads, has string) *int64 {
	all, problem := modelgroup.ParseGTIDSet(leads)
	own, other := modelgroup.ParseGTIDSet(has)
	if problem != nil || other != nil {
		return nil
	}
	count := int64(all.Minus(own).Count())
	return &count
}
