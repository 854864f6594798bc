// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package base

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// MachineIdentity is the identity of a resource that is one per machine: what
// is needed to reach it again.
func MachineIdentity() map[string]identityschema.Attribute {
	return map[string]identityschema.Attribute{
		"host":     identityschema.StringAttribute{RequiredForImport: true, Description: "Address of the machine."},
		"port":     identityschema.Int64Attribute{OptionalForImport: true, Description: "TCP port of sshd. Default 22."},
		"user":     identityschema.StringAttribute{OptionalForImport: true, Description: "Login name. Default root."},
		"host_key": identityschema.StringAttribute{OptionalForImport: true, Description: "Public SSH host key."},
		"key":      identityschema.StringAttribute{OptionalForImport: true, Description: "Name of the provider's key to log in with."},
	}
}

// NodeIdentity is the identity of a resource that has a name on a machine.
func NodeIdentity(description string) map[string]identityschema.Attribute {
	attributes := MachineIdentity()
	attributes["name"] = identityschema.StringAttribute{RequiredForImport: true, Description: description}
	return attributes
}

// SetMachineIdentity writes the identity from the connection. Older Terraforms
// have no identity; then there is nothing to do.
func SetMachineIdentity(ctx context.Context, connection types.Object, identity *tfsdk.ResourceIdentity, diags *diag.Diagnostics) {
	if identity == nil {
		return
	}
	for _, name := range []string{"host", "port", "user", "host_key", "key"} {
		diags.Append(identity.SetAttribute(ctx, path.Root(name), connection.Attributes()[name])...)
	}
}

// SetNodeIdentity writes the identity of a named resource on a machine.
func SetNodeIdentity(ctx context.Context, name string, connection types.Object, identity *tfsdk.ResourceIdentity, diags *diag.Diagnostics) {
	if identity == nil {
		return
	}
	SetMachineIdentity(ctx, connection, identity, diags)
	diags.Append(identity.SetAttribute(ctx, path.Root("name"), name)...)
}

// ImportMachine finds the machine in an import by id or by identity.
func ImportMachine(ctx context.Context, req resource.ImportStateRequest, diags *diag.Diagnostics) (remote.Target, bool) {
	if req.ID == "" {
		return machineFromIdentity(ctx, req.Identity, diags), !diags.HasError()
	}
	target, err := ParseMachine(req.ID)
	if err != nil {
		diags.AddError("Unable to Import", "The import id "+err.Error()+".")
		return target, false
	}
	return target, true
}

// ImportNode finds name and machine in an import by id or by identity.
func ImportNode(ctx context.Context, req resource.ImportStateRequest, diags *diag.Diagnostics) (string, remote.Target, bool) {
	if req.ID == "" {
		var name types.String
		diags.Append(req.Identity.GetAttribute(ctx, path.Root("name"), &name)...)
		return name.ValueString(), machineFromIdentity(ctx, req.Identity, diags), !diags.HasError()
	}
	name, target, err := ParseNode(req.ID)
	if err != nil {
		diags.AddError("Unable to Import", "The import id "+err.Error()+".")
		return name, target, false
	}
	return name, target, true
}

func machineFromIdentity(ctx context.Context, identity *tfsdk.ResourceIdentity, diags *diag.Diagnostics) remote.Target {
	var host, user, hostKey, key types.String
	var port types.Int64
	diags.Append(identity.GetAttribute(ctx, path.Root("host"), &host)...)
	diags.Append(identity.GetAttribute(ctx, path.Root("port"), &port)...)
	diags.Append(identity.GetAttribute(ctx, path.Root("user"), &user)...)
	diags.Append(identity.GetAttribute(ctx, path.Root("host_key"), &hostKey)...)
	diags.Append(identity.GetAttribute(ctx, path.Root("key"), &key)...)
	return remote.Target{
		Host: host.ValueString(), Port: int(port.ValueInt64()), User: user.ValueString(),
		HostKey: hostKey.ValueString(), Key: key.ValueString(),
	}
}
