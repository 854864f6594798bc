// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mesh

import (
	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
)

// peerModel is the state of one atoll_mesh_peer.
type peerModel struct {
	ID         types.String   `tfsdk:"id"`
	Connection types.Object   `tfsdk:"ssh"`
	Mesh       types.String   `tfsdk:"mesh"`
	Name       types.String   `tfsdk:"name"`
	Address    types.String   `tfsdk:"address"`
	Endpoint   types.String   `tfsdk:"endpoint"`
	Port       types.Int64    `tfsdk:"port"`
	MTU        types.Int64    `tfsdk:"mtu"`
	Peer       types.Object   `tfsdk:"peer"`
	Drift      types.List     `tfsdk:"drift"`
	Timeouts   timeouts.Value `tfsdk:"timeouts"`
}

// exportModel is the peer object: what the mesh has to know of one node.
type exportModel struct {
	Name       types.String `tfsdk:"name"`
	Address    types.String `tfsdk:"address"`
	Endpoint   types.String `tfsdk:"endpoint"`
	Port       types.Int64  `tfsdk:"port"`
	PublicKey  types.String `tfsdk:"public_key"`
	Connection types.Object `tfsdk:"ssh"`
}

func exportTypes() map[string]attr.Type {
	return map[string]attr.Type{
		"name": types.StringType, "address": types.StringType, "endpoint": types.StringType,
		"port": types.Int64Type, "public_key": types.StringType, "ssh": base.ConnectionType(),
	}
}

// export makes the peer object; publicKey is unknown until the host made it.
func (m peerModel) export(publicKey types.String) types.Object {
	return types.ObjectValueMust(exportTypes(), map[string]attr.Value{
		"name": m.Name, "address": m.Address, "endpoint": m.Endpoint, "port": m.Port,
		"public_key": publicKey, "ssh": m.Connection,
	})
}

// publicKey is the key in the exported object, null when there is none.
func (m peerModel) publicKey() types.String {
	if m.Peer.IsNull() || m.Peer.IsUnknown() {
		return types.StringNull()
	}
	key, _ := m.Peer.Attributes()["public_key"].(types.String)
	return key
}
