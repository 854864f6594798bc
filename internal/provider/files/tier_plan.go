// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package files

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/filetier"
)

// Plan chooses the hub and refuses what cannot work before anything is touched.
func (k *tierKind) Plan(ctx context.Context, change *base.Change[tierModel]) {
	plan := change.Plan
	plan.Hub = hub(change)
	k.check(change)
	k.refuseRemade(change)
	if change.Diagnostics.HasError() {
		return
	}
	tier, whole := plan.declared()
	if !whole {
		return
	}
	for _, fault := range filetier.Faults(tier.Validate()) {
		change.Diagnostics.AddAttributeError(plan.at(fault.Node, fault.Attribute), "File Tier Cannot Work", base.Sentence(fault))
	}
	if change.Diagnostics.HasError() {
		return
	}
	if name := hotless(change.Config, tier); name != "" {
		change.Diagnostics.AddAttributeError(path.Root(name), "Invalid Attribute Value", name+" is for the hot trees, and no node has one: leave it out, or give the tier a hot.")
		return
	}
	if name := unmoved(plan); name != "" {
		change.Diagnostics.AddAttributeError(path.Root(name), "Invalid Attribute Value", name+" says how days move to the archive, and none do: leave it out, or give the tier hot_days.")
		return
	}
	if name := lone(plan, tier); name != "" {
		change.Diagnostics.AddAttributeError(path.Root(name), "Invalid Attribute Value", name+" is for the archive, and there is none: leave it out, or give the tier a cold.")
		return
	}
	if plan.ScrubSchedule.ValueString() == neverScrub && !plan.ScrubDays.IsNull() {
		change.Diagnostics.AddAttributeError(path.Root("scrub_days"), "Invalid Attribute Value", "scrub_days says how often the archive is read again, and scrub_schedule = \"never\" that it is not: leave one of them out.")
		return
	}
	k.refuseMoved(change, tier)
	k.refuseOverlap(change, tier)
	k.ask(ctx, change, tier)
}

// lookPatience is how long a plan waits for what an apply would find anyway.
const lookPatience = 20 * time.Second

// ask asks the machines once, where days are to begin to move, whether they can, where another
// tier is to take the trees, whether days are on their way, after an import, whether there is
// such a tier, and where archives come or go, where the days are that have moved. A machine that
// does not answer now is asked by the apply.
func (k *tierKind) ask(ctx context.Context, change *base.Change[tierModel], tier filetier.Tier) {
	renamed := change.State != nil && change.Replacing
	imported := change.State != nil && change.State.Imported() && !renamed
	begins := tier.Moves != nil && (change.State == nil || change.Replacing || change.State.HotDays.IsNull())
	asked, changes := tier, archivesChange(change, tier)
	if !begins && !renamed && !imported {
		asked = changes
	}
	if len(asked.Nodes) == 0 || k.Data == nil || change.Diagnostics.HasError() {
		return
	}
	facts := k.foresee(ctx, tier, asked)
	if imported && len(facts) == len(tier.Nodes) && !tier.Stands(facts) {
		change.Diagnostics.AddAttributeError(path.Root("name"), "There Is No Such Tier", fmt.Sprintf("name = %q: a file tier of this name was imported, and none of its machines has one, so there was nothing to import. "+
			"Take the import block out, or, where it was imported by the command, take it out of the state by terraform state rm; the apply then makes it.", tier.Name))
	}
	for _, node := range slices.Sorted(maps.Keys(facts)) {
		if err := tier.RefuseMoving(node, facts[node]); begins && err != nil {
			change.Diagnostics.AddAttributeError(path.Root("hot_days"), "Days Cannot Move", base.Sentence(err))
		}
		if !renamed {
			continue
		}
		if err := tier.RefuseTaking(node, facts[node], change.State.Name.ValueString()); err != nil {
			change.Diagnostics.AddAttributeError(path.Root("name"), "Days Are on Their Way", base.Sentence(err))
		}
	}
	if !change.Diagnostics.HasError() {
		planLinked(change, tier, changes, facts)
	}
}

// foresee asks the machines of those nodes of a tier that are asked, and gives what those know
// that answer.
func (k *tierKind) foresee(ctx context.Context, tier, asked filetier.Tier) map[string]filetier.Facts {
	ctx, cancel := context.WithTimeout(ctx, lookPatience)
	defer cancel()
	hosts, facts := k.Reachable(targets(asked)), map[string]filetier.Facts{}
	for node, answer := range base.Parallel(slices.Sorted(maps.Keys(hosts)), func(node string) (filetier.Facts, error) { return tier.Foresee(ctx, hosts[node], node) }) {
		if answer.Err == nil {
			facts[node] = answer.Value
		}
	}
	return facts
}

// hotless names an attribute of the hot trees, as it was written, where no node has one.
func hotless(config *tierModel, tier filetier.Tier) string {
	return given(tier, func(node filetier.Node) string { return node.Hot }, []setting{{"ignore", config.Ignore}, {"conflicts", config.Conflicts}, {"initial", config.Initial}, {"xattrs", config.Xattrs}})
}

// lone names an attribute of the archive where no node has one.
func lone(plan *tierModel, tier filetier.Tier) string {
	return given(tier, func(node filetier.Node) string { return node.Cold }, []setting{{"cold_schedule", plan.ColdSchedule}, {"cold_bandwidth_kib", plan.ColdBandwidthKiB}, {"cold_reserve_mib", plan.ColdReserveMiB}, {"cold_reserve_inodes", plan.ColdReserveInodes}, {"cold_deletions", plan.ColdDeletions}, {"scrub_schedule", plan.ScrubSchedule}, {"scrub_days", plan.ScrubDays}})
}

// setting is an attribute by its name.
type setting struct {
	name  string
	value attr.Value
}

// given names the first setting that has a value, where no node has what it is for.
func given(tier filetier.Tier, has func(filetier.Node) string, settings []setting) string {
	for _, node := range tier.Nodes {
		if has(node) != "" {
			return ""
		}
	}
	for _, set := range settings {
		if !set.value.IsNull() {
			return set.name
		}
	}
	return ""
}

// unmoved names an attribute of the moving of days where none move.
func unmoved(plan *tierModel) string {
	switch {
	case !plan.HotDays.IsNull():
		return ""
	case !plan.QuietMinutes.IsNull():
		return "quiet_minutes"
	case !plan.GraceHours.IsNull():
		return "grace_hours"
	}
	return ""
}

// hub is what was written; else the one that was, while it is a node with a hot tree;
// else the first of those; or of all, where none has one.
func hub(change *base.Change[tierModel]) types.String {
	plan := change.Plan
	nodes, known := hubs(plan)
	switch {
	case !change.Config.Hub.IsNull():
		return change.Config.Hub
	case plan.Pairs.IsUnknown():
		return types.StringUnknown()
	case !plan.Pairs.IsNull():
		return types.StringNull()
	case !known || len(nodes) == 0:
		return types.StringUnknown()
	case change.State != nil && slices.Contains(nodes, change.State.Hub.ValueString()):
		return change.State.Hub
	}
	return types.StringValue(nodes[0])
}

// hubs are the nodes that all others may be paired with.
func hubs(plan *tierModel) (names []string, known bool) {
	known = !plan.Nodes.IsUnknown() && !plan.Hot.IsUnknown()
	elements := plan.Nodes.Elements()
	all := slices.Sorted(maps.Keys(elements))
	if plan.Hot.ValueString() != "" {
		return all, known
	}
	for _, name := range all {
		object, _ := elements[name].(types.Object)
		own := base.Member[types.String](object, "hot")
		known = known && !object.IsUnknown() && !own.IsUnknown()
		if own.ValueString() != "" {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		names = all
	}
	return names, known
}

// check finds what is wrong with single nodes, and with what excludes each other.
func (k *tierKind) check(change *base.Change[tierModel]) {
	plan, diags := change.Plan, change.Diagnostics
	elements, machines := plan.Nodes.Elements(), map[string]string{}
	if mesh := plan.Mesh.ValueString(); mesh != "" {
		if err := base.CheckMesh(mesh); err != nil {
			diags.AddAttributeError(path.Root("mesh"), "Invalid Attribute Value", fmt.Sprintf("mesh%s %v.", base.Shown(mesh), err))
		}
	}
	if hub := change.Config.Hub; !hub.IsNull() && !hub.IsUnknown() {
		_, known := elements[hub.ValueString()]
		switch {
		case !plan.Pairs.IsNull() && !plan.Pairs.IsUnknown():
			diags.AddAttributeError(path.Root("hub"), "Invalid Attribute Value", fmt.Sprintf("hub = %q stands beside pairs, which say already who is kept in step with whom: leave one of them out.", hub.ValueString()))
		case !known && !plan.Nodes.IsUnknown():
			diags.AddAttributeError(path.Root("hub"), "Invalid Attribute Value", fmt.Sprintf("hub = %q is not among nodes: name one of them.", hub.ValueString()))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(elements)) {
		object, _ := elements[key].(types.Object)
		at := path.Root("nodes").AtMapKey(key)
		for name, check := range map[string]func(string) error{"address": base.CheckIPv4, "hot": treePath().Check, "cold": treePath().Check} {
			if value := base.Member[types.String](object, name); !value.IsNull() && !value.IsUnknown() {
				if err := check(value.ValueString()); err != nil {
					diags.AddAttributeError(at.AtName(name), "Invalid Attribute Value", fmt.Sprintf("%s%s %v.", at.AtName(name), base.Shown(value.ValueString()), err))
				}
			}
		}
		base.CheckMember(object, at, machines, diags)
	}
}

// errNotWhole stands where an apply is asked for what is not known.
var errNotWhole = errors.New("a node is not known. This is a fault of the provider: please report it")
