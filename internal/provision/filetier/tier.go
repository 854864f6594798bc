// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package filetier keeps trees of files in step on several machines, over SSH
// inside the mesh, each pair of machines in units of its own with limits, kept
// going by the agent: the hot tree within seconds and both ways by unison, the cold
// archive on a schedule and adding only by rsync. A tier has one of both, or both;
// and beside nodes that have both some may have only the archive.
package filetier

import (
	"cmp"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	model "github.com/atollhq/terraform-provider-atoll/internal/model/tier"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Node is one machine of a tier.
type Node struct {
	Target remote.Target
	// Address is the machine's inside the mesh, Port that of its sshd.
	Address string
	Port    int
	// Hot is the tree; "" on a node that only keeps the archive. Cold is the archive; ""
	// where the tier has none.
	Hot, Cold string
	// Owner is the account on this machine; "" for the tier's.
	Owner string
}

// tree is where the files of a node are looked at, counted and warned of: the hot tree,
// or the archive of a node that has none.
func (n Node) tree() string { return cmp.Or(n.Hot, n.Cold) }

// Pair are two nodes that are kept in step with one another. The first dials.
type Pair struct{ Dials, Serves string }

// String names the pair to people.
func (p Pair) String() string { return p.Dials + " ↔ " + p.Serves }

// Tier is what one atoll_file_tier declares.
type Tier struct {
	Name string
	// Owner is the account that all files belong to, and as which unison runs, on each
	// node that names no other one. As root, owners and groups are carried by their names.
	Owner string
	// After is the unit that brings the mesh up; "" for none.
	After string
	Nodes map[string]Node
	Pairs []Pair
	// Ignore are patterns of unison's.
	Ignore []string
	// Conflicts is Keep or Newer.
	Conflicts string
	// Xattrs says that unison carries extended attributes.
	Xattrs bool
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

// superuser carries owners over, and no other account may give a file away.
const superuser = "root"

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
	return path.Join(t.home(), model.HomePairs, peer)
}
func (t Tier) config(peer string) string { return path.Join(t.settings(), peer+".json") }
func (t Tier) unit(peer string) string   { return "atoll-tier-" + t.Name + "." + peer }
func (t Tier) socket(peer string) string { return path.Join("/run/atoll-tier", t.Name, peer+".sock") }

// owner is the account that all files of the tier belong to on a node.
func (t Tier) owner(node string) string { return cmp.Or(t.Nodes[node].Owner, t.Owner) }

// cold says whether the tier has archives: all nodes have one, or none has.
func (t Tier) cold() bool {
	for _, node := range t.Nodes {
		if node.Cold != "" {
			return true
		}
	}
	return false
}

// hot is the part of the tier that has hot trees: those nodes, and the pairs between
// them. A pair with a node that has none is one of archives alone.
func (t Tier) hot() Tier {
	return t.Without(func(node string) bool { return t.Nodes[node].Hot == "" })
}

// Meets says whether there are hot trees that meet: those of two nodes at least.
func (t Tier) Meets() bool { return len(t.hot().Nodes) > 1 }

// joins says whether two nodes keep hot trees in step.
func (t Tier) joins(node, peer string) bool {
	return t.Nodes[node].Hot != "" && t.Nodes[peer].Hot != ""
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
