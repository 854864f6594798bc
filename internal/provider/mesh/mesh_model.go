// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mesh

import (
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/tinc"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// meshModel is the state of one atoll_mesh.
type meshModel struct {
	base.Relation
	CIDR         types.String `tfsdk:"cidr"`
	Peers        types.Map    `tfsdk:"peers"`
	Cipher       types.String `tfsdk:"cipher"`
	Digest       types.String `tfsdk:"digest"`
	MACLength    types.Int64  `tfsdk:"mac_length"`
	PingInterval types.Int64  `tfsdk:"ping_interval"`
	PingTimeout  types.Int64  `tfsdk:"ping_timeout"`
	MaxTimeout   types.Int64  `tfsdk:"max_timeout"`
	ReplayWindow types.Int64  `tfsdk:"replay_window"`
	Links        types.Map    `tfsdk:"links"`
}

// Subject names the mesh in diagnostics.
func (m *meshModel) Subject() string { return "Mesh " + m.Name.ValueString() }

// Imported says whether the state knows no peers yet.
func (m *meshModel) Imported() bool { return m.Peers.IsNull() }

func linkType() basetypes.ListType { return types.ListType{ElemType: types.StringType} }

// declared is the mesh as the plugin takes it. Peers of which a part is not known
// yet are left out, and whole is false.
func (m *meshModel) declared() (mesh tinc.Mesh, whole bool) {
	mesh = tinc.Mesh{
		Name: m.Name.ValueString(), CIDR: m.CIDR.ValueString(), Peers: map[string]tinc.Peer{},
		Cipher: m.Cipher.ValueString(), Digest: m.Digest.ValueString(), MACLength: int(m.MACLength.ValueInt64()),
		PingInterval: int(m.PingInterval.ValueInt64()), PingTimeout: int(m.PingTimeout.ValueInt64()),
		MaxTimeout: int(m.MaxTimeout.ValueInt64()), ReplayWindow: int(m.ReplayWindow.ValueInt64()),
	}
	whole = !m.Peers.IsUnknown() && !m.CIDR.IsUnknown()
	for key, element := range m.Peers.Elements() {
		peer, known := peerOf(element)
		if known {
			mesh.Peers[key] = peer
		}
		whole = whole && known
	}
	return mesh, whole
}

// peerOf reads an exported peer. Its key may come later: no node is there yet.
func peerOf(element attr.Value) (peer tinc.Peer, known bool) {
	object, _ := element.(types.Object)
	known = true
	text := func(name string) string {
		value := base.Member[types.String](object, name)
		known = known && !value.IsUnknown()
		return value.ValueString()
	}
	port := base.Member[types.Int64](object, "port")
	target, reachable := base.Target(base.Member[types.Object](object, "ssh"))
	peer = tinc.Peer{
		Name: text("name"), Address: text("address"), Endpoint: text("endpoint"), Port: int(port.ValueInt64()), Target: target,
		PublicKey: base.Member[types.String](object, "public_key").ValueString(),
	}
	return peer, known && reachable && !port.IsUnknown()
}

// targets are the machines of the peers, by key.
func targets(peers map[string]tinc.Peer) map[string]remote.Target {
	all := make(map[string]remote.Target, len(peers))
	for key, peer := range peers {
		all[key] = peer.Target
	}
	return all
}

// fullMesh is what links holds when each of the peers reaches every other.
func fullMesh(keys []string) types.Map {
	reached := map[string]tinc.Reach{}
	for _, key := range keys {
		reached[key] = tinc.Reach{}
		for _, other := range keys {
			reached[key][other] = other != key
		}
	}
	return links(reached)
}

// links puts what was reached into the attribute's form.
func links(reached map[string]tinc.Reach) types.Map {
	values := map[string]attr.Value{}
	for key, reach := range reached {
		others := []attr.Value{}
		for _, other := range slices.Sorted(maps.Keys(reach)) {
			if reach[other] {
				others = append(others, types.StringValue(other))
			}
		}
		values[key] = types.ListValueMust(types.StringType, others)
	}
	return types.MapValueMust(linkType(), values)
}
