// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package base

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// machineIdentity is what is needed to reach a machine again.
func machineIdentity() map[string]identityschema.Attribute {
	return map[string]identityschema.Attribute{
		"host":     identityschema.StringAttribute{RequiredForImport: true, Description: "Address of the machine."},
		"port":     identityschema.Int64Attribute{OptionalForImport: true, Description: "TCP port of sshd. Default 22."},
		"user":     identityschema.StringAttribute{OptionalForImport: true, Description: "Login name. Default root."},
		"host_key": identityschema.StringAttribute{OptionalForImport: true, Description: "Public SSH host key, as ssh.host_key has it."},
		"key":      identityschema.StringAttribute{OptionalForImport: true, Description: "Name of the provider's key to log in with."},
	}
}

// Asked is what an import asks for: an id, or an identity.
type Asked struct {
	// ID is "" for an import by identity.
	ID       string
	identity *tfsdk.ResourceIdentity
}

// Text is an attribute of the identity.
func (a Asked) Text(ctx context.Context, run *Run, name string) string {
	var text types.String
	if a.identity != nil {
		run.Diagnostics.Append(a.identity.GetAttribute(ctx, path.Root(name), &text)...)
	}
	return text.ValueString()
}

// target is the machine in the identity.
func (a Asked) target(ctx context.Context, run *Run) remote.Target {
	var port types.Int64
	if a.identity != nil {
		run.Diagnostics.Append(a.identity.GetAttribute(ctx, path.Root("port"), &port)...)
	}
	return remote.Target{
		Host: a.Text(ctx, run, "host"), Port: int(port.ValueInt64()), User: a.Text(ctx, run, "user"),
		HostKey: a.Text(ctx, run, "host_key"), Key: a.Text(ctx, run, "key"),
	}
}

// setIdentity writes the identity. Older Terraforms have none; then there is
// nothing to do.
func (f *frame[M, P]) setIdentity(ctx context.Context, run *Run, model *M, identity *tfsdk.ResourceIdentity) {
	if identity == nil {
		return
	}
	for name, value := range f.kind.Identify(model) {
		run.Diagnostics.Append(identity.SetAttribute(ctx, path.Root(name), value)...)
	}
}

// empty makes a state in which each attribute is null: what is known of a
// resource before it is found.
func empty(ctx context.Context, state *tfsdk.State) {
	whole := state.Schema.Type().TerraformType(ctx)
	object, isObject := whole.(tftypes.Object)
	if !isObject {
		return
	}
	nulls := map[string]tftypes.Value{}
	for name, kind := range object.AttributeTypes {
		nulls[name] = tftypes.NewValue(kind, nil)
	}
	state.Raw = tftypes.NewValue(whole, nulls)
}
