// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mesh

import (
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
)

// Schema describes who is in a mesh and how its links behave.
func (k *meshKind) Schema() schema.Schema {
	return schema.Schema{
		Description: "Who is in a tinc mesh: a full mesh of encrypted links between all peers, each able to relay for the others. " +
			"Create and update end only when every peer reaches every other over the mesh; a pair that does not is named with the direction and the port. " +
			"Adding or removing a peer disturbs no link between the others. Destroying it makes every peer forget the others.",
		Attributes: map[string]schema.Attribute{
			"name": schema.StringAttribute{
				Required:      true,
				Description:   "Name of the mesh, the same as the peers' mesh. A change replaces the mesh.",
				Validators:    []validator.String{stringvalidator.RegexMatches(netPattern, netMessage)},
				PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()},
			},
			"cidr": schema.StringAttribute{
				Required:    true,
				Description: "Network that all peers' addresses lie in, such as \"10.77.0.0/24\". A change is in place.",
				Validators:  []validator.String{network{}},
			},
			"peers": schema.MapNestedAttribute{
				Required: true,
				Description: "The peers by a name of your own: each the peer of an atoll_mesh_peer. Adding or removing an entry is in place and leaves the links between the others alone. " +
					"A peer that is taken out while its machine still carries a database or a router stays until its atoll_mesh_peer is removed, at the end of the same apply, so that what it carries can hand over first.",
				Validators:   []validator.Map{mapvalidator.SizeAtLeast(1)},
				NestedObject: schema.NestedAttributeObject{Attributes: exportAttributes()},
			},
			"cipher": schema.StringAttribute{
				Optional: true, Computed: true, Default: stringdefault.StaticString("aes-256-cbc"),
				Description: "Symmetric cipher of the data packets, by its OpenSSL name. Default aes-256-cbc. A change restarts tinc on one peer after the other.",
				Validators:  []validator.String{stringvalidator.OneOf("aes-256-cbc", "aes-192-cbc", "aes-128-cbc", "aes-256-ctr", "aes-128-ctr")},
			},
			"digest": schema.StringAttribute{
				Optional: true, Computed: true, Default: stringdefault.StaticString("sha256"),
				Description: "Digest that authenticates the data packets, by its OpenSSL name. Default sha256. A change restarts tinc on one peer after the other.",
				Validators:  []validator.String{stringvalidator.OneOf("sha256", "sha384", "sha512")},
			},
			"mac_length": schema.Int64Attribute{
				Optional: true, Computed: true, Default: int64default.StaticInt64(16),
				Description: "Length of the message authentication code, in bytes. Default 16 (tinc's own is 4). A change restarts tinc on one peer after the other.",
				Validators:  []validator.Int64{int64validator.Between(8, 64)},
			},
			"ping_interval": schema.Int64Attribute{
				Optional: true, Computed: true, Default: int64default.StaticInt64(10),
				Description: "Seconds between two signs of life on a link. Default 10: together with ping_timeout a dead link is noticed after 15 s (tinc's own: 65 s). A change restarts tinc on one peer after the other.",
				Validators:  []validator.Int64{int64validator.Between(1, 3600)},
			},
			"ping_timeout": schema.Int64Attribute{
				Optional: true, Computed: true, Default: int64default.StaticInt64(5),
				Description: "Seconds to wait for an answer before a link is taken for dead and its traffic relayed. Default 5. A change restarts tinc on one peer after the other.",
				Validators:  []validator.Int64{int64validator.Between(1, 600)},
			},
			"max_timeout": schema.Int64Attribute{
				Optional: true, Computed: true, Default: int64default.StaticInt64(30),
				Description: "Longest wait between two attempts to make a link again, in seconds. Default 30 (tinc's own is 900: a healed link would stay relayed for up to a quarter of an hour). A change restarts tinc on one peer after the other.",
				Validators:  []validator.Int64{int64validator.Between(1, 3600)},
			},
			"replay_window": schema.Int64Attribute{
				Optional: true, Computed: true, Default: int64default.StaticInt64(128),
				Description: "Size of the window for packets out of order, in bytes of eight packets each. Default 128; larger loses less on lines that reorder. A change restarts tinc on one peer after the other.",
				Validators:  []validator.Int64{int64validator.Between(0, 4096)},
			},
			"links": schema.MapAttribute{
				Computed: true, ElementType: types.ListType{ElemType: types.StringType},
				Description: "Which peers each peer reached over the mesh at the last look, by name.",
			},
		},
	}
}

// exportAttributes are those of the peer object, as the mesh takes them.
func exportAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"name":       schema.StringAttribute{Required: true, Description: "Name of the node within the mesh."},
		"address":    schema.StringAttribute{Required: true, Description: "IPv4 address inside the mesh.", Validators: []validator.String{ipAddress{}}},
		"endpoint":   schema.StringAttribute{Required: true, Description: "Address outside of the mesh at which the others dial this node."},
		"port":       schema.Int64Attribute{Required: true, Description: "TCP and UDP port of tinc on the node."},
		"public_key": schema.StringAttribute{Required: true, Description: "Public RSA key of the node, in PEM form."},
		"ssh":        base.ConnectionWithin(),
	}
}
