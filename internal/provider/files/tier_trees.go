// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package files

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/filetier"
)

// own says whether a node has an attribute of its own, and not that of the tier.
func (m *tierModel) own(node, attribute string) bool {
	object, _ := m.Nodes.Elements()[node].(types.Object)
	value, is := object.Attributes()[attribute]
	return is && !value.IsNull()
}

// at is where an attribute is written that a node has.
func (m *tierModel) at(node, attribute string) path.Path {
	entry := path.Root("nodes").AtMapKey(node)
	switch {
	case attribute == "pairs" && m.Pairs.IsNull():
		return path.Root("hub")
	case node != "" && attribute == "":
		return entry
	case node != "" && m.own(node, attribute):
		return entry.AtName(attribute)
	}
	return path.Root(attribute)
}

// refuseMoved refuses another path for a tree that is there.
func (k *tierKind) refuseMoved(change *base.Change[tierModel], tier filetier.Tier) {
	if change.State == nil || change.Replacing {
		return
	}
	before, _ := change.State.declared()
	written := map[string]bool{"hot": !change.Plan.Hot.Equal(change.State.Hot), "cold": !change.Plan.Cold.Equal(change.State.Cold)}
	for _, moved := range movedTrees(before, tier, func(node, attribute string) bool { return written[attribute] && !change.Plan.own(node, attribute) }) {
		moved.refuse(change.Diagnostics, change.Plan)
	}
}

// moved is a tree that is to lie elsewhere, or nowhere where to is "", on some nodes.
type moved struct {
	attribute, from, to string
	nodes               []string
	// shared: the tier's attribute was changed, for all of them.
	shared bool
}

// movedTrees finds trees that are to lie elsewhere. An archive may be taken out: all of
// it stays where it is. A hot tree may be added to an archive: it meets the others as
// that of a new node does. Where shared says so, the tier's own attribute is why.
func movedTrees(before, tier filetier.Tier, shared func(node, attribute string) bool) []moved {
	var all []moved
	find := func(node, attribute, from, to string) {
		if from == "" || from == to || attribute == "cold" && to == "" {
			return
		}
		one := moved{attribute, from, to, []string{node}, shared(node, attribute)}
		same := slices.IndexFunc(all, func(other moved) bool {
			return one.shared && other.shared && other.attribute == attribute && other.from == from && other.to == to
		})
		if same < 0 {
			all = append(all, one)
		} else {
			all[same].nodes = append(all[same].nodes, node)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(tier.Nodes)) {
		for _, was := range before.Nodes {
			if node := tier.Nodes[name]; node.Target.Host == was.Target.Host {
				find(name, "hot", was.Hot, node.Hot)
				find(name, "cold", was.Cold, node.Cold)
			}
		}
	}
	return all
}

// refuse says first how a slip is mended, since most are one.
func (m moved) refuse(diags *diag.Diagnostics, plan *tierModel) {
	title, what := "A Tree Is Never Moved", fmt.Sprintf("%s = %q", m.attribute, m.to)
	kind := map[string]string{"hot": "tree", "cold": "archive"}[m.attribute]
	if m.attribute == "cold" {
		title = "An Archive Is Never Moved"
	}
	if m.to == "" {
		title, what = "A Tree Is Never Left Behind", "hot is taken out"
	}
	if m.shared {
		diags.AddAttributeError(path.Root(m.attribute), title, fmt.Sprintf("%[1]s, and the %[2]s is %[3]s on %[4]s. Write %[5]s = %[3]q again. "+
			"Where it is really to be so, destroy the tier, which keeps every file, %[6]sand declare it anew.", what, kind, m.from, strings.Join(m.nodes, ", "), m.attribute,
			map[bool]string{true: "", false: "move the directory on each machine, "}[m.to == ""]))
		return
	}
	node := m.nodes[0]
	text := fmt.Sprintf("%[1]s for node %[2]q, and the %[3]s is %[4]s. Write %[5]s = %[4]q again. Where it is really to be so, take the node out of nodes, apply, ", what, node, kind, m.from, m.attribute)
	if m.to == "" {
		text += "and add it again without hot: its files stay where they are. Where no node is to have a hot, destroy the tier, which keeps all files, and declare it anew."
	} else {
		text += "move the directory, and add the node again."
	}
	diags.AddAttributeError(m.where(plan), title, text)
}

// where is the attribute that the node has now, or the node that has none.
func (m moved) where(plan *tierModel) path.Path {
	if plan.own(m.nodes[0], m.attribute) {
		return plan.at(m.nodes[0], m.attribute)
	}
	return plan.at(m.nodes[0], "")
}

// refuseOverlap refuses a tree that is, holds or lies in that of another tier. What the
// tier's own attribute does on several nodes is one error.
func (k *tierKind) refuseOverlap(change *base.Change[tierModel], tier filetier.Tier) {
	if k.Data == nil {
		return
	}
	type clash struct{ attribute, tree, at, other, where string }
	var clashes []clash
	nodes := map[clash][]string{}
	for _, name := range slices.Sorted(maps.Keys(tier.Nodes)) {
		node := tier.Nodes[name]
		for _, one := range []clash{{attribute: "hot", tree: node.Hot}, {attribute: "cold", tree: node.Cold}} {
			if one.tree == "" {
				continue
			}
			other, at, overlaps := k.Trees.Declare(node.Target.Machine(), one.tree, tier.Name, filetier.Overlap)
			if !overlaps {
				continue
			}
			one.at, one.other, one.where = at, other, change.Plan.at(name, one.attribute).String()
			if nodes[one] == nil {
				clashes = append(clashes, one)
			}
			nodes[one] = append(nodes[one], name)
		}
	}
	for _, one := range clashes {
		names := nodes[one]
		change.Diagnostics.AddAttributeError(change.Plan.at(names[0], one.attribute), "Trees Overlap",
			fmt.Sprintf("%s = %q for node \"%s\" overlaps %s, which is a tree of the file tier %q on the same machine: give each its own.", one.attribute, one.tree, strings.Join(names, `", "`), one.at, one.other))
	}
}

// archivesChange is a tier with those of its nodes alone to which an archive comes, or from
// which it goes.
func archivesChange(change *base.Change[tierModel], tier filetier.Tier) filetier.Tier {
	if change.State == nil || change.Replacing {
		return filetier.Tier{}
	}
	before, _ := change.State.declared()
	return tier.Without(func(node string) bool { return (before.Nodes[node].Cold == "") == (tier.Nodes[node].Cold == "") })
}

// planLinked says, where archives come to nodes or go, which days have moved to another one:
// links to one that goes are a warning, and to one that is not declared a refusal.
func planLinked(change *base.Change[tierModel], tier, changes filetier.Tier, facts map[string]filetier.Facts) {
	var stay []converge.Line
	for _, node := range slices.Sorted(maps.Keys(changes.Nodes)) {
		if err := tier.RefuseLinked(node, facts[node]); err != nil {
			change.Diagnostics.AddAttributeError(change.Plan.at(node, "cold"), "An Archive Is Never Moved", base.Sentence(err))
		}
		if line, is := tier.LeavesLinked(node, facts[node]); is {
			stay = append(stay, line)
		}
	}
	if len(stay) > 0 {
		change.Diagnostics.AddAttributeWarning(path.Root("cold"), "Days Stay in an Archive That Goes", said(stay)+" Write cold as it was to keep them in step.")
	}
}
