// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// sshModel is the provider block's ssh object.
type sshModel struct {
	Keys          types.Map    `tfsdk:"keys"`
	KeyFiles      types.Map    `tfsdk:"key_files"`
	Passphrases   types.Map    `tfsdk:"passphrases"`
	Agent         types.Bool   `tfsdk:"agent"`
	SudoPasswords types.Map    `tfsdk:"sudo_passwords"`
	Timeout       types.String `tfsdk:"timeout"`
}

// options turns the block into what the pool takes. A missing block means no
// key at all, which is told when the first machine is contacted.
func (m *sshModel) options(ctx context.Context, diags *diag.Diagnostics) remote.Options {
	options := remote.Options{Keys: map[string]remote.PrivateKey{}}
	if m == nil {
		return options
	}
	passphrases := texts(ctx, m.Passphrases, diags)
	for name, text := range texts(ctx, m.Keys, diags) {
		options.Keys[name] = remote.PrivateKey{PEM: []byte(text), Passphrase: passphrases[name]}
	}
	for name, file := range texts(ctx, m.KeyFiles, diags) {
		at := path.Root("ssh").AtName("key_files").AtMapKey(name)
		if _, twice := options.Keys[name]; twice {
			diags.AddAttributeError(at, "Key Is Given Twice",
				fmt.Sprintf("The key %q stands in ssh.keys and in ssh.key_files. Remove one of them.", name))
			continue
		}
		content, err := os.ReadFile(expandHome(file))
		if err != nil {
			diags.AddAttributeError(at, "Unable to Read Key File", err.Error()+". Check the path, which is relative to where Terraform runs.")
			continue
		}
		options.Keys[name] = remote.PrivateKey{PEM: content, Passphrase: passphrases[name]}
	}
	options.SudoPasswords = texts(ctx, m.SudoPasswords, diags)
	options.Agent = m.Agent.ValueBool()
	if !m.Timeout.IsNull() {
		// The validator has seen that it parses.
		options.DialTimeout, _ = time.ParseDuration(m.Timeout.ValueString())
	}
	return options
}

func texts(ctx context.Context, values types.Map, diags *diag.Diagnostics) map[string]string {
	all := map[string]string{}
	if !values.IsNull() && !values.IsUnknown() {
		diags.Append(values.ElementsAs(ctx, &all, false)...)
	}
	return all
}

func expandHome(file string) string {
	if rest, found := strings.CutPrefix(file, "~/"); found {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, rest)
		}
	}
	return file
}

// duration asks for a positive Go duration.
type duration struct{}

func (duration) Description(context.Context) string { return "must be a duration such as 10s" }
func (duration) MarkdownDescription(context.Context) string {
	return "must be a duration such as `10s`"
}

func (duration) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	value, err := time.ParseDuration(req.ConfigValue.ValueString())
	if err != nil || value <= 0 {
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid Duration",
			fmt.Sprintf("%s = %q is not a positive duration. Write a number and a unit, such as \"10s\".", req.Path, req.ConfigValue.ValueString()))
	}
}
