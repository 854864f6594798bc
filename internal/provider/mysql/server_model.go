// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysql

import (
	"encoding/binary"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqld"
)

// serverModel is the state of one atoll_mysql_server.
type serverModel struct {
	base.Node
	Mesh       types.String `tfsdk:"mesh"`
	Address    types.String `tfsdk:"address"`
	Port       types.Int64  `tfsdk:"port"`
	ServerID   types.Int64  `tfsdk:"server_id"`
	Package    types.String `tfsdk:"package"`
	Settings   types.Map    `tfsdk:"settings"`
	Guardian   types.Bool   `tfsdk:"guardian"`
	Keys       types.Bool   `tfsdk:"generate_primary_keys"`
	DeleteData types.Bool   `tfsdk:"delete_data"`
	Version    types.String `tfsdk:"version"`
	ServerUUID types.String `tfsdk:"server_uuid"`
	MemoryMiB  types.Int64  `tfsdk:"memory_mib"`
	SizedFor   types.Int64  `tfsdk:"sized_for_mib"`
	Member     types.Object `tfsdk:"member"`
	// Certificate is null for a server that shows one of the user's settings.
	Certificate types.Object `tfsdk:"certificate"`

	// wanted is the version that is declared: Version has what runs where none is.
	wanted string
}

// Declared notes what a plan does not tell apart from what is filled in.
func (m *serverModel) Declared(written *serverModel) { m.wanted = written.Version.ValueString() }

// Key is address and port.
func (m *serverModel) Key() types.String {
	if m.Address.IsUnknown() || m.Port.IsUnknown() {
		return types.StringUnknown()
	}
	return types.StringValue(endpoint(m.Address.ValueString(), m.Port.ValueInt64()))
}

func endpoint(address string, port int64) string {
	return net.JoinHostPort(address, strconv.FormatInt(port, 10))
}

// Subject names the server in diagnostics.
func (m *serverModel) Subject() string { return "MySQL Server " + m.ID.ValueString() }

// member is what the server exports, created at a time that stays the same until it is
// destroyed and created again.
func (m *serverModel) member(created types.String) types.Object {
	return types.ObjectValueMust(exportedTypes(), map[string]attr.Value{
		"address": m.Address, "port": m.Port, "server_id": m.ServerID, "mesh": m.Mesh, "ssh": m.Connection, "created": created,
	})
}

// createdOf is when the server of an exported member was created; null for one that an
// earlier release created, or that was imported, and for one that is written by hand.
func createdOf(member types.Object) types.String {
	return base.Member[types.String](member, "created")
}

// createdAt is when a server was created that is planned with planned: now, unless that is
// known. No two creations of one server are as close as what it tells apart.
func createdAt(planned types.String, now time.Time) types.String {
	return base.Keep(!planned.IsUnknown(), planned, types.StringValue(now.UTC().Format("2006-01-02T15:04:05.000Z")))
}

// config is the server as the plugin takes it; whole is false while a part that
// decides about it is not known.
func (m *serverModel) config() (config mysqld.Config, whole bool) {
	own, whole := base.TextMap(m.Settings)
	return mysqld.Config{
		Address: m.Address.ValueString(), Port: int(m.Port.ValueInt64()), ServerID: m.ServerID.ValueInt64(),
		After: base.MeshUnit(m.Mesh.ValueString()), Interface: m.Mesh.ValueString(), Package: m.Package.ValueString(), Own: own, GivenMemory: uint64(m.MemoryMiB.ValueInt64()) << 20,
		MemoryBytes: uint64(m.SizedFor.ValueInt64()) << 20, Version: mysqld.ParseVersion(m.Version.ValueString()),
		Wanted: mysqld.ParseVersion(m.wanted), Unguarded: !m.Guardian.ValueBool(), GeneratesKeys: onOff(m.Keys),
	}, whole && !m.MemoryMiB.IsUnknown()
}

func textMap(texts map[string]string) types.Map {
	values := map[string]attr.Value{}
	for name, text := range texts {
		values[name] = types.StringValue(text)
	}
	return types.MapValueMust(types.StringType, values)
}

func certificateTypes() map[string]attr.Type {
	return map[string]attr.Type{"authority": types.StringType, "expires": types.StringType}
}

// certificate is what is known of the server's; null where it has none that is whole.
func (m *serverModel) certificate(shown mysqld.Certificate) types.Object {
	config, _ := m.config()
	if expires := shown.Expires(); expires != "" && !config.OwnTLS() {
		return types.ObjectValueMust(certificateTypes(), map[string]attr.Value{
			"authority": types.StringValue(shown.AuthorityPEM()), "expires": types.StringValue(expires),
		})
	}
	return types.ObjectNull(certificateTypes())
}

// read takes over what the server said of itself.
func (m *serverModel) read(status mysqld.Status) {
	m.Certificate = m.certificate(status.Certificate)
	if status.Answers {
		// As it is declared: the package's own version stands nowhere.
		m.Version = types.StringValue(mysqld.ParseVersion(status.Version).String())
		m.ServerUUID = types.StringValue(status.UUID)
	}
}

// readAfter takes over what the server said of itself after an apply. Earlier releases
// showed the package's own version, too: where a plan without a refresh has kept that, it
// stands until the next refresh.
func (m *serverModel) readAfter(status mysqld.Status) {
	planned := m.Version
	m.read(status)
	if mysqld.ParseVersion(planned.ValueString()).String() == m.Version.ValueString() {
		m.Version = planned
	}
}

// defaultServerID makes a number of an IPv4 address, which no two members share.
func defaultServerID(address string) int64 {
	ip, err := netip.ParseAddr(address)
	if err != nil || !ip.Is4() {
		return 0 // the validator lets none pass
	}
	bytes := ip.As4()
	return int64(binary.BigEndian.Uint32(bytes[:]))
}
