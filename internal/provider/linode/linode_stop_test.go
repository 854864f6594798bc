// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"
)

// What shuts a machine down is said, each reason by its attribute.
func TestWhatShutsAMachineDown(t *testing.T) {
	legacy := linodeModel{
		Status: types.StringValue("running"), Type: types.StringValue("g6-nanode-1"), PrivateIP: types.BoolValue(false), Interfaces: types.StringValue("legacy_config"), Firewall: types.Int64Value(7),
	}
	own := legacy
	own.Interfaces = types.StringValue("linode")
	off := legacy
	off.Status = types.StringValue("offline")
	open := own
	open.Firewall = types.Int64Value(0)
	resized := func(m *linodeModel) { m.Type = types.StringValue("g6-standard-1") }
	guarded := func(id types.Int64) func(*linodeModel) { return func(m *linodeModel) { m.Firewall = id } }
	for name, test := range map[string]struct {
		is     linodeModel
		change func(*linodeModel)
		want   []string
	}{
		"nothing":                             {legacy, func(*linodeModel) {}, nil},
		"another type":                        {legacy, resized, []string{"type"}},
		"a type to come":                      {legacy, func(m *linodeModel) { m.Type = types.StringUnknown() }, []string{"type"}},
		"another type of one that is off":     {off, resized, nil},
		"a private address":                   {legacy, func(m *linodeModel) { m.PrivateIP = types.BoolValue(true) }, []string{"private_ip"}},
		"both":                                {legacy, func(m *linodeModel) { resized(m); m.PrivateIP = types.BoolValue(true) }, []string{"type", "private_ip"}},
		"another firewall":                    {legacy, guarded(types.Int64Value(8)), nil},
		"another firewall of its interfaces":  {own, guarded(types.Int64Value(8)), []string{"firewall_id"}},
		"a firewall to come":                  {own, guarded(types.Int64Unknown()), []string{"firewall_id"}},
		"no firewall any more":                {own, guarded(types.Int64Value(0)), nil},
		"the first firewall":                  {open, guarded(types.Int64Value(8)), nil},
		"another label, which is no such one": {legacy, func(m *linodeModel) { m.Label = types.StringValue("sg2") }, nil},
	} {
		plan := test.is
		test.change(&plan)
		var got []string
		for _, because := range stops(&test.is, &plan) {
			attribute, _, _ := strings.Cut(because, ",")
			got = append(got, attribute)
		}
		if strings.Join(got, " ") != strings.Join(test.want, " ") {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}
