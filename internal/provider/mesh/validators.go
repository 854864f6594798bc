// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mesh

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
)

// ipAddress asks for a plain IP address.
type ipAddress struct{}

func (ipAddress) Description(context.Context) string         { return "must be an IP address" }
func (ipAddress) MarkdownDescription(context.Context) string { return "must be an IP address" }

func (ipAddress) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if _, err := netip.ParseAddr(req.ConfigValue.ValueString()); err != nil {
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid IP Address",
			fmt.Sprintf("%s = %q is not an IP address. Write it without a prefix length, such as \"10.77.0.11\".", req.Path, req.ConfigValue.ValueString()))
	}
}

// network asks for an IP network in CIDR form.
type network struct{}

func (network) Description(context.Context) string { return "must be an IP network in CIDR form" }
func (network) MarkdownDescription(context.Context) string {
	return "must be an IP network in CIDR form"
}

func (network) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	value := req.ConfigValue.ValueString()
	prefix, err := netip.ParsePrefix(value)
	switch {
	case err != nil:
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid Network",
			fmt.Sprintf("%s = %q is not an IP network. Write it in CIDR form, such as \"10.77.0.0/24\".", req.Path, value))
	case prefix != prefix.Masked():
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid Network",
			fmt.Sprintf("%s = %q has bits set behind its prefix. Write %q.", req.Path, value, prefix.Masked()))
	}
}
