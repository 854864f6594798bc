// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mesh

import (
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/tinc"
)

// peerModel is the state of one atoll_mesh_peer.
type peerModel struct {
	base.Node
	Mesh     types.String `tfsdk:"mesh"`
	Name     types.String `tfsdk:"name"`
	Address  types.String `tfsdk:"address"`
	Endpoint types.String `tfsdk:"endpoint"`
	Port     types.Int64  `tfsdk:"port"`
	MTU      types.Int64  `tfsdk:"mtu"`
	Peer     types.Object `tfsdk:"peer"`
}

// Key is mesh and name.
func (m *peerModel) Key() types.String {
	if m.Mesh.IsUnknown() || m.Name.IsUnknown() {
		return types.StringUnknown()
	}
	return types.StringValue(m.Mesh.ValueString() + "/" + m.Name.ValueString())
}

// Place is the mesh: a machine may be in several, by one name in each.
func (m *peerModel) Place() types.String { return m.Mesh }

// Subject names the peer in diagnostics.
func (m *peerModel) Subject() string { return "Mesh Peer " + m.ID.ValueString() }

// declared is the node as the plugin takes it.
func (m *peerModel) declared() tinc.Node {
	return tinc.Node{
		Mesh: m.Mesh.ValueString(), Name: m.Name.ValueString(), Address: m.Address.ValueString(),
		Endpoint: m.Endpoint.ValueString(), Port: int(m.Port.ValueInt64()), MTU: int(m.MTU.ValueInt64()),
	}
}

// read takes over the public key that the node has now. One that is missing is
// drift; the last one stands in the other peers' files.
func (m *peerModel) read(observation converge.Observation) error {
	key, err := m.declared().PublicKey(observation)
	if err == nil && key != "" {
		m.Peer = m.export(types.StringValue(key))
	}
	return err
}

// exportTypes are those of the peer object: what the mesh has to know of a node.
func exportTypes() map[string]attr.Type {
	return map[string]attr.Type{
		"mesh": types.StringType, "name": types.StringType, "address": types.StringType, "endpoint": types.StringType,
		"port": base.Integer{}, "public_key": types.StringType, "ssh": base.ConnectionType(),
	}
}

// export makes the peer object; publicKey is unknown until the host made it.
func (m *peerModel) export(publicKey types.String) types.Object {
	return types.ObjectValueMust(exportTypes(), map[string]attr.Value{
		"mesh": m.Mesh, "name": m.Name, "address": m.Address, "endpoint": m.Endpoint, "port": m.Port,
		"public_key": publicKey, "ssh": m.Connection,
	})
}

// publicKey is the key in the exported object, null when there is none.
func (m *peerModel) publicKey() types.String { return base.Member[types.String](m.Peer, "public_key") }
