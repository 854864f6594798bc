// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysql

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/model/group"
	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/innodbcluster"
)

// planPatience says when a member would give up before the others have expelled it.
func planPatience(change *base.Change[clusterModel]) {
	expel, resign := change.Plan.ExpelTimeout, change.Plan.UnreachableMajorityTimeout
	if expel.IsUnknown() || resign.IsUnknown() || resign.ValueInt64() == 0 || resign.ValueInt64() >= expel.ValueInt64() {
		return
	}
	change.Diagnostics.AddAttributeWarning(path.Root("unreachable_majority_timeout"), "A Member Gives Up Before It Is Expelled",
		fmt.Sprintf("unreachable_majority_timeout = %d is less than expel_timeout = %d: a member whose line breaks for longer than that leaves the group, while the others would still have waited for it. Leave it out, which makes it %d.", resign.ValueInt64(), expel.ValueInt64(), expel.ValueInt64()+group.Resign))
}

// planMachines says when no member stays on the machine on which it was, so that maybe
// nobody has what the cluster holds: an apply makes a new one of members that are empty.
func planMachines(change *base.Change[clusterModel]) {
	plan, state := change.Plan, change.State
	if state == nil || state.ClusterID.ValueString() == "" || change.Replacing || plan.Members.IsUnknown() || len(plan.Members.Elements()) == 0 {
		return
	}
	_, before := membersOf(state.Members)
	_, now := membersOf(plan.Members)
	for _, target := range now {
		for _, was := range before {
			if target.Host == was.Host && target.HostKey == was.HostKey {
				return
			}
		}
	}
	change.Diagnostics.AddAttributeWarning(path.Root("members"), "Every Machine Is Another One",
		fmt.Sprintf("No member is on a machine with a host key on which one was: %s. Where none of these disks has the cluster's data, it begins anew with nothing in it, and the routers lead to that. "+
			"If the data are still somewhere, do not apply: bring that machine back, or let a new one join while it runs. If they are gone, restore a backup after the apply, before the applications write.", strings.Join(slices.Sorted(maps.Keys(plan.Members.Elements())), ", ")))
}

// planConsents asks for the word of a person where an apply would need it, and
// says what it is taken for.
func planConsents(change *base.Change[clusterModel]) {
	plan := change.Plan
	members := plan.Members.Elements()
	named := func(at path.Path, name string) {
		if _, found := members[name]; !found && !plan.Members.IsUnknown() {
			change.Diagnostics.AddAttributeError(at, "Not a Member", fmt.Sprintf("%s%s is not a key of members.", at, base.Shown(name)))
		}
	}
	if !plan.Primary.IsNull() && !plan.Primary.IsUnknown() && !change.Config.Primary.IsNull() {
		named(path.Root("primary"), plan.Primary.ValueString())
	}
	if plan.multiPrimary() && !change.Config.Primary.IsNull() {
		change.Diagnostics.AddAttributeError(path.Root("primary"), "Every Member Takes Writes", "primary names the member that takes writes, and with mode = \"multi-primary\" all do: leave one of the two out.")
	}
	for name := range plan.Weights.Elements() {
		named(path.Root("weights").AtMapKey(name), name)
	}
	for _, name := range names(plan.HiddenMembers) {
		named(path.Root("hidden_members"), name)
	}
	for _, name := range names(plan.DrainingMembers) {
		named(path.Root("draining_members"), name)
		if slices.Contains(names(plan.HiddenMembers), name) {
			change.Diagnostics.AddAttributeError(path.Root("draining_members"), "Hidden in Two Ways",
				fmt.Sprintf("%q is in hidden_members, too, which ends its sessions: name it in one of the two.", name))
		}
	}
	survivors := names(plan.QuorumSurvivors)
	for _, name := range survivors {
		named(path.Root("quorum_survivors"), name)
	}
	if change.State != nil && len(survivors) > 0 && !change.Drifted(innodbcluster.StateNoQuorum.Code(), innodbcluster.StateOffline.Code()) {
		change.Diagnostics.AddAttributeWarning(path.Root("quorum_survivors"), "The Group Has Its Quorum",
			"quorum_survivors is set, and the group has not lost its majority. Take it out, or the next loss of a majority is decided by it without you.")
	}
	if change.State == nil || len(change.State.Drift.Elements()) == 0 {
		return
	}
	switch at := path.Root("allow_full_stop"); {
	case !change.Drifted(innodbcluster.CodeFullStop):
	case !plan.AllowFullStop.ValueBool():
		change.Diagnostics.AddAttributeError(at, "The Whole Group Has to Be Stopped", "The members run with what only a stop of the whole group changes (see drift). "+
			"Set allow_full_stop = true and apply at a time at which nobody needs the database for about half a minute. All data stay.")
	default:
		announceFullStop(change)
	}
}

// planCourse says when members change in such a way that the site stands on few
// of them, or on none, while the apply runs.
func planCourse(change *base.Change[clusterModel]) {
	if change.State == nil || change.Plan.Members.IsUnknown() {
		return
	}
	former, _ := endpointsOf(change.State.Members)
	declared, whole := endpointsOf(change.Plan.Members)
	online := change.State.online()
	course := innodbcluster.Course(innodbcluster.Way(former, declared, anew(change.Plan.Members), online), declared, online)
	count := len(change.Plan.Members.Elements())
	at := path.Root("members")
	switch thin, danger := innodbcluster.Judge(course, former, declared, online, count, whole); danger {
	case innodbcluster.Safe:
	case innodbcluster.AllAnew:
		change.Diagnostics.AddAttributeError(at, "Every Member Would Be Created Again",
			fmt.Sprintf("The servers of all members that are ONLINE now (%s) are destroyed in this plan before one that is created again has joined. The apply would end at the last one, which is not destroyed while its cluster counts on others. "+
				"Replace them in several applies, so that a majority stays: each apply lets those that it replaces join again. Servers that have only left Terraform's state can be imported.", strings.Join(online, ", ")))
	case innodbcluster.OnlyAnew:
		change.Diagnostics.AddAttributeWarning(at, "The Database Stops While This Is Applied",
			fmt.Sprintf("The server of the only member, %s, is created again: until it is back nobody has a database. Its data stay on the machine, unless delete_data of that server is true: then all that the cluster holds is lost.", strings.Join(online, ", ")))
	case innodbcluster.Forsaken:
		change.Diagnostics.AddAttributeError(at, "No Member Would Stay",
			fmt.Sprintf("members names none of the servers that are ONLINE now (%s), and those that it names would begin with nothing. "+
				"Add the new members in one apply, and take the old ones out in the next.", strings.Join(online, ", ")))
	case innodbcluster.Thinner:
		change.Diagnostics.AddAttributeWarning(at, "Fewer Members While This Is Applied",
			fmt.Sprintf("After the step \"%s\" %d of %d members are ONLINE until the next one has joined, so the loss of one more can stop the databases. "+
				"To keep more, add new members in one apply and take old ones out in the next.", thin.Operation, len(thin.Online), count))
	}
}

// anew are the keys of the members whose servers are created in this apply, be it for
// the first time.
func anew(members types.Map) []string {
	var keys []string
	for key, element := range members.Elements() {
		if object, _ := element.(types.Object); createdOf(object).IsUnknown() {
			keys = append(keys, key)
		}
	}
	return keys
}

// checkMembers finds what is wrong with single members. Those that were exported
// have passed it; a map that is written by hand has not.
func checkMembers(members types.Map, at path.Path, diags *diag.Diagnostics) {
	elements, machines := members.Elements(), map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(elements)) {
		object, _ := elements[key].(types.Object)
		complain := func(name, value string, err error) {
			if err != nil {
				here := at.AtMapKey(key).AtName(name)
				diags.AddAttributeError(here, "Invalid Attribute Value", fmt.Sprintf("%s%s %v.", here, value, err))
			}
		}
		if address := base.Member[types.String](object, "address"); !address.IsNull() && !address.IsUnknown() {
			complain("address", base.Shown(address.ValueString()), base.CheckIPv4(address.ValueString()))
		}
		if mesh := base.Member[types.String](object, "mesh"); !mesh.IsNull() && !mesh.IsUnknown() {
			complain("mesh", base.Shown(mesh.ValueString()), base.CheckMesh(mesh.ValueString()))
		}
		if number := base.Member[types.Int64](object, "server_id"); !number.IsNull() && !number.IsUnknown() && number.ValueInt64() < 1 {
			complain("server_id", fmt.Sprintf(" = %d", number.ValueInt64()), errors.New("must be 1 or more"))
		}
		base.CheckMember(object, at.AtMapKey(key), machines, diags)
	}
}
