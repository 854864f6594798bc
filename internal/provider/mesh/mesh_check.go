// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mesh

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
)

// check finds what is wrong with single peers, and between two of them. Peers
// that were exported have passed it; a map that is written by hand has not.
func (m *meshModel) check(diags *diag.Diagnostics) {
	elements, machines := m.Peers.Elements(), map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(elements)) {
		object, _ := elements[key].(types.Object)
		at := path.Root("peers").AtMapKey(key)
		complain := func(name, value string, err error) {
			if err != nil {
				diags.AddAttributeError(at.AtName(name), "Invalid Attribute Value", fmt.Sprintf("%s%s %v.", at.AtName(name), base.Shown(value), err))
			}
		}
		for name, check := range map[string]func(string) error{
			"name": base.Matching(nodePattern, nodeMessage).Check, "address": base.CheckIPv4, "endpoint": base.Address().Check, "public_key": checkKey,
		} {
			if value := base.Member[types.String](object, name); !value.IsNull() && !value.IsUnknown() {
				complain(name, value.ValueString(), check(value.ValueString()))
			}
		}
		if of := base.Member[types.String](object, "mesh"); of.ValueString() != "" && !m.Name.IsUnknown() && !of.Equal(m.Name) {
			complain("mesh", of.ValueString(), errors.New("is another mesh than "+m.Name.ValueString()+": take the peers of this one"))
		}
		base.CheckMember(object, at, machines, diags)
	}
}

func checkKey(text string) error {
	if !strings.HasPrefix(text, "-----BEGIN ") || strings.Contains(text, "PRIVATE") {
		return errors.New("must be a public key in PEM form")
	}
	return nil
}
