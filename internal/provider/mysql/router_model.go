// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysql

import (
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/model/group"
	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/innodbcluster"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlrouter"
)

// routerModel is the state of one atoll_mysql_router.
type routerModel struct {
	base.Node
	Name        types.String `tfsdk:"name"`
	Cluster     types.Object `tfsdk:"cluster"`
	Package     types.String `tfsdk:"package"`
	BindAddress types.String `tfsdk:"bind_address"`
	Ports       types.Object `tfsdk:"ports"`
	ConnectTime types.Int64  `tfsdk:"connect_timeout"`
	ReadTime    types.Int64  `tfsdk:"read_timeout"`
	ClientTLS   types.String `tfsdk:"client_tls"`
	ServerTLS   types.String `tfsdk:"server_tls"`
	Options     types.Object `tfsdk:"routing_options"`
	Endpoints   types.Object `tfsdk:"endpoints"`
	Version     types.String `tfsdk:"version"`
}

// Key is the address of the machine, under which the cluster knows the router, and
// the name of one among several there.
func (m *routerModel) Key() types.String {
	switch address := m.Address(); {
	case m.Name.IsNull(), address.IsUnknown():
		return address
	case m.Name.IsUnknown():
		return types.StringUnknown()
	default:
		return types.StringValue(address.ValueString() + "/" + m.Name.ValueString())
	}
}

// Place is the router's name: a machine may have several.
func (m *routerModel) Place() types.String { return m.Name }

// Subject names the router in diagnostics.
func (m *routerModel) Subject() string { return "MySQL Router on " + m.ID.ValueString() }

// follow takes over what the cluster's failover decides and the configuration
// leaves to it.
func (m *routerModel) follow(written *routerModel) {
	usual := group.Failovers[group.DefaultFailover]
	if written.ConnectTime.IsNull() {
		m.ConnectTime = m.routed("connect_timeout", usual.ConnectTimeout)
	}
	if written.ReadTime.IsNull() {
		m.ReadTime = m.routed("read_timeout", usual.ReadTimeout)
	}
}

// routed is a number of the cluster's routing, or the usual one where that was
// written by hand without it.
func (m *routerModel) routed(name string, usual int64) types.Int64 {
	number := base.Member[types.Int64](m.Cluster, name)
	switch {
	case m.Cluster.IsUnknown() || number.IsUnknown():
		return types.Int64Unknown()
	case number.ValueInt64() == 0:
		return types.Int64Value(usual)
	}
	return number
}

// defaultPorts are Router's own.
func defaultPorts() map[string]int64 {
	return map[string]int64{"read_write": 6446, "read_only": 6447, "read_write_split": 6450}
}

// ports are the local ports with their defaults filled in; those that are not
// known yet are left out.
func (m *routerModel) ports() map[string]int64 {
	if m.Ports.IsNull() {
		return defaultPorts()
	}
	known := map[string]int64{}
	for name := range defaultPorts() {
		if port := base.Member[types.Int64](m.Ports, name); !m.Ports.IsUnknown() && !port.IsUnknown() {
			known[name] = port.ValueInt64()
		}
	}
	return known
}

// endpoints are where the application connects, as far as it is known: whether
// there is a read-write split is the version's to say.
func (m *routerModel) endpoints() types.Object {
	kinds, values := map[string]attr.Type{}, map[string]attr.Value{}
	ports := m.ports()
	for name := range defaultPorts() {
		port, known := ports[name]
		kinds[name] = types.StringType
		values[name] = base.Keep(known && !m.BindAddress.IsUnknown(), types.StringValue(endpoint(m.BindAddress.ValueString(), port)), types.StringUnknown())
	}
	switch {
	case m.Version.IsUnknown():
		values["read_write_split"] = types.StringUnknown()
	case !mysqlrouter.Splits(m.Version.ValueString()):
		values["read_write_split"] = types.StringNull()
	}
	return types.ObjectValueMust(kinds, values)
}

// config is the router as the plugin takes it, and the cluster as its members
// are reached. Members on machines declared lost are left out.
func (m *routerModel) config(data *base.Data) (mysqlrouter.Config, mysqlrouter.Cluster) {
	target, _ := m.Target()
	members, ports := base.Member[types.Map](m.Cluster, "members"), m.ports()
	found, targets := membersOf(members)
	config := mysqlrouter.Config{
		Address: target.Host, Instance: m.Name.ValueString(), ClusterID: base.Member[types.String](m.Cluster, "cluster_id").ValueString(), BindAddress: m.BindAddress.ValueString(),
		ReadWrite: ports["read_write"], ReadOnly: ports["read_only"], ReadWriteSplit: ports["read_write_split"],
		Package: m.Package.ValueString(), ConnectTimeout: m.ConnectTime.ValueInt64(), ReadTimeout: m.ReadTime.ValueInt64(), After: base.MeshUnit(meshOf(members)),
	}
	config.Routing = routingOptions(m.Options, types.ObjectNull(nil))
	config.ClientTLS, config.ServerTLS = tlsMode(m.ClientTLS), tlsMode(m.ServerTLS)
	for _, member := range found {
		config.Members = append(config.Members, member.Endpoint())
	}
	name := base.Member[types.String](m.Cluster, "cluster").ValueString()
	return config, mysqlrouter.Cluster{Cluster: innodbcluster.Cluster{Name: name, Members: found, Mesh: commonMesh(members)}, Hosts: data.Reachable(targets)}
}

// meshOf is the one that the members' addresses belong to.
func meshOf(members types.Map) string {
	for _, element := range members.Elements() {
		object, _ := element.(types.Object)
		if mesh := base.Member[types.String](object, "mesh").ValueString(); mesh != "" {
			return mesh
		}
	}
	return ""
}

// tlsMode is "" for the mode that a bootstrap writes by itself.
func tlsMode(given types.String) string {
	if given.ValueString() == mysqlrouter.DefaultTLS {
		return ""
	}
	return given.ValueString()
}
