// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// Only what the user changed in his configuration replaces a machine.
func TestOnlyTheUserReplacesAMachine(t *testing.T) {
	applied := memory{Declared: map[string]string{
		"region": "ap-south", "image": "linode/debian13", "disk_encryption": "", "interface_generation": "", "swap_mib": "", "vpc_subnet_id": "7", "private_ip": "false",
	}}
	is := linodeModel{
		Region: types.StringValue("ap-south"), Image: types.StringValue("linode/debian13"), DiskEncryption: types.StringValue("enabled"), Interfaces: types.StringValue("legacy_config"),
		SwapMiB: types.Int64Null(), Subnet: types.Int64Value(7), PrivateIP: types.BoolValue(false),
	}
	declares := linodeModel{Region: types.StringValue("ap-south"), Image: types.StringValue("linode/debian13"), Subnet: types.Int64Value(7)}
	for name, test := range map[string]struct {
		known         memory
		is, declares  func(*linodeModel)
		rebuilt       bool
		replaced      path.Paths
		warned, wrong int
	}{
		"in sync":                      {known: applied},
		"another region, here":         {known: applied, declares: func(m *linodeModel) { m.Region = types.StringValue("jp-osa") }, replaced: path.Paths{path.Root("region")}},
		"moved there":                  {known: applied, is: func(m *linodeModel) { m.Region = types.StringValue("jp-osa") }, warned: 1},
		"moved there and followed":     {known: applied, is: func(m *linodeModel) { m.Region = types.StringValue("jp-osa") }, declares: func(m *linodeModel) { m.Region = types.StringValue("jp-osa") }},
		"not known yet":                {known: applied, declares: func(m *linodeModel) { m.Region = types.StringUnknown() }},
		"rebuilt there":                {known: applied, is: func(m *linodeModel) { m.Image = types.StringValue("linode/debian12") }, warned: 1},
		"another image, here":          {known: applied, declares: func(m *linodeModel) { m.Image = types.StringValue("linode/debian12") }, replaced: path.Paths{path.Root("image")}},
		"another image and a rebuild":  {known: applied, declares: func(m *linodeModel) { m.Image = types.StringValue("linode/debian12") }, rebuilt: true},
		"encrypted there":              {known: applied, is: func(m *linodeModel) { m.DiskEncryption = types.StringValue("disabled") }},
		"encryption declared":          {known: applied, declares: func(m *linodeModel) { m.DiskEncryption = types.StringValue("disabled") }, replaced: path.Paths{path.Root("disk_encryption")}},
		"encryption declared as it is": {known: applied, declares: func(m *linodeModel) { m.DiskEncryption = types.StringValue("enabled") }},
		"interfaces upgraded there":    {known: applied, is: func(m *linodeModel) { m.Interfaces = types.StringValue("linode") }},
		"swap declared":                {known: applied, declares: func(m *linodeModel) { m.SwapMiB = types.Int64Value(1024) }, replaced: path.Paths{path.Root("swap_mib")}},
		"swap and a rebuild":           {known: applied, declares: func(m *linodeModel) { m.SwapMiB = types.Int64Value(1024) }, rebuilt: true, wrong: 1},
		"Linode's swap and a rebuild":  {known: applied, declares: func(m *linodeModel) { m.SwapMiB = types.Int64Value(512) }, rebuilt: true},
		"another subnet, here":         {known: applied, declares: func(m *linodeModel) { m.Subnet = types.Int64Value(8) }, replaced: path.Paths{path.Root("vpc_subnet_id")}},
		"a subnet declared no more":    {known: applied, declares: func(m *linodeModel) { m.Subnet = types.Int64Null() }},
		"a private address there":      {known: applied, is: func(m *linodeModel) { m.PrivateIP = types.BoolValue(true) }},
		"a private address, and false": {known: applied, is: func(m *linodeModel) { m.PrivateIP = types.BoolValue(true) }, declares: func(m *linodeModel) { m.PrivateIP = types.BoolValue(false) }},
		"a private address no more":    {known: memory{Declared: map[string]string{"private_ip": "true", "region": "ap-south", "image": "linode/debian13", "vpc_subnet_id": "7"}}, is: func(m *linodeModel) { m.PrivateIP = types.BoolValue(true) }, declares: func(m *linodeModel) { m.PrivateIP = types.BoolValue(false) }, warned: 1},
		"imported":                     {},
		"imported into another region": {declares: func(m *linodeModel) { m.Region = types.StringValue("jp-osa") }, warned: 1},
		"imported with another image":  {declares: func(m *linodeModel) { m.Image = types.StringValue("linode/debian12") }, warned: 1},
	} {
		state, config := is, declares
		if test.is != nil {
			test.is(&state)
		}
		if test.declares != nil {
			test.declares(&config)
		}
		plan := config
		var diags diag.Diagnostics
		replaced := test.known.decide(&state, &config, &plan, test.rebuilt, &diags)
		if !equalPaths(replaced, test.replaced) || diags.WarningsCount() != test.warned || diags.ErrorsCount() != test.wrong {
			t.Errorf("%s: replaced for %v, want %v; %v", name, replaced, test.replaced, diags)
		}
		if len(replaced) == 0 && !test.rebuilt && (!plan.Region.Equal(state.Region) || !plan.Image.Equal(state.Image) || !plan.Subnet.Equal(state.Subnet) || state.PrivateIP.ValueBool() && !plan.PrivateIP.Equal(state.PrivateIP)) {
			t.Errorf("%s: the plan changes what stays: %+v", name, plan)
		}
	}
}

// The first number alone does nothing to a machine, whatever else waits for a rebuild.
func TestWhatARebuildNumberDoes(t *testing.T) {
	applied := memory{Declared: map[string]string{"region": "ap-south", "image": "linode/debian12", "disk_encryption": ""}}
	machine := linodeModel{Image: types.StringValue("linode/debian12"), DiskEncryption: types.StringValue("enabled")}
	image := func(m *linodeModel) { m.Image = types.StringValue("linode/debian13") }
	none, one, two := types.Int64Null(), types.Int64Value(1), types.Int64Value(2)
	for name, test := range map[string]struct {
		known         memory
		before, after types.Int64
		is, declares  func(*linodeModel)
		want          bool
	}{
		"another number":                         {known: applied, before: one, after: two, want: true},
		"the same number":                        {known: applied, before: one, after: one, declares: image},
		"no number any more":                     {known: applied, before: one, after: none, declares: image},
		"another number after an import":         {before: one, after: two, want: true},
		"the first number":                       {known: applied, before: none, after: one},
		"the first number to come":               {known: applied, before: none, after: types.Int64Unknown(), declares: image},
		"with another image":                     {known: applied, before: none, after: one, declares: image, want: true},
		"another image alone":                    {known: applied, before: none, after: none, declares: image},
		"with another image, cut off":            {known: applied, before: none, after: one, is: image, declares: image, want: true},
		"with an image to come":                  {known: applied, before: none, after: one, declares: func(m *linodeModel) { m.Image = types.StringUnknown() }},
		"rebuilt elsewhere":                      {known: applied, before: none, after: one, is: image},
		"imported with another image":            {before: none, after: one, declares: image},
		"with another encryption":                {known: applied, before: none, after: one, declares: func(m *linodeModel) { m.DiskEncryption = types.StringValue("disabled") }, want: true},
		"with the encryption that is, said anew": {known: applied, before: none, after: one, declares: func(m *linodeModel) { m.DiskEncryption = types.StringValue("enabled") }},
	} {
		state, config := machine, linodeModel{Image: machine.Image}
		if test.is != nil {
			test.is(&state)
		}
		if test.declares != nil {
			test.declares(&config)
		}
		state.Generation, config.Generation = test.before, test.after
		plan := config
		if got := test.known.rebuilds(&state, &config, &plan); got != test.want {
			t.Errorf("%s: rebuilds %t, want %t", name, got, test.want)
		}
	}
}

func equalPaths(a, b path.Paths) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !a[i].Equal(b[i]) {
			return false
		}
	}
	return true
}

func TestTagsKeepTheirSpelling(t *testing.T) {
	declared := setOf([]string{"Site", "Hong-Kong"})
	if got := readTags(declared, []string{"hong-kong", "site"}); !got.Equal(declared) {
		t.Errorf("seen as %s", got)
	}
	if got := readTags(declared, []string{"site"}); got.Equal(declared) || len(got.Elements()) != 1 {
		t.Errorf("with one less, seen as %s", got)
	}
	if got := readTags(types.SetNull(types.StringType), nil); !got.IsNull() {
		t.Errorf("none, seen as %s", got)
	}
}
