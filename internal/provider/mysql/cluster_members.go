// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysql

import (
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/innodbcluster"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// memberTypes are what everybody has to know of a member.
func memberTypes() map[string]attr.Type {
	return map[string]attr.Type{
		"address": types.StringType, "port": base.Integer{}, "server_id": base.Integer{},
		"mesh": types.StringType, "ssh": base.ConnectionType(),
	}
}

// exportedTypes are those of the member object that a server exports. The cluster alone
// takes over when it was created: to routers and to whoever asks it is the same member.
func exportedTypes() map[string]attr.Type {
	exported := memberTypes()
	exported["created"] = types.StringType
	return exported
}

func memberType() basetypes.ObjectType { return types.ObjectType{AttrTypes: memberTypes()} }

func exportedType() basetypes.ObjectType { return types.ObjectType{AttrTypes: exportedTypes()} }

// keepCreated keeps when the servers of planned members were created, where what is written
// does not say.
func keepCreated(planned, written, before types.Map) types.Map {
	if planned.IsUnknown() || planned.IsNull() {
		return planned
	}
	kept, said, was := planned.Elements(), written.Elements(), before.Elements()
	for key, element := range kept {
		object, _ := element.(types.Object)
		declared, _ := said[key].(types.Object)
		former, _ := was[key].(types.Object)
		if object.IsUnknown() || object.IsNull() || declared.IsUnknown() || !createdOf(declared).IsNull() {
			continue
		}
		attributes := object.Attributes()
		attributes["created"] = createdOf(former)
		kept[key] = types.ObjectValueMust(exportedTypes(), attributes)
	}
	return types.MapValueMust(exportedType(), kept)
}

// routed are the members as routers have to know them: to those one that was replaced is
// the same.
func routed(members types.Map) types.Map {
	switch {
	case members.IsUnknown():
		return types.MapUnknown(memberType())
	case members.IsNull():
		return types.MapNull(memberType())
	}
	known := map[string]attr.Value{}
	for key, element := range members.Elements() {
		object, _ := element.(types.Object)
		switch {
		case object.IsUnknown():
			known[key] = types.ObjectUnknown(memberTypes())
		case object.IsNull():
			known[key] = types.ObjectNull(memberTypes())
		default:
			attributes := object.Attributes()
			delete(attributes, "created")
			known[key] = types.ObjectValueMust(memberTypes(), attributes)
		}
	}
	return types.MapValueMust(memberType(), known)
}

// membersOf reads a map of exported members.
func membersOf(value types.Map) (map[string]innodbcluster.Member, map[string]remote.Target) {
	found, targets := map[string]innodbcluster.Member{}, map[string]remote.Target{}
	for key, element := range value.Elements() {
		object, _ := element.(types.Object)
		target, known := base.Target(base.Member[types.Object](object, "ssh"))
		address, port := base.Member[types.String](object, "address"), base.Member[types.Int64](object, "port")
		number := base.Member[types.Int64](object, "server_id")
		if !known || address.IsUnknown() || port.IsUnknown() || number.IsUnknown() {
			continue
		}
		found[key] = innodbcluster.Member{Address: address.ValueString(), Port: int(port.ValueInt64()), ServerID: number.ValueInt64()}
		targets[key] = target
	}
	return found, targets
}

// commonMesh is the one that all members' addresses belong to; "" for none, or several.
func commonMesh(members types.Map) string {
	common := ""
	for _, element := range members.Elements() {
		object, _ := element.(types.Object)
		mesh := base.Member[types.String](object, "mesh").ValueString()
		if mesh == "" || common != "" && common != mesh {
			return ""
		}
		common = mesh
	}
	return common
}

// endpointsOf reads the members of a map whose endpoints are known, be their
// machines known or not; whole says that these are all.
func endpointsOf(value types.Map) (found map[string]innodbcluster.Member, whole bool) {
	found, whole = map[string]innodbcluster.Member{}, true
	for key, element := range value.Elements() {
		object, _ := element.(types.Object)
		address, port := base.Member[types.String](object, "address"), base.Member[types.Int64](object, "port")
		if address.IsUnknown() || address.IsNull() || port.IsUnknown() || port.IsNull() {
			whole = false
			continue
		}
		found[key] = innodbcluster.Member{Address: address.ValueString(), Port: int(port.ValueInt64())}
	}
	return found, whole
}
