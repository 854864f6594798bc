// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/linode"
)

// renumbered says that the number was there before and is another one now.
func renumbered(before, after types.Int64) bool {
	return !before.IsNull() && !after.IsNull() && !after.IsUnknown() && !before.Equal(after)
}

// firstNumber says that there was none before.
func firstNumber(before, after types.Int64) bool {
	return before.IsNull() && !after.IsNull() && !after.IsUnknown()
}

// rebuilds says that a plan gives an existing machine a fresh disk. The first number
// alone does nothing; with a change that a rebuild makes, it asks for that.
func (k memory) rebuilds(state, config, plan *linodeModel) bool {
	return renumbered(state.Generation, plan.Generation) || firstNumber(state.Generation, plan.Generation) && k.asksForRebuild(state, config)
}

// plannedRebuild says in an apply what rebuilds said in its plan, which left the address
// in a VPC open for nothing else.
func (m *linodeModel) plannedRebuild(before *linodeModel) bool {
	return renumbered(before.Generation, m.Generation) || firstNumber(before.Generation, m.Generation) && m.SubnetIPv4.IsUnknown()
}

// PlanRemoval says what goes for good.
func (k *linodeKind) PlanRemoval(ctx context.Context, change *base.Change[linodeModel]) {
	known := recall(ctx, change.Run)
	known.warn("Destroying", change.State, change.Diagnostics)
	k.warnOfAway(ctx, change.State, known, change.Diagnostics)
}

// Plan says what an update leaves as it is, what it makes anew, what goes for
// good, and refuses what is known to fail before anything is touched.
func (k *linodeKind) Plan(ctx context.Context, change *base.Change[linodeModel]) {
	plan, config, state, known := change.Plan, change.Config, change.State, recall(ctx, change.Run)
	creating := state == nil
	if creating {
		state = &linodeModel{}
	}
	rebuilt := !creating && known.rebuilds(state, config, plan)
	if !creating {
		for _, because := range known.decide(state, config, plan, rebuilt, change.Diagnostics) {
			change.Replace(because)
		}
	}
	plan.Status = types.StringValue(string(linode.Running))
	plan.UserDataSHA256 = digest(config.UserData)
	if change.Replacing {
		plan.anew(config)
	}
	if !creating && !change.Replacing {
		plan.keep(state, config, rebuilt)
		if state.UserDataSHA256.ValueString() != digest(config.UserData).ValueString() && plan.UserDataSHA256.Equal(state.UserDataSHA256) {
			change.Diagnostics.AddAttributeWarning(path.Root("user_data"), "User Data Wait for a Rebuild",
				"The machine keeps the user data that it was made with. "+wayToRebuild(state.Generation, plan.Generation)+" to give it a fresh disk with the new ones.")
		}
	}
	k.meet("linode", state.ID)
	// Terraform plans what -replace, too, makes anew as something new, and hands over
	// what was kept of the machine: that one has its label already.
	if creating != known.anything() {
		k.claimLabel("linode", plan.Label, state.ID, change.Diagnostics)
	}
	k.authorize(ctx, change, state, creating || change.Replacing || rebuilt)
	k.check(ctx, change.Run, plan, config, state, creating || change.Replacing, rebuilt)
	if !creating && !change.Failed() {
		k.warnOfLoss(ctx, change, known, rebuilt)
	}
}

// wayToRebuild says what rebuilds a machine that a plan does not rebuild.
func wayToRebuild(before, after types.Int64) string {
	switch {
	case !before.IsNull():
		return "Change rebuild_generation to another number"
	case after.IsNull():
		return "Set rebuild_generation to a number in an apply of its own, which does nothing else, and change it to another one in the next"
	}
	return "This apply only sets the first number of rebuild_generation: change it to another one in the next"
}

// authorize plans who may log in: the provider's own key where nobody is declared.
// A machine that is made without it would be paid for and locked; one that stands
// is only looked at where its keys change.
func (k *linodeKind) authorize(ctx context.Context, change *base.Change[linodeModel], state *linodeModel, fresh bool) {
	plan, declared, at := change.Plan, change.Config.AuthorizedKeys, path.Root("authorized_keys")
	if !fresh && plan.HostKey.IsNull() {
		if declared.IsNull() {
			plan.AuthorizedKeys = state.AuthorizedKeys
		} else if err := refuseKeys(state, plan); err != nil {
			change.Diagnostics.AddAttributeError(at, "Host Key Is Not Known", base.Sentence(err))
		}
		return
	}
	asked, whole := base.TextSet(declared)
	present, _ := base.TextSet(state.AuthorizedKeys)
	stands := !fresh && !state.AuthorizedKeys.IsNull()
	if stands && whole && !declared.IsNull() && linode.SameKeys(asked, present) {
		plan.AuthorizedKeys = state.AuthorizedKeys // with other comments perhaps, which let nobody in
		return
	}
	if declared.IsNull() {
		plan.AuthorizedKeys = types.SetUnknown(types.StringType)
	}
	if k.Data == nil || k.Pending != "" || plan.Key.IsUnknown() || !whole {
		return
	}
	own, err := k.PublicKey(ctx, plan.Key.ValueString())
	switch {
	case declared.IsNull() && err != nil && !fresh:
		plan.AuthorizedKeys = state.AuthorizedKeys // a plan that only watches may have no key
	case declared.IsNull() && err != nil:
		change.Diagnostics.AddAttributeError(at, "No Key to Log In With", "authorized_keys is not given, and the provider's own key, which it defaults to, cannot be had: "+err.Error()+
			". Give the provider a key, in ssh.keys or ssh.key_files.")
	case declared.IsNull() && stands && linode.SameKeys([]string{own}, present):
		plan.AuthorizedKeys = state.AuthorizedKeys
	case declared.IsNull():
		plan.AuthorizedKeys = setOf([]string{own})
	case err == nil && !linode.LetsIn(asked, own) && (fresh || !plan.AuthorizedKeys.Equal(state.AuthorizedKeys)):
		change.Diagnostics.AddAttributeError(at, "Atoll Could Not Log In", fmt.Sprintf("authorized_keys does not hold the provider's own key, %q, so that the machine would be locked: "+
			"add that line, name another key of the provider's with key, or leave authorized_keys out, which lets in the provider's key alone.", own))
	}
}

// refuseKeys says why a change of who may log in cannot be made: nobody logs in to a
// machine whose host key is not known.
func refuseKeys(before, plan *linodeModel) error {
	if !plan.HostKey.IsNull() || plan.AuthorizedKeys.Equal(before.AuthorizedKeys) {
		return nil
	}
	return fmt.Errorf("authorized_keys of %s can be neither read nor written, since the machine's SSH host key is not known, as after an import without it. "+
		"Read the key from /etc/ssh/ssh_host_ed25519_key.pub at the machine's console, and give it as host_key, or behind a blank in the import id; or leave authorized_keys out", plan.Subject())
}

// keep leaves known what an update does not change. After a rebuild everything
// on the machine is made again, so ssh is not known before.
func (m *linodeModel) keep(state, config *linodeModel, rebuilt bool) {
	if !rebuilt {
		m.UserDataSHA256 = state.UserDataSHA256
		if config.HostKey.IsNull() {
			m.HostKey = state.HostKey
		}
	}
	if rebuilt {
		m.SubnetIPv4 = types.StringUnknown()
	}
	if m.Type.Equal(state.Type) {
		m.Specs = state.Specs
	} else {
		m.Alerts = declaredAlerts(config.Alerts) // by default they grow with the machine
	}
	if config.PrivateIP.ValueBool() && !state.PrivateIP.ValueBool() {
		m.PrivateIPv4 = types.StringUnknown()
	}
	if !rebuilt && !m.HostKey.IsUnknown() {
		m.IPv4 = state.IPv4
		m.Connection = base.ConnectionFor(m.target(m.HostKey.ValueString()))
	}
}

// anew plans the machine that takes the place of one: what is declared holds, and the
// rest is made or chosen by Linode once more, whatever the former one had.
func (m *linodeModel) anew(config *linodeModel) {
	for value, declared := range map[*types.String]types.String{
		&m.Region: config.Region, &m.Image: config.Image, &m.DiskEncryption: config.DiskEncryption, &m.Interfaces: config.Interfaces, &m.Maintenance: config.Maintenance, &m.HostKey: config.HostKey,
		&m.ID: types.StringNull(), &m.IPv4: types.StringNull(), &m.IPv6: types.StringNull(), &m.PrivateIPv4: types.StringNull(), &m.SubnetIPv4: types.StringNull(),
	} {
		*value = base.Keep(!declared.IsNull(), declared, types.StringUnknown())
	}
	for value, declared := range map[*types.Int64]types.Int64{&m.PlacementGroup: config.PlacementGroup, &m.SwapMiB: config.SwapMiB, &m.Subnet: config.Subnet, &m.Firewall: config.Firewall} {
		*value = base.Keep(!declared.IsNull(), declared, types.Int64Unknown())
	}
	for value, declared := range map[*types.Bool]types.Bool{&m.Backups: config.Backups, &m.Watchdog: config.Watchdog, &m.PrivateIP: config.PrivateIP} {
		*value = base.Keep(!declared.IsNull(), declared, types.BoolUnknown())
	}
	m.Alerts = declaredAlerts(config.Alerts)
	m.Specs, m.Connection = types.ObjectUnknown(specTypes()), types.ObjectUnknown(base.ConnectionType().AttrTypes)
}

// declaredAlerts are those of the configuration, the others unknown.
func declaredAlerts(config types.Object) types.Object {
	all := map[string]attr.Value{}
	for _, name := range thresholdNames {
		all[name] = types.Int64Unknown()
	}
	for name, value := range config.Attributes() {
		if !value.IsNull() {
			all[name] = value
		}
	}
	return types.ObjectValueMust(alertTypes(), all)
}
