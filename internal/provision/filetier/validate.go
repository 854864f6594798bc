// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filetier

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
)

// Validate finds what cannot work, all of it at once; see Faults.
func (t Tier) Validate() error {
	var problems []error
	say := func(attribute, text string, values ...any) {
		problems = append(problems, about(attribute, fmt.Errorf(text, values...))...)
	}
	seen := map[Pair]bool{}
	for _, pair := range t.Pairs {
		for _, end := range []string{pair.Dials, pair.Serves} {
			if _, known := t.Nodes[end]; !known {
				say("pairs", "pairs names %q, which is not among nodes: add it there, or take the pair out", end)
			}
		}
		switch {
		case pair.Dials == pair.Serves:
			say("pairs", "pairs has %q with itself: take the pair out", pair.Dials)
		case seen[pair] || seen[Pair{pair.Serves, pair.Dials}]:
			say("pairs", "pairs has %s twice: take one out", pair)
		}
		seen[pair] = true
	}
	if len(problems) == 0 {
		problems = append(problems, about("pairs", t.validateWays()...)...)
	}
	if from, is := strings.CutPrefix(t.Initial, From); is {
		if hot := t.hot(); len(hot.Nodes) > 0 && hot.Nodes[from].Hot == "" {
			say("initial", "initial = %q names no node with a hot tree: write one of %s", t.Initial, strings.Join(slices.Sorted(maps.Keys(hot.Nodes)), ", "))
		}
	}
	problems = append(problems, t.validateTrees()...)
	problems = append(problems, about("owner", t.validateOwners())...)
	problems = append(problems, about("hot_days", t.validateMoving()...)...)
	addresses := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(t.Nodes)) {
		address := t.Nodes[name].Address
		if other, taken := addresses[address]; taken {
			problems = append(problems, &Fault{"address", name, fmt.Errorf("nodes %q and %q both have the address %s: give each its own", other, name, address)})
		}
		addresses[address] = name
	}
	return errors.Join(problems...)
}

// validateWays finds nodes that no chain of pairs joins. Hot trees need one of nodes
// that have one.
func (t Tier) validateWays() []error {
	apart, first := t.apart()
	if len(apart) > 0 {
		return []error{fmt.Errorf("pairs leaves %s without a way to %s: add a pair that joins them", strings.Join(apart, ", "), first)}
	}
	apart, first = t.hot().apart()
	if len(apart) > 0 {
		return []error{fmt.Errorf("the hot trees of %s have no way to that of %s, since what lies between has no hot: name a hub that has one, or add a pair that joins them", strings.Join(apart, ", "), first)}
	}
	return nil
}

// validateTrees finds what is wrong with where the trees lie. Trees of several nodes that
// overlap in the same way are one fault.
func (t Tier) validateTrees() []error {
	var problems []error
	overlaps := map[[2]string][]string{}
	for _, name := range slices.Sorted(maps.Keys(t.Nodes)) {
		node := t.Nodes[name]
		switch {
		case node.Cold == "" && node.Hot == "":
			problems = append(problems, &Fault{"", name, fmt.Errorf("node %q has neither hot nor cold: give one to it, or to the tier", name)})
		case node.Cold == "" && t.cold():
			problems = append(problems, &Fault{"", name, fmt.Errorf("node %q has no cold, and another one has: give all nodes one, or none", name)})
		case node.Cold != "" && node.Hot != "" && Overlap(node.Hot, node.Cold):
			both := [2]string{node.Hot, node.Cold}
			overlaps[both] = append(overlaps[both], name)
		}
	}
	for _, both := range slices.SortedFunc(maps.Keys(overlaps), func(a, b [2]string) int { return strings.Compare(overlaps[a][0], overlaps[b][0]) }) {
		names := overlaps[both]
		problems = append(problems, &Fault{"cold", names[0], fmt.Errorf("hot = %q and cold = %q of node %s overlap: give each a directory of its own", both[0], both[1], quotedNames(names))})
	}
	return problems
}

// validateOwners refuses root beside other accounts. It would give what it carries to
// itself, or to owners to whom the other side may give nothing.
func (t Tier) validateOwners() error {
	var root, others []string
	for _, name := range slices.Sorted(maps.Keys(t.Nodes)) {
		if t.owner(name) == superuser {
			root = append(root, name)
		} else {
			others = append(others, name)
		}
	}
	if len(root) == 0 || len(others) == 0 {
		return nil
	}
	return fmt.Errorf("owner is root on %s and %s on %s: root carries owners over by their names, and no other account may give files to anybody. Have the files belong to root on all nodes, or on none",
		strings.Join(root, ", "), t.owner(others[0]), strings.Join(others, ", "))
}

// apart are the nodes that no chain of pairs joins to the first one.
func (t Tier) apart() (names []string, first string) {
	names = slices.Sorted(maps.Keys(t.Nodes))
	if len(names) == 0 {
		return nil, ""
	}
	first = names[0]
	distances := t.distances(first)
	return slices.DeleteFunc(names, func(name string) bool { _, joined := distances[name]; return joined }), first
}

// distances are how many pairs lie between each node and one of them.
func (t Tier) distances(from string) map[string]int {
	found := map[string]int{from: 0}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		for _, next := range append(t.dialled(at), t.served(at)...) {
			if _, known := found[next]; !known {
				found[next] = found[at] + 1
				queue = append(queue, next)
			}
		}
	}
	return found
}

// forms says what cannot be written, for what comes in by another door than a
// checked declaration.
func (t Tier) forms() error {
	problems := []error{converge.Formed("name", t.Name, NameForm), converge.OneLine("owner", t.Owner)}
	if t.After != "" {
		problems = append(problems, converge.Formed("the unit to start after", t.After, converge.UnitForm))
	}
	for _, pattern := range t.Ignore {
		problems = append(problems, converge.OneLine("ignore", pattern))
	}
	for _, path := range t.Archive.Deleted {
		problems = append(problems, converge.Formed("cold_deletions", path, DeletedForm), converge.OneLine("cold_deletions", path))
	}
	if t.Scrub != nil {
		problems = append(problems, converge.OneLine("scrub_schedule", t.Scrub.Calendar))
	}
	problems = append(problems, converge.OneLine("cold_schedule", t.Archive.Calendar), converge.Formed("layout", t.layout(), LayoutForm))
	for name, node := range t.Nodes {
		for what, tree := range map[string]string{"hot": node.Hot, "cold": node.Cold} {
			if tree != "" {
				problems = append(problems, converge.Formed(what+" of node "+name, tree, PathForm))
			}
		}
		problems = append(problems, converge.OneLine("owner of node "+name, node.Owner),
			converge.Formed("the name of node "+name, name, NodeForm),
			converge.Addressed("address of node "+name, node.Address), converge.OneLine("ssh.host_key of node "+name, node.Target.HostKey))
	}
	return errors.Join(problems...)
}
