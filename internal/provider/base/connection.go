// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package base

import (
	"maps"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

func hopTypes() map[string]attr.Type {
	return map[string]attr.Type{
		"host": types.StringType, "port": Integer{}, "user": types.StringType,
		"host_key": types.StringType, "key": types.StringType,
	}
}

// ConnectionType is the type of the connection object that node resources
// export and all others take.
func ConnectionType() basetypes.ObjectType {
	all := maps.Clone(hopTypes())
	all["jumps"] = types.ListType{ElemType: types.ObjectType{AttrTypes: hopTypes()}}
	return types.ObjectType{AttrTypes: all}
}

func hopAttributes(what string) map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"host": schema.StringAttribute{
			Required:    true,
			Description: "IP address or DNS name of " + what + ", as seen from the machine before it.",
			Validators:  []validator.String{Address()},
		},
		"port": schema.Int64Attribute{
			CustomType:  Integer{},
			Optional:    true,
			Description: "TCP port of sshd on " + what + ". Default 22.",
			Validators:  []validator.Int64{int64validator.Between(1, 65535)},
		},
		"user": schema.StringAttribute{
			Optional:    true,
			Description: "Login name on " + what + ". Default root. Any other user needs sudo, with or without a password (see the provider's ssh.sudo_passwords).",
			Validators:  []validator.String{UserName()},
		},
		"host_key": schema.StringAttribute{
			Optional: true,
			Description: "Public SSH host key of " + what + ", such as \"ssh-ed25519 AAAA…\" (the content of /etc/ssh/ssh_host_ed25519_key.pub). " +
				"Without it nothing is sent; the error prints the key that was shown and the line to add.",
			Validators: []validator.String{HostKey()},
		},
		"key": schema.StringAttribute{
			Optional:    true,
			Description: "Name of the key in the provider's ssh.keys or ssh.key_files to log in with on " + what + ". Default \"default\". A name, never the key itself.",
			Validators:  []validator.String{KeyName()},
		},
	}
}

const jumpsText = "Machines to go through, the one nearest to you first, each with its own host key. Each needs a host."

func throughHosts() validator.List {
	return Whole{Of: "ssh object of a machine to go through", Needs: []string{"host"}}
}

// ConnectionAttribute is how a resource takes its machine.
func ConnectionAttribute() schema.SingleNestedAttribute {
	attributes, jump := hopAttributes("the machine"), hopAttributes("the jump host")
	host, _ := jump["host"].(schema.StringAttribute)
	host.Required, host.Optional = false, true // see Whole
	jump["host"] = host
	attributes["jumps"] = schema.ListNestedAttribute{
		Optional:     true,
		Description:  jumpsText,
		Validators:   []validator.List{throughHosts()},
		NestedObject: schema.NestedAttributeObject{Attributes: jump},
	}
	return schema.SingleNestedAttribute{
		Required: true,
		Description: "How to reach the machine over SSH: usually the ssh of an atoll_host, taken whole. Holds no secret. " +
			"A change is in place: the machine at the new address is brought to the declared state; the machine at the old address is not contacted.",
		Attributes: attributes,
	}
}

// ConnectionWithin is the connection inside an object that another resource
// exported (peer, member), in a relation's map. That resource has checked it.
func ConnectionWithin() schema.SingleNestedAttribute {
	attributes := exportedHop("the machine")
	attributes["jumps"] = schema.ListNestedAttribute{
		Optional: true, Description: "Machines to go through.", NestedObject: schema.NestedAttributeObject{Attributes: exportedHop("the jump host")},
	}
	return schema.SingleNestedAttribute{
		Optional: true, Description: "How to reach the machine over SSH, as exported by the node's resource.", Attributes: attributes,
	}
}

func exportedHop(what string) map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"host":     ExportedText("IP address or DNS name of " + what + "."),
		"port":     ExportedNumber("TCP port of sshd on " + what + "."),
		"user":     ExportedText("Login name on " + what + "."),
		"host_key": ExportedText("Public SSH host key of " + what + "."),
		"key":      ExportedText("Name of the provider's key to log in with on " + what + "."),
	}
}

// ConnectionOutput is the connection attribute inside a computed object.
func ConnectionOutput() schema.ObjectAttribute {
	return schema.ObjectAttribute{
		Computed:       true,
		AttributeTypes: ConnectionType().AttrTypes,
		Description:    "How to reach the machine over SSH, for relations that take this object whole.",
	}
}

// Target turns the connection object into what remote understands. known is
// false while any part of it is unknown; then nothing must be contacted.
func Target(connection types.Object) (target remote.Target, known bool) {
	target, known = hop(connection)
	jumps, isList := connection.Attributes()["jumps"].(types.List)
	if !known || !isList || jumps.IsUnknown() {
		return target, known && isList && !jumps.IsUnknown()
	}
	for _, element := range jumps.Elements() {
		jump, isObject := element.(types.Object)
		one, whole := hop(jump)
		if !isObject || !whole {
			return target, false
		}
		target.Jumps = append(target.Jumps, one)
	}
	return target, true
}

// hop reads one machine on the way, or the machine itself.
func hop(object types.Object) (target remote.Target, known bool) {
	if object.IsNull() || object.IsUnknown() {
		return target, false
	}
	known = true
	text := func(name string) string {
		value, _ := object.Attributes()[name].(types.String)
		known = known && !value.IsUnknown()
		return value.ValueString()
	}
	port, _ := object.Attributes()["port"].(types.Int64)
	target = remote.Target{
		Host: text("host"), Port: int(port.ValueInt64()), User: text("user"), HostKey: text("host_key"), Key: text("key"),
	}
	return target, known && !port.IsUnknown() && target.Host != ""
}

// ConnectionFor builds a connection object from a target, as import does.
func ConnectionFor(target remote.Target) types.Object {
	optional := func(text string) attr.Value {
		if text == "" {
			return types.StringNull()
		}
		return types.StringValue(text)
	}
	port := types.Int64Null()
	if target.Port != 0 {
		port = types.Int64Value(int64(target.Port))
	}
	return types.ObjectValueMust(ConnectionType().AttrTypes, map[string]attr.Value{
		"host": types.StringValue(target.Host), "port": port, "user": optional(target.User),
		"host_key": optional(target.HostKey), "key": optional(target.Key),
		"jumps": types.ListNull(types.ObjectType{AttrTypes: hopTypes()}),
	})
}

// SameMachine says whether two connections lead to the same machine. A new user
// or key is another way to it; a new host key at the same address is another
// machine, or the same one with a fresh disk.
func SameMachine(a, b types.Object) bool {
	if a.IsNull() || a.IsUnknown() || b.IsNull() || b.IsUnknown() {
		return false
	}
	for _, name := range []string{"host", "host_key"} {
		if !a.Attributes()[name].Equal(b.Attributes()[name]) {
			return false
		}
	}
	return true
}
