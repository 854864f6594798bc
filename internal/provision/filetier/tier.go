// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package filetier keeps trees of files in step on several machines, over SSH
// inside the mesh, each pair of machines in units of its own with limits, kept
// going by the agent: the hot tree within seconds and both ways by unison, the cold
// archive on a schedule and adding only by rsync.
package filetier

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Node is one machine of a tier.
type Node struct {
	Target remote.Target
	// Address is the machine's inside the mesh, Port that of its sshd.
	Address string
	Port    int
	// Hot is the tree, Cold the archive beside it; "" where the tier has none.
	Hot, Cold string
}

// Pair are two nodes that are kept in step with one another. The first dials.
type Pair struct{ Dials, Serves string }

// String names the pair to people.
func (p Pair) String() string { return p.Dials + " ↔ " + p.Serves }

// Tier is what one atoll_file_tier declares.
type Tier struct {
	Name string
	// Owner is the account that all files belong to, and as which unison runs. As
	// root, owners and groups are carried by their names.
	Owner string
	// After is the unit that brings the mesh up; "" for none.
	After string
	Nodes map[string]Node
	Pairs []Pair
	// Ignore are patterns of unison's.
	Ignore []string
	// Conflicts is Keep or Newer.
	Conflicts string
	// Initial is "", Merge or From and a node's name.
	Initial string
	// MemoryMiB is the most that one unison, or one rsync, may use.
	MemoryMiB int
	// Archive is how the cold archives are kept in step.
	Archive Archive
	// Layout names the directories of days; "" for UsualLayout.
	Layout string
	// Moves is how days move from the trees to the archives; nil where none do.
	Moves *Moving
	// Scrub is how the archives are read again; nil where they are not.
	Scrub *Scrubbing
}

// What is done about a file that was changed on both sides.
const (
	Keep  = "keep"
	Newer = "newer"
)

// What is done when trees that both have files meet for the first time.
const (
	Merge = "merge"
	From  = "from:"
)

const ownerPrefix = "file-tier/"

// RecordOwner is the name under which a machine records what the tier has there.
func (t Tier) RecordOwner() string { return ownerPrefix + t.Name }

// The forms of what stands in the names of units and accounts, and in paths of
// which no reader has a way to quote them all.
var (
	NameForm = regexp.MustCompile(`\A[a-z][a-z0-9-]{0,19}\z`)
	NodeForm = regexp.MustCompile(`\A[A-Za-z0-9][A-Za-z0-9_-]{0,31}\z`)
	// DeletedForm leaves out what rsync takes for a pattern.
	DeletedForm = regexp.MustCompile(`\A[^/*?\[\\\x00-\x1f\x7f]+(/[^/*?\[\\\x00-\x1f\x7f]+)*\z`)
	// LayoutForm leaves out what a unit or a profile would have to quote.
	LayoutForm = regexp.MustCompile(`\A[A-Za-z0-9_%][A-Za-z0-9._%-]*(/[A-Za-z0-9_%][A-Za-z0-9._%-]*)*\z`)
	PathForm   = regexp.MustCompile(`\A(/[A-Za-z0-9._+@-]+)+\z`)
)

// Where the parts of a tier lie on a machine.
func (t Tier) home() string     { return path.Join("/var/lib/atoll/tier", t.Name) }
func (t Tier) settings() string { return path.Join("/etc/atoll/tier", t.Name) }
func (t Tier) account() string  { return "atoll-tier-" + t.Name }
func (t Tier) state(peer string) string {
	return path.Join(t.home(), "pairs", peer)
}
func (t Tier) config(peer string) string { return path.Join(t.settings(), peer+".json") }
func (t Tier) unit(peer string) string   { return "atoll-tier-" + t.Name + "." + peer }
func (t Tier) socket(peer string) string { return path.Join("/run/atoll-tier", t.Name, peer+".sock") }

// cold says whether the tier has archives: all nodes have one, or none has.
func (t Tier) cold() bool {
	for _, node := range t.Nodes {
		if node.Cold != "" {
			return true
		}
	}
	return false
}

// dialled are the nodes that a node dials, served those that dial it.
func (t Tier) dialled(node string) []string {
	return t.ends(func(p Pair) (string, bool) { return p.Serves, p.Dials == node })
}

func (t Tier) served(node string) []string {
	return t.ends(func(p Pair) (string, bool) { return p.Dials, p.Serves == node })
}

func (t Tier) ends(pick func(Pair) (string, bool)) []string {
	var names []string
	for _, pair := range t.Pairs {
		if name, is := pick(pair); is {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Star are the pairs of all nodes with one of them.
func Star(hub string, nodes []string) []Pair {
	var pairs []Pair
	for _, node := range nodes {
		if node != hub {
			pairs = append(pairs, Pair{Dials: node, Serves: hub})
		}
	}
	return pairs
}

// Without leaves nodes out, with their pairs.
func (t Tier) Without(gone func(node string) bool) Tier {
	t.Nodes, t.Pairs = maps.Clone(t.Nodes), slices.Clone(t.Pairs)
	maps.DeleteFunc(t.Nodes, func(node string, _ Node) bool { return gone(node) })
	t.Pairs = slices.DeleteFunc(t.Pairs, func(p Pair) bool { return gone(p.Dials) || gone(p.Serves) })
	return t
}

// Validate finds what cannot work, all of it at once.
func (t Tier) Validate() error {
	var problems []error
	say := func(text string, values ...any) { problems = append(problems, fmt.Errorf(text, values...)) }
	seen := map[Pair]bool{}
	for _, pair := range t.Pairs {
		for _, end := range []string{pair.Dials, pair.Serves} {
			if _, known := t.Nodes[end]; !known {
				say("pairs names %q, which is not among nodes: add it there, or take the pair out", end)
			}
		}
		switch {
		case pair.Dials == pair.Serves:
			say("pairs has %q with itself: take the pair out", pair.Dials)
		case seen[pair] || seen[Pair{pair.Serves, pair.Dials}]:
			say("pairs has %s twice: take one out", pair)
		}
		seen[pair] = true
	}
	if apart := t.apart(); len(problems) == 0 && len(apart) > 0 {
		say("pairs leaves %s without a way to %s: add a pair that joins them", strings.Join(apart, ", "), slices.Sorted(maps.Keys(t.Nodes))[0])
	}
	if from, is := strings.CutPrefix(t.Initial, From); is {
		if _, known := t.Nodes[from]; !known {
			say("initial = %q names no node: write one of %s", t.Initial, strings.Join(slices.Sorted(maps.Keys(t.Nodes)), ", "))
		}
	}
	problems = append(problems, t.validateTrees()...)
	problems = append(problems, t.validateMoving()...)
	addresses := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(t.Nodes)) {
		address := t.Nodes[name].Address
		if other, taken := addresses[address]; taken {
			say("nodes %q and %q both have the address %s: give each its own", other, name, address)
		}
		addresses[address] = name
	}
	return errors.Join(problems...)
}

// validateTrees finds what is wrong with where the trees lie.
func (t Tier) validateTrees() []error {
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(t.Nodes)) {
		node := t.Nodes[name]
		switch {
		case node.Cold == "" && t.cold():
			problems = append(problems, fmt.Errorf("node %q has no cold, and another one has: give all nodes one, or none", name))
		case node.Cold != "" && Overlap(node.Hot, node.Cold):
			problems = append(problems, fmt.Errorf("hot = %q and cold = %q of node %q overlap: give each a directory of its own", node.Hot, node.Cold, name))
		}
	}
	return problems
}

// apart are the nodes that no chain of pairs joins to the first one.
func (t Tier) apart() []string {
	names := slices.Sorted(maps.Keys(t.Nodes))
	if len(names) == 0 {
		return nil
	}
	distances := t.distances(names[0])
	return slices.DeleteFunc(names, func(name string) bool { _, joined := distances[name]; return joined })
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
		problems = append(problems,
			converge.Formed("the name of node "+name, name, NodeForm),
			converge.Addressed("address of node "+name, node.Address), converge.OneLine("ssh.host_key of node "+name, node.Target.HostKey))
	}
	return errors.Join(problems...)
}

// Overlap says whether one path is, or lies in, the other.
func Overlap(a, b string) bool {
	return a == b || strings.HasPrefix(a, b+"/") || strings.HasPrefix(b, a+"/")
}

// Plugin is the file tier's, see package provision.
type Plugin struct{}

// Name of what it makes.
func (Plugin) Name() string { return "file tier" }

// Owns the records of tiers.
func (Plugin) Owns(owner string) bool { return strings.HasPrefix(owner, ownerPrefix) }
