// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mesh

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
)

// widest is the shortest prefix that a mesh may have, that of the largest private
// network.
const widest = 8

// checkNetwork says what is wrong with a mesh's network.
func checkNetwork(value string) error {
	prefix, err := netip.ParsePrefix(value)
	switch {
	case err != nil:
		return errors.New("is not an IP network. Write it in CIDR form, such as \"10.77.0.0/24\"")
	case !prefix.Addr().Is4():
		return errors.New("is an IPv6 network, and a mesh has IPv4 addresses. Write one such as \"10.77.0.0/24\"")
	case prefix != prefix.Masked():
		return fmt.Errorf("has bits set behind its prefix. Write %q", prefix.Masked())
	case prefix.Bits() < widest:
		return fmt.Errorf("is wider than a /%d: all of it would lead into the mesh. Take a part of a private network, such as \"10.77.0.0/24\"", widest)
	case prefix.Addr().IsLoopback() || prefix.Addr().IsMulticast() || prefix.Addr().IsLinkLocalUnicast() || prefix.Addr().IsUnspecified():
		return errors.New("is a network that every machine has for itself. Take a part of a private one, such as \"10.77.0.0/24\"")
	}
	return nil
}

// Schema describes who is in a mesh and how its links behave.
func (k *meshKind) Schema() schema.Schema {
	const restarts = " A change restarts tinc on one peer after the other."
	return schema.Schema{
		Description: "Who is in a tinc mesh: a full mesh of encrypted links between all peers, each able to relay for the others. " +
			"Create and update end only when every peer reaches every other over the mesh; a pair that does not is named with the direction and the port. " +
			"Adding or removing a peer disturbs no link between the others. Destroying it makes every peer forget the others.",
		Attributes: map[string]schema.Attribute{
			"name": base.Replacing("Name of the mesh, the same as the peers' mesh. A change replaces the mesh.", base.MeshName()),
			"cidr": base.Given("IPv4 network that all peers' addresses lie in, such as \"10.77.0.0/24\": a /8 or narrower, and none that overlaps a network which a peer's machine has otherwise. A change is in place.", base.Text{Must: "be an IPv4 network in CIDR form", Check: checkNetwork}),
			"peers": schema.MapNestedAttribute{
				Required: true,
				Description: "The peers by a name of your own: each the peer of an atoll_mesh_peer. Adding or removing an entry is in place and leaves the links between the others alone. " +
					"A peer that is taken out while its machine still carries a database or a router stays until its atoll_mesh_peer is removed, at the end of the same apply, so that what it carries can hand over first.",
				Validators: []validator.Map{
					mapvalidator.SizeAtLeast(1), mapvalidator.KeysAre(base.Line()),
					base.Whole{Of: "peer of an atoll_mesh_peer", Needs: []string{"name", "address", "endpoint", "port", "public_key", "ssh.host"}},
				},
				NestedObject: schema.NestedAttributeObject{Attributes: exportAttributes()},
			},
			"cipher": base.Choice("aes-256-cbc", "Symmetric cipher of the data packets, by its OpenSSL name. Default aes-256-cbc."+restarts,
				"aes-256-cbc", "aes-192-cbc", "aes-128-cbc", "aes-256-ctr", "aes-128-ctr"),
			"digest":        base.Choice("sha256", "Digest that authenticates the data packets, by its OpenSSL name. Default sha256."+restarts, "sha256", "sha384", "sha512"),
			"mac_length":    base.Number(16, 8, 64, "Length of the message authentication code, in bytes. Default 16 (tinc's own is 4)."+restarts),
			"ping_interval": base.Number(10, 1, 3600, "Seconds between two signs of life on a link. Default 10: together with ping_timeout a dead link is noticed after 15 s (tinc's own: 65 s)."+restarts),
			"ping_timeout":  base.Number(5, 1, 600, "Seconds to wait for an answer before a link is taken for dead and its traffic relayed; no more than ping_interval. Default 5."+restarts),
			"max_timeout": base.Number(10, 1, 3600,
				"Longest wait between two attempts to make a link again, in seconds. Default 10 (tinc's own is 900: a healed link would stay relayed for up to a quarter of an hour)."+restarts),
			"replay_window": base.Number(128, 0, 4096, "Size of the window for packets out of order, in bytes of eight packets each. Default 128; larger loses less on lines that reorder."+restarts),
			"links": schema.MapAttribute{
				Computed: true, ElementType: types.ListType{ElemType: types.StringType},
				Description: "Which peers each peer reached over the mesh at the last refresh or apply, by name.",
			},
		},
	}
}
