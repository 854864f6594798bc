// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysql

import (
	"context"
	"encoding/json"
	"net"
	"strconv"

	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/innodbcluster"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqltunnel"
)

// Ensure the resource implements what Terraform is told it does.
var (
	_ ephemeral.EphemeralResourceWithConfigure = &tunnel{}
	_ ephemeral.EphemeralResourceWithClose     = &tunnel{}
)

// NewTunnel makes an atoll_mysql_tunnel.
func NewTunnel() ephemeral.EphemeralResource { return &tunnel{} }

type tunnel struct{ base.Ephemeral }

func (r *tunnel) Metadata(_ context.Context, req ephemeral.MetadataRequest, resp *ephemeral.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_mysql_tunnel"
}

// Schema describes a way to the cluster for other providers.
func (r *tunnel) Schema(_ context.Context, _ ephemeral.SchemaRequest, resp *ephemeral.SchemaResponse) {
	resp.Schema = schema.Schema{
		Description: "A port on the loopback of the machine where Terraform runs that leads, over the SSH connection to a member's machine, to the primary of a cluster or to one of its secondaries: " +
			"other providers manage users, grants and schemas through it, and no port of the site is open. It is there while Terraform needs it, in plan and apply, and nothing of it is in the state. " +
			"The member is looked up for every new connection, so a change of the primary is followed; where there is none, the client is told why. " +
			"Needs Terraform 1.10 or OpenTofu 1.11. Every account of the machine where Terraform runs can connect to the port meanwhile; it needs a password of the server like any other client.",
		Attributes: map[string]schema.Attribute{
			"cluster": schema.SingleNestedAttribute{
				Required:    true,
				Description: "The cluster to lead to: the routing of an atoll_mysql_cluster, taken whole.",
				Attributes: map[string]schema.Attribute{
					"cluster":    schema.StringAttribute{Required: true, Description: "Name of the cluster.", Validators: []validator.String{base.Line()}},
					"cluster_id": schema.StringAttribute{Required: true, Description: "UUID of the cluster in its metadata.", Validators: []validator.String{base.Line()}},
					"members": schema.MapAttribute{
						Required: true, ElementType: memberType(),
						Description: "The members of the cluster, by name.",
						Validators:  []validator.Map{mapvalidator.NoNullValues()},
					},
				},
			},
			"to": schema.StringAttribute{
				Optional: true, Description: "Member to lead to: primary, which takes writes, or secondary, the one that lags least, and never the primary. Default primary. With read_only in the provider block only secondary works.",
				Validators: []validator.String{base.OneOf(mysqltunnel.Primary, mysqltunnel.Secondary)},
			},
			"host":     schema.StringAttribute{Computed: true, Description: "Where it listens: 127.0.0.1."},
			"port":     schema.Int64Attribute{Computed: true, Description: "TCP port that it listens on, another one each time."},
			"endpoint": schema.StringAttribute{Computed: true, Description: "Both, as host:port. The server asks for TLS (require_secure_transport), with a certificate that is made out to its address in the mesh and not to this one."},
		},
	}
}

// tunnelModel is one atoll_mysql_tunnel.
type tunnelModel struct {
	Cluster  types.Object `tfsdk:"cluster"`
	To       types.String `tfsdk:"to"`
	Host     types.String `tfsdk:"host"`
	Port     types.Int64  `tfsdk:"port"`
	Endpoint types.String `tfsdk:"endpoint"`
}

// tunnelKey is where a tunnel's address stands in what Terraform gives back.
const tunnelKey = "address"

// Open listens and asks nobody: a cluster that is down must not keep a plan from
// showing what will bring it up.
func (r *tunnel) Open(ctx context.Context, req ephemeral.OpenRequest, resp *ephemeral.OpenResponse) {
	var model tunnelModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	members, targets := membersOf(base.Member[types.Map](model.Cluster, "members"))
	cluster := innodbcluster.Cluster{Name: base.Member[types.String](model.Cluster, "cluster").ValueString(), Members: members}
	role := mysqltunnel.Primary
	if !model.To.IsNull() {
		role = model.To.ValueString()
	}
	opened, err := mysqltunnel.Open(ctx, mysqltunnel.To(role, cluster, r.Reachable(targets)))
	if err != nil {
		base.AddError(&resp.Diagnostics, "Open", "MySQL Tunnel to "+cluster.Name, err)
		return
	}
	r.Tunnels.Keep(opened)
	address := opened.Address()
	host, port, _ := net.SplitHostPort(address)
	number, _ := strconv.ParseInt(port, 10, 64)
	model.Host, model.Port, model.Endpoint = types.StringValue(host), types.Int64Value(number), types.StringValue(address)
	resp.Diagnostics.Append(resp.Result.Set(ctx, model)...)
	kept, err := json.Marshal(address)
	if err == nil {
		resp.Diagnostics.Append(resp.Private.SetKey(ctx, tunnelKey, kept)...)
	}
}

// Close ends the tunnel and what still runs through it.
func (r *tunnel) Close(ctx context.Context, req ephemeral.CloseRequest, resp *ephemeral.CloseResponse) {
	kept, problems := req.Private.GetKey(ctx, tunnelKey)
	resp.Diagnostics.Append(problems...)
	var address string
	if err := json.Unmarshal(kept, &address); err != nil || resp.Diagnostics.HasError() {
		return // it was never opened
	}
	if err := r.Tunnels.Close(address); err != nil {
		base.AddError(&resp.Diagnostics, "Close", "MySQL Tunnel at "+address, err)
	}
}
