// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mesh

import (
	"regexp"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
)

var (
	// netPattern: the name becomes a directory, a unit instance and an interface.
	netPattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,14}$`)
	// namePattern allows the hyphen that tinc does not; it is mapped.
	namePattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_-]{0,62}$`)
)

const netMessage = "must start with a letter and have at most 15 letters, digits and underscores: it also names the network interface"

// Schema describes tinc on one node.
func (k *peerKind) Schema() schema.Schema {
	return schema.Schema{
		Description: "tinc on one node: the daemon, its private key, which is made on the machine and never leaves it, and the node's own address in the mesh. " +
			"Who else is in the mesh is declared by atoll_mesh, which takes the exported peer. " +
			"Destroying it stops the daemon and removes its configuration and key from the machine.",
		Attributes: map[string]schema.Attribute{
			"mesh": schema.StringAttribute{
				Required:      true,
				Description:   "Name of the mesh; must be the name of the atoll_mesh that takes this peer. A change replaces the peer.",
				Validators:    []validator.String{stringvalidator.RegexMatches(netPattern, netMessage)},
				PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()},
			},
			"name": schema.StringAttribute{
				Required:      true,
				Description:   "Name of the node within the mesh: letters, digits, hyphens and underscores. tinc knows no hyphen, so it is written as an underscore there. A change replaces the peer.",
				Validators:    []validator.String{stringvalidator.RegexMatches(namePattern, "must have 1 to 63 letters, digits, hyphens and underscores, and not start with a hyphen")},
				PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()},
			},
			"address": schema.StringAttribute{
				Required:    true,
				Description: "The node's IPv4 address inside the mesh, such as 10.77.0.11; must lie in the mesh's cidr. A change is in place: tinc restarts on this node.",
				Validators:  []validator.String{ipAddress{}},
			},
			"endpoint": schema.StringAttribute{
				Optional: true, Computed: true,
				Description: "Address outside of the mesh at which the other nodes dial this one. Default ssh.host. A change is in place; only the links to this node are made anew.",
				Validators:  []validator.String{stringvalidator.LengthAtLeast(1)},
			},
			"port": schema.Int64Attribute{
				Optional: true, Computed: true, Default: int64default.StaticInt64(655),
				Description: "TCP and UDP port of tinc on this node, which must be open to every other node. Default 655. A change is in place: tinc restarts on this node.",
				Validators:  []validator.Int64{int64validator.Between(1, 65535)},
			},
			"mtu": schema.Int64Attribute{
				Optional: true, Computed: true, Default: int64default.StaticInt64(1400),
				Description: "MTU of the mesh's interface on this node, in bytes. Default 1400, which leaves room for tinc's own headers on usual lines. A change is in place: tinc restarts on this node.",
				Validators:  []validator.Int64{int64validator.Between(576, 9000)},
			},
			"peer": schema.SingleNestedAttribute{
				Computed:    true,
				Description: "What the mesh has to know of this node; hand it to atoll_mesh.peers whole. Holds no secret.",
				Attributes: map[string]schema.Attribute{
					"name":       schema.StringAttribute{Computed: true, Description: "Name of the node within the mesh."},
					"address":    schema.StringAttribute{Computed: true, Description: "IPv4 address inside the mesh."},
					"endpoint":   schema.StringAttribute{Computed: true, Description: "Address outside of the mesh."},
					"port":       schema.Int64Attribute{Computed: true, Description: "TCP and UDP port of tinc."},
					"public_key": schema.StringAttribute{Computed: true, Description: "Public RSA key of the node, in PEM form."},
					"ssh":        base.ConnectionOutput(),
				},
			},
		},
	}
}
