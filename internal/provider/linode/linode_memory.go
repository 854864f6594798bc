// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
)

// memory is what Terraform keeps of a machine beside its state.
type memory struct {
	// Declared are the values of the configuration that was applied last, of what
	// cannot change in place, by attribute; nil after an import. A machine is replaced
	// only for what the user changed in it since: never for what the hoster or a person
	// did to the machine.
	Declared map[string]string
	// Carries is what the machine had on it when it was last looked at; nil when it
	// never was.
	Carries []string
}

// Keys of Terraform's private state.
const (
	declaredKey = "declared"
	carriesKey  = "carries"
)

// recall reads what was kept.
func recall(ctx context.Context, run *base.Run) memory {
	var known memory
	known.Declared, _ = base.ReadPrivate(ctx, run, declaredKey, unversioned[map[string]string])
	known.Carries, _ = base.ReadPrivate(ctx, run, carriesKey, unversioned[[]string])
	return known
}

// unversioned reads what was kept before there were versions.
func unversioned[T any](text []byte) (value T, err error) {
	err = json.Unmarshal(text, &value)
	return value, err
}

// anything says that something was kept: there is, or was until this plan, a machine.
func (k memory) anything() bool { return k.Declared != nil || k.Carries != nil }

// fixed are the attributes that a machine cannot change in place, as texts; null
// is "".
func (m *linodeModel) fixed() map[string]string {
	all := map[string]string{
		"region": m.Region.ValueString(), "image": m.Image.ValueString(), "disk_encryption": m.DiskEncryption.ValueString(), "interface_generation": m.Interfaces.ValueString(),
	}
	for name, value := range map[string]types.Int64{"swap_mib": m.SwapMiB, "vpc_subnet_id": m.Subnet} {
		all[name] = ""
		if !value.IsNull() && !value.IsUnknown() {
			all[name] = fmt.Sprint(value.ValueInt64())
		}
	}
	return all
}

// byRebuild are those that a rebuild changes.
var byRebuild = map[string]bool{"image": true, "disk_encryption": true}

// asksForRebuild says that the user changed something here that a rebuild changes. A
// rebuild that was cut off has changed the machine already, and is asked for still; what
// is declared for the first time as the machine has it is no change.
func (k memory) asksForRebuild(state, config *linodeModel) bool {
	is, declares := state.fixed(), config.fixed()
	for name := range byRebuild {
		former, remembered := k.Declared[name]
		if remembered && declares[name] != "" && declares[name] != former && (former != "" || declares[name] != is[name]) {
			return true
		}
	}
	return false
}

// Verdicts on one fixed attribute.
type verdict int

const (
	// same means that the machine is as declared, or that nothing is declared.
	same verdict = iota
	// changedHere means that the user changed it: the machine is replaced.
	changedHere
	// changedThere means that somebody changed the machine: it stays as it is.
	changedThere
	// madeByRebuild means that the rebuild of this plan changes it.
	madeByRebuild
)

// compare decides on one attribute.
func (k memory) compare(name, declares, is string, rebuilt bool) verdict {
	former, remembered := k.Declared[name]
	switch {
	case declares == "" || declares == is:
		return same
	case rebuilt && byRebuild[name]:
		return madeByRebuild
	case remembered && former != declares:
		return changedHere
	}
	return changedThere
}

// decide says what replaces the machine. What somebody changed on it, and what
// is not known yet, is planned as it is.
func (k memory) decide(state, config *linodeModel, plan *linodeModel, rebuilt bool, diags *diag.Diagnostics) (replaced path.Paths) {
	is, declares := state.fixed(), config.fixed()
	back := map[string]func(){
		"region": func() { plan.Region = state.Region }, "image": func() { plan.Image = state.Image },
		"disk_encryption":      func() { plan.DiskEncryption = state.DiskEncryption },
		"interface_generation": func() { plan.Interfaces = state.Interfaces },
		"swap_mib":             func() { plan.SwapMiB = state.SwapMiB }, "vpc_subnet_id": func() { plan.Subnet = state.Subnet },
	}
	for _, name := range []string{"region", "image", "disk_encryption", "interface_generation", "swap_mib", "vpc_subnet_id"} {
		at := path.Root(name)
		switch k.compare(name, declares[name], is[name], rebuilt) {
		case same:
			back[name]()
		case changedHere:
			if rebuilt && name == "swap_mib" {
				continue // refused, or what a rebuild makes
			}
			replaced = append(replaced, at)
		case changedThere:
			back[name]()
			diags.AddAttributeWarning(at, "Changed Outside of This Configuration", fmt.Sprintf("%s of the machine is %q, and %q is declared, which was not changed here since it was applied last. "+
				"The machine stays as it is. Declare what it has; or replace it with terraform apply -replace, which discards its disks.", name, is[name], declares[name]))
		}
	}
	k.refuseSwap(config, state, rebuilt, diags)
	if rebuilt {
		plan.SwapMiB = types.Int64Unknown()
		if !config.SwapMiB.IsNull() {
			plan.SwapMiB = config.SwapMiB
		}
	}
	if former := k.Declared["private_ip"]; state.PrivateIP.ValueBool() && !config.PrivateIP.IsUnknown() && !config.PrivateIP.ValueBool() {
		plan.PrivateIP = state.PrivateIP
		if former == "true" {
			diags.AddAttributeWarning(path.Root("private_ip"), "The Private Address Stays", "Linode takes a private address back only by a support ticket, so the machine keeps it.")
		}
	}
	return replaced
}

// rebuiltSwap is what Linode's rebuild makes, which takes no size.
const rebuiltSwap = 512

// refuseSwap: a rebuild would lose another size.
func (k memory) refuseSwap(config, state *linodeModel, rebuilt bool, diags *diag.Diagnostics) {
	wanted := config.SwapMiB
	if rebuilt && !wanted.IsNull() && !wanted.IsUnknown() && wanted.ValueInt64() != rebuiltSwap {
		diags.AddAttributeError(path.Root("swap_mib"), "Swap Does Not Survive a Rebuild", fmt.Sprintf("swap_mib = %d, and Linode's rebuild always makes a swap disk of %d MiB. "+
			"Set swap_mib = %d or leave it out in the same change as rebuild_generation; or replace %s with terraform apply -replace, which makes a machine with another address.",
			wanted.ValueInt64(), rebuiltSwap, rebuiltSwap, state.Subject()))
	}
}

// warn says in the plan what goes for good, whatever is known of it.
func (k memory) warn(action string, state *linodeModel, diags *diag.Diagnostics) {
	known := "Atoll has not looked at what is on it."
	switch {
	case len(k.Carries) > 0:
		known = "Atoll has on it: " + strings.Join(k.Carries, ", ") + ". What else is on it, Atoll does not know."
	case k.Carries != nil:
		known = "Atoll has nothing on it that a site counts on. What else is on it, Atoll does not know."
	}
	diags.AddWarning(action+" "+state.Subject()+" Discards Data", fmt.Sprintf("%s the machine %s discards its disk and all that is on it. %s "+
		"Before that happens, the site is asked whether it can spare the machine.", action, state.IPv4.ValueString(), known))
}
