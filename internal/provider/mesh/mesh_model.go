// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mesh

import (
	"context"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/tinc"
)

// meshModel is the state of one atoll_mesh.
type meshModel struct {
	ID           types.String   `tfsdk:"id"`
	Name         types.String   `tfsdk:"name"`
	CIDR         types.String   `tfsdk:"cidr"`
	Peers        types.Map      `tfsdk:"peers"`
	Cipher       types.String   `tfsdk:"cipher"`
	Digest       types.String   `tfsdk:"digest"`
	MACLength    types.Int64    `tfsdk:"mac_length"`
	PingInterval types.Int64    `tfsdk:"ping_interval"`
	PingTimeout  types.Int64    `tfsdk:"ping_timeout"`
	MaxTimeout   types.Int64    `tfsdk:"max_timeout"`
	ReplayWindow types.Int64    `tfsdk:"replay_window"`
	Links        types.Map      `tfsdk:"links"`
	Drift        types.List     `tfsdk:"drift"`
	Timeouts     timeouts.Value `tfsdk:"timeouts"`
}

func linkType() basetypes.ListType { return types.ListType{ElemType: types.StringType} }

// mesh turns the model into what the plugin takes. Peers of which a part that
// matters is not known yet are left out, and known is false.
func (m meshModel) mesh(ctx context.Context, diags *diag.Diagnostics) (mesh tinc.Mesh, known bool) {
	mesh = tinc.Mesh{
		Name: m.Name.ValueString(), CIDR: m.CIDR.ValueString(), Peers: map[string]tinc.Peer{},
		Cipher: m.Cipher.ValueString(), Digest: m.Digest.ValueString(), MACLength: int(m.MACLength.ValueInt64()),
		PingInterval: int(m.PingInterval.ValueInt64()), PingTimeout: int(m.PingTimeout.ValueInt64()),
		MaxTimeout: int(m.MaxTimeout.ValueInt64()), ReplayWindow: int(m.ReplayWindow.ValueInt64()),
	}
	known = !m.Peers.IsUnknown() && !m.CIDR.IsUnknown()
	for key, value := range m.Peers.Elements() {
		object, ok := value.(types.Object)
		if !ok || object.IsUnknown() || object.IsNull() {
			known = false
			continue
		}
		var peer exportModel
		diags.Append(object.As(ctx, &peer, basetypes.ObjectAsOptions{})...)
		target, reachable, problems := base.Target(ctx, peer.Connection)
		diags.Append(problems...)
		if !reachable || peer.Address.IsUnknown() || peer.Name.IsUnknown() || peer.Endpoint.IsUnknown() || peer.Port.IsUnknown() {
			known = false
			continue
		}
		mesh.Peers[key] = tinc.Peer{
			Name: peer.Name.ValueString(), Address: peer.Address.ValueString(), Endpoint: peer.Endpoint.ValueString(),
			Port: int(peer.Port.ValueInt64()), PublicKey: peer.PublicKey.ValueString(), Target: target,
		}
	}
	return mesh, known
}

// keys are the names of the peers in the configuration, sorted.
func (m meshModel) keys() []string { return slices.Sorted(maps.Keys(m.Peers.Elements())) }

// fullMesh is what links holds when every peer reaches every other.
func (m meshModel) fullMesh() types.Map {
	keys := m.keys()
	links := map[string]attr.Value{}
	for _, key := range keys {
		others := []attr.Value{}
		for _, other := range keys {
			if other != key {
				others = append(others, types.StringValue(other))
			}
		}
		links[key] = types.ListValueMust(types.StringType, others)
	}
	return types.MapValueMust(linkType(), links)
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
