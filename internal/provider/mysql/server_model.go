// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysql

import (
	"context"
	"encoding/binary"
	"net/netip"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqld"
)

// serverModel is the state of one atoll_mysql_server.
type serverModel struct {
	ID         types.String   `tfsdk:"id"`
	Connection types.Object   `tfsdk:"ssh"`
	Mesh       types.String   `tfsdk:"mesh"`
	Address    types.String   `tfsdk:"address"`
	Port       types.Int64    `tfsdk:"port"`
	ServerID   types.Int64    `tfsdk:"server_id"`
	Package    types.String   `tfsdk:"package"`
	Settings   types.Map      `tfsdk:"settings"`
	DeleteData types.Bool     `tfsdk:"delete_data"`
	Version    types.String   `tfsdk:"version"`
	ServerUUID types.String   `tfsdk:"server_uuid"`
	MemoryMiB  types.Int64    `tfsdk:"memory_mib"`
	SizedFor   types.Int64    `tfsdk:"sized_for_mib"`
	Member     types.Object   `tfsdk:"member"`
	Drift      types.List     `tfsdk:"drift"`
	Timeouts   timeouts.Value `tfsdk:"timeouts"`
}

// memberModel is the member object: what the cluster has to know of a server.
type memberModel struct {
	Address    types.String `tfsdk:"address"`
	Port       types.Int64  `tfsdk:"port"`
	ServerID   types.Int64  `tfsdk:"server_id"`
	Mesh       types.String `tfsdk:"mesh"`
	Connection types.Object `tfsdk:"ssh"`
}

func memberTypes() map[string]attr.Type {
	return map[string]attr.Type{
		"address": types.StringType, "port": types.Int64Type, "server_id": types.Int64Type,
		"mesh": types.StringType, "ssh": base.ConnectionType(),
	}
}

func (m serverModel) member() types.Object {
	return types.ObjectValueMust(memberTypes(), map[string]attr.Value{
		"address": m.Address, "port": m.Port, "server_id": m.ServerID, "mesh": m.Mesh, "ssh": m.Connection,
	})
}

// config turns the model into what the plugin takes.
func (m serverModel) config(ctx context.Context, diags *diag.Diagnostics) mysqld.Config {
	config := mysqld.Config{
		Address: m.Address.ValueString(), Port: int(m.Port.ValueInt64()), ServerID: m.ServerID.ValueInt64(),
		After: base.MeshUnit(m.Mesh.ValueString()), Package: m.Package.ValueString(),
		GivenMemory: uint64(m.MemoryMiB.ValueInt64()) << 20, MemoryBytes: uint64(m.SizedFor.ValueInt64()) << 20, Version: mysqld.ParseVersion(m.Version.ValueString()),
	}
	if !m.Settings.IsNull() && !m.Settings.IsUnknown() {
		diags.Append(m.Settings.ElementsAs(ctx, &config.Own, false)...)
	}
	return config
}

// see takes over what the server said of itself.
func (m *serverModel) see(status mysqld.Status) {
	if status.Answers {
		m.Version = types.StringValue(status.Version)
		m.ServerUUID = types.StringValue(status.UUID)
	}
}

// defaultServerID makes a number of an IPv4 address, which no two members share.
func defaultServerID(address string) (int64, bool) {
	ip, err := netip.ParseAddr(address)
	if err != nil || !ip.Is4() {
		return 0, false
	}
	bytes := ip.As4()
	return int64(binary.BigEndian.Uint32(bytes[:])), true
}
