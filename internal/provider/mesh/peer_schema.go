// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mesh

import (
	"regexp"

	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
)

var (
	// nodePattern allows the hyphen that tinc does not; it is mapped.
	nodePattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_-]{0,62}$`)
	// pemPattern is a public key in PEM form.
	pemPattern = regexp.MustCompile(`^[A-Za-z0-9+/=\n -]*$`)
)

const nodeMessage = "must have 1 to 63 letters, digits, hyphens and underscores, and not start with a hyphen"

// Schema describes tinc on one node.
func (k *peerKind) Schema() schema.Schema {
	endpoint := base.Optional("Address outside of the mesh at which the other nodes dial this one. Default ssh.host. A change is in place; only the links to this node are made anew.", base.Address())
	endpoint.Computed = true
	return schema.Schema{
		Description: "tinc on one node: the daemon, its private key, which is made on the machine and never leaves it, and the node's own address in the mesh. " +
			"Who else is in the mesh is declared by atoll_mesh, which takes the exported peer. " +
			"Destroying it stops the daemon and removes its configuration and key from the machine.",
		Attributes: map[string]schema.Attribute{
			"mesh":     base.Replacing("Name of the mesh; must be the name of the atoll_mesh that takes this peer. A change replaces the peer.", base.MeshName()),
			"name":     base.Replacing("Name of the node within the mesh: letters, digits, hyphens and underscores. tinc knows no hyphen, so it is written as an underscore there. A change replaces the peer.", base.Matching(nodePattern, nodeMessage)),
			"address":  base.Given("The node's IPv4 address inside the mesh, such as 10.77.0.11; must lie in the mesh's cidr. A change is in place: tinc restarts on this node.", base.IPv4Address()),
			"endpoint": endpoint,
			"port":     base.Number(655, 1, 65535, "TCP and UDP port of tinc on this node, which must be open to every other node, and held by nobody else on this one. Default 655. A change is in place: tinc restarts on this node, and its links come back when the mesh has told the others, so change one node after the other."),
			"mtu":      base.Number(1400, 576, 9000, "MTU of the mesh's interface on this node, in bytes. Default 1400, which leaves room for tinc's own headers on usual lines. A change is in place: tinc restarts on this node."),
			"peer": base.ShowsGroup("What the mesh has to know of this node; hand it to atoll_mesh.peers whole. Holds no secret.", map[string]schema.Attribute{
				"mesh":       base.Shows("Name of the mesh."),
				"name":       base.Shows("Name of the node within the mesh."),
				"address":    base.Shows("IPv4 address inside the mesh."),
				"endpoint":   base.Shows("Address outside of the mesh."),
				"port":       base.ShowsNumber("TCP and UDP port of tinc."),
				"public_key": base.Shows("Public RSA key of the node, in PEM form."),
				"ssh":        base.ConnectionOutput(),
			}),
		},
	}
}

// exportAttributes are those of the peer object, as the mesh takes them.
func exportAttributes() map[string]schema.Attribute {
	attributes := map[string]schema.Attribute{
		"mesh":     base.ExportedText("Name of the mesh that the peer is of."),
		"name":     base.ExportedText("Name of the node within the mesh."),
		"address":  base.ExportedText("IPv4 address inside the mesh."),
		"endpoint": base.ExportedText("Address outside of the mesh at which the others dial this node."),
		"port":     base.ExportedNumber("TCP and UDP port of tinc on the node."),
		"ssh":      base.ConnectionWithin(),
	}
	key := base.ExportedText("Public RSA key of the node, in PEM form.")
	key.Validators = []validator.String{base.Matching(pemPattern, "must be a public key in PEM form")}
	attributes["public_key"] = key
	return attributes
}
