// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package base

import (
	"context"
	"maps"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// hopModel is one machine on the way, or the machine itself.
type hopModel struct {
	Host    types.String `tfsdk:"host"`
	Port    types.Int64  `tfsdk:"port"`
	User    types.String `tfsdk:"user"`
	HostKey types.String `tfsdk:"host_key"`
	Key     types.String `tfsdk:"key"`
}

type connectionModel struct {
	Host    types.String `tfsdk:"host"`
	Port    types.Int64  `tfsdk:"port"`
	User    types.String `tfsdk:"user"`
	HostKey types.String `tfsdk:"host_key"`
	Key     types.String `tfsdk:"key"`
	Jumps   types.List   `tfsdk:"jumps"`
}

func hopTypes() map[string]attr.Type {
	return map[string]attr.Type{
		"host": types.StringType, "port": types.Int64Type, "user": types.StringType,
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
			Validators:  []validator.String{stringvalidator.LengthAtLeast(1)},
		},
		"port": schema.Int64Attribute{
			Optional:    true,
			Description: "TCP port of sshd on " + what + ". Default 22.",
			Validators:  []validator.Int64{int64validator.Between(1, 65535)},
		},
		"user": schema.StringAttribute{
			Optional:    true,
			Description: "Login name on " + what + ". Default root. Any other user needs sudo, with or without a password (see the provider's ssh.sudo_passwords).",
			Validators:  []validator.String{stringvalidator.LengthAtLeast(1)},
		},
		"host_key": schema.StringAttribute{
			Optional: true,
			Description: "Public SSH host key of " + what + ", such as \"ssh-ed25519 AAAA…\" (the content of /etc/ssh/ssh_host_ed25519_key.pub). " +
				"Without it nothing is sent; the error prints the key that was shown and the line to add.",
		},
		"key": schema.StringAttribute{
			Optional:    true,
			Description: "Name of the key in the provider's ssh.keys or ssh.key_files to log in with on " + what + ". Default \"default\". A name, never the key itself.",
		},
	}
}

func connectionAttributes() map[string]schema.Attribute {
	all := hopAttributes("the machine")
	all["jumps"] = schema.ListNestedAttribute{
		Optional:     true,
		Description:  "Machines to go through, the one nearest to you first, each with its own host key.",
		NestedObject: schema.NestedAttributeObject{Attributes: hopAttributes("the jump host")},
	}
	return all
}

// ConnectionAttribute is how a resource takes its machine.
func ConnectionAttribute() schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		Required: true,
		Description: "How to reach the machine over SSH: usually the ssh of an atoll_host, taken whole. Holds no secret. " +
			"A change is in place: the machine at the new address is brought to the declared state; the machine at the old address is not contacted.",
		Attributes: connectionAttributes(),
	}
}

// ConnectionWithin is the connection attribute inside an object that another
// resource exported (peer, member), in a relation's map.
func ConnectionWithin() schema.SingleNestedAttribute {
	attribute := ConnectionAttribute()
	attribute.Description = "How to reach the machine over SSH, as exported by the node's resource."
	return attribute
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
func Target(ctx context.Context, connection types.Object) (target remote.Target, known bool, diags diag.Diagnostics) {
	if connection.IsNull() || connection.IsUnknown() {
		return target, false, nil
	}
	var model connectionModel
	diags = connection.As(ctx, &model, basetypes.ObjectAsOptions{})
	if diags.HasError() || model.unknown() {
		return target, false, diags
	}
	target = hopModel{model.Host, model.Port, model.User, model.HostKey, model.Key}.target()
	var hops []hopModel
	if !model.Jumps.IsNull() {
		diags.Append(model.Jumps.ElementsAs(ctx, &hops, false)...)
	}
	for _, hop := range hops {
		if hop.unknown() {
			return target, false, diags
		}
		target.Jumps = append(target.Jumps, hop.target())
	}
	return target, !diags.HasError(), diags
}

// Machine gives the host behind a connection that must be known by now, and
// false when it cannot.
func (d *Data) Machine(ctx context.Context, connection types.Object, diags *diag.Diagnostics) (remote.Host, bool) {
	target, known, problems := Target(ctx, connection)
	diags.Append(problems...)
	if !known {
		if !diags.HasError() {
			diags.AddError("Unable to Use Connection", "The connection is not known. This is a fault of the provider: please report it.")
		}
		return nil, false
	}
	return d.Hosts.Host(target), true
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

func (m connectionModel) unknown() bool {
	return hopModel{m.Host, m.Port, m.User, m.HostKey, m.Key}.unknown() || m.Jumps.IsUnknown()
}

func (m hopModel) unknown() bool {
	return m.Host.IsUnknown() || m.Port.IsUnknown() || m.User.IsUnknown() || m.HostKey.IsUnknown() || m.Key.IsUnknown()
}

func (m hopModel) target() remote.Target {
	return remote.Target{
		Host: m.Host.ValueString(), Port: int(m.Port.ValueInt64()), User: m.User.ValueString(),
		HostKey: m.HostKey.ValueString(), Key: m.Key.ValueString(),
	}
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
