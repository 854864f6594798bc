// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filetier

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	model "github.com/atollhq/terraform-provider-atoll/internal/model/tier"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Facts are what a node's machine is, and what the manifests of all depend on.
type Facts struct {
	// Group is the owner's own; "" where there is no such account.
	Group string
	// Closed are trees that are there, and that the owner may not read and write. One that
	// is the tier's and does not say so is not of them: it is not mounted.
	Closed []string
	// Held are the accounts that what is remembered of the tier's pairs belongs to: the
	// owner alone, unless another one had it before.
	Held []string
	// PublicKey is the node's for this tier; "" before it has one.
	PublicKey string
	// Claims are the hot trees of all tiers on the machine, by the tier's name,
	// Archives the cold ones.
	Claims, Archives map[string]string
	// FileSystem is the kind of that on which the hot tree lies, or will lie; "" where
	// the node has none.
	FileSystem string
	// Unison is the version of its package that is there, or would come; "" where that is
	// not asked, or not known.
	Unison string
	// Meshes are the names of those on the machine; nil where that was not asked.
	Meshes []string
	// Addresses are the machine's, by the interface; empty where they are not known.
	Addresses map[string][]netip.Addr
	// Homes are the trees of the node that are the home of an account with keys, by whose
	// it is.
	Homes map[string]string
	// OnTheWay counts directories of days whose link stands in the tree already.
	OnTheWay int
	// Linked counts the links of days that have moved, and LinkedTo is the archive that they
	// lead to. It is asked where that is no tier's any more and another one is declared,
	// without the days that this one has; and where it is declared no more.
	Linked   int
	LinkedTo string
}

// facts asks for them, together with the machine's first question of a run.
func (t Tier) facts(node string) converge.Question[Facts] {
	return converge.Question[Facts]{
		Name: "what the file tier " + t.Name + " has to know of the machine", Asker: t.RecordOwner() + ".facts",
		Script: converge.ThereFunction + fmt.Sprintf(`owner=%s key=%s hot=%s home=%s
if [ -n "$hot" ]; then
  at=$hot
  while [ ! -d "${at:-/}" ]; do at=${at%%/*}; done
  kind=$(stat -f -c %%T -- "${at:-/}") || exit
  case $kind in fuse*) kind=$(findmnt -n -o FSTYPE -T "${at:-/}") || exit ;; esac
  kind=$(printf '%%s\n' "$kind" | tail -n 1) # of mounts over one another the last is seen
  printf 'filesystem %%s\n' "$kind"
  if [ -d "$hot/.tier" ]; then
    old=$(ls -A -- "$hot/.tier") || exit
    printf 'old %%s\n' "$(printf '%%s\n' "$old" | grep -c '[.]old-[0-9]*$')"
  fi
fi
%s%s%s%sgetent passwd -- "$owner" >/dev/null
case $? in
0)
  printf 'group %%s\n' "$(id -gn -- "$owner")"
  for tree in %s; do
    [ -d "$tree" ] || continue
    [ -e "$tree/%s" ] || ! grep -qsxF -e "$tree" -- %s || continue
    for way in -r -w -x; do setpriv --reuid "$owner" --regid "$(id -g -- "$owner")" --init-groups test "$way" "$tree" || { printf 'closed %%s\n' "$tree"; break; }; done
  done ;;
2) ;;
*) exit 1 ;;
esac
if there "$key"; then sed 's/^/key /' -- "$key" || exit; fi
for pair in "$home"/%s/*; do
  if [ -d "$pair" ]; then stat -c 'held %%U' -- "$pair" || exit; fi
done
for file in /var/lib/atoll/tier/*/claimed /var/lib/atoll/tier/*/claimed-cold; do
  [ -e "$file" ] || continue
  tier=${file%%/*}
  printf '%%s %%s %%s\n' "${file##*/}" "${tier##*/}" "$(cat -- "$file")"
done
echo '%s'`, remote.Quote(t.owner(node)), remote.Quote(t.key()+".pub"), remote.Quote(t.Nodes[node].Hot), remote.Quote(t.home()), t.askUnison(node), t.askMeshes(), t.askHomes(node), t.askLinked(node), t.quotedTrees(node),
			model.Private, fmt.Sprintf(`"$home/%s" "$home/%s"`, hotNote, coldNote), model.HomePairs, converge.WholeMark),
		Read: readFacts,
	}
}

// factsNow are asked for by an apply, or by a plan of what is not there yet: a machine keeps
// the question for a refresh only where there is a tier to refresh.
func (t Tier) factsNow(node string) converge.Question[Facts] {
	question := t.facts(node)
	question.Asker = ""
	return question
}

// meshPatience is how long a mesh gets to come up: tincd gives its interface the address a
// moment after systemd calls it started, which may be in the same apply.
const meshPatience = 20 * time.Second

// knowAll asks all nodes for their facts, and once more after a moment while a mesh may be
// about to come up.
func (t Tier) knowAll(ctx context.Context, hosts map[string]remote.Host) (map[string]Facts, error) {
	for deadline := time.Now().Add(meshPatience); ; {
		facts, err := each(hosts, func(node string) (Facts, error) { return converge.Ask(ctx, hosts[node], t.factsNow(node)) })
		down := slices.ContainsFunc(slices.Collect(maps.Values(facts)), t.meshDown)
		if err != nil || !down || time.Now().After(deadline) {
			return facts, err
		}
		if err := remote.Pause(ctx, pause); err != nil {
			return facts, err
		}
	}
}

func readFacts(output string) (Facts, error) {
	rows, err := converge.Whole(output)
	if err != nil {
		return Facts{}, err
	}
	facts := Facts{Homes: map[string]string{}, Claims: map[string]string{}, Archives: map[string]string{}, Addresses: map[string][]netip.Addr{}}
	for line := range strings.Lines(rows) {
		word, rest, _ := strings.Cut(strings.TrimRight(line, "\n"), " ")
		switch word {
		case "group":
			facts.Group = rest
		case "closed":
			facts.Closed = append(facts.Closed, rest)
		case "held":
			facts.Held = append(facts.Held, rest)
		case "key":
			facts.PublicKey = rest
		case "filesystem":
			facts.FileSystem = rest
		case "unison":
			facts.Unison = rest
		case "meshes":
			facts.Meshes = append([]string{}, strings.Fields(rest)...)
		case "address":
			if err = facts.readAddress(rest); err != nil {
				return facts, err
			}
		case "home":
			tree, name, _ := strings.Cut(rest, " ")
			facts.Homes[tree] = name
		case "old":
			if facts.OnTheWay, err = strconv.Atoi(rest); err != nil {
				return facts, err
			}
		case "linked":
			count, to, _ := strings.Cut(rest, " ")
			facts.LinkedTo = to
			if facts.Linked, err = strconv.Atoi(count); err != nil {
				return facts, err
			}
		case "claimed":
			tier, at, _ := strings.Cut(rest, " ")
			facts.Claims[tier] = at
		case "claimed-cold":
			tier, at, _ := strings.Cut(rest, " ")
			facts.Archives[tier] = at
		default:
			return facts, fmt.Errorf("line %q makes no sense", strings.TrimSpace(line))
		}
	}
	return facts, nil
}

// Stands says whether one of the nodes has something of the tier, by their facts.
func (t Tier) Stands(facts map[string]Facts) bool {
	return slices.ContainsFunc(slices.Collect(maps.Values(facts)), func(of Facts) bool {
		_, hot := of.Claims[t.Name]
		_, cold := of.Archives[t.Name]
		return hot || cold
	})
}

// refuse says why a node cannot be in the tier, by its facts.
func (t Tier) refuse(node string, facts Facts) error {
	if facts.Group == "" {
		return fmt.Errorf("node %s: owner = %q: there is no such account on the machine. Make it there, or name another one", node, t.owner(node))
	}
	if err := t.RefuseMoving(node, facts); err != nil {
		return err
	}
	if err := t.RefuseLinked(node, facts); err != nil {
		return err
	}
	if err := t.refuseUnison(node, facts); err != nil {
		return err
	}
	if err := t.refuseHome(node, facts); err != nil {
		return err
	}
	if was, claimed := facts.Claims[t.Name]; claimed && t.Nodes[node].Hot == "" {
		return fmt.Errorf("node %s: no hot is declared, and %s is the hot tree of this tier on this machine: declare it, or take the node out of the tier, apply, and add it again without one", node, was)
	}
	for _, tree := range t.trees(node) {
		if slices.Contains(facts.Closed, tree.path) {
			return fmt.Errorf("node %s: %s = %q: %s may not read and write that directory. Name another owner, or give it to that account on the machine, all but what the tier keeps in it:%s",
				node, tree.attribute, tree.path, t.owner(node), giving(tree.path, t.owner(node)))
		}
		for _, claims := range []map[string]string{facts.Claims, facts.Archives} {
			for tier, path := range claims {
				if tier != t.Name && Overlap(path, tree.path) {
					return fmt.Errorf("node %s: %s = %q overlaps %s, which is a tree of the file tier %q on this machine: give each its own", node, tree.attribute, tree.path, path, tier)
				}
			}
		}
		if was, claimed := tree.claimed(facts)[t.Name]; claimed && was != tree.path {
			return fmt.Errorf("node %s: %s = %q: the tree of this tier is %s on this machine, and is never moved. Take the node out of the tier, apply, and add it again with the other path",
				node, tree.attribute, tree.path, was)
		}
	}
	return nil
}

// refuseAny says why nodes cannot be in the tier, of all at once: where one cannot, nothing
// is touched on any other.
func (t Tier) refuseAny(facts map[string]Facts) error {
	var problems []error
	for _, node := range slices.Sorted(maps.Keys(facts)) {
		problems = append(problems, t.refuse(node, facts[node]), t.refuseAddress(node, facts[node]))
	}
	return errors.Join(problems...)
}

// content is what a tree holds, for the question whether two of them are the same.
type content struct {
	empty  bool
	digest string
}

// contents asks for it: everything is read, so it is asked once in the life of a
// node, where trees meet of which both have files.
func (t Tier) contents(node string) converge.Question[content] {
	return converge.Question[content]{
		Name: "what the tree holds",
		Script: converge.ThereFunction + fmt.Sprintf(`hot=%s
if ! there "$hot"; then echo 'empty'; else
  set -e
  cd "$hot"
  if [ -z "$(find . -mindepth 1 -path ./.tier -prune -o -mindepth 1 -print -quit)" ]; then echo 'empty'; else
    sum=$({ find . -path ./.tier -prune -o ! -type f -printf '%%y %%p %%l\0'; find . -path ./.tier -prune -o -type f -print0 | xargs -0r sha256sum -z; } | LC_ALL=C sort -z | sha256sum)
    printf 'digest %%s\n' "${sum%%%% *}"
  fi
fi
echo '%s'`, remote.Quote(t.Nodes[node].Hot), converge.WholeMark),
		Read: func(output string) (content, error) {
			rows, err := converge.Whole(output)
			if err != nil {
				return content{}, err
			}
			word, digest, _ := strings.Cut(strings.TrimSpace(rows), " ")
			switch {
			case word == "empty":
				return content{empty: true}, nil
			case word == "digest" && len(digest) == 64:
				return content{digest: digest}, nil
			}
			return content{}, fmt.Errorf("%q makes no sense", rows)
		},
	}
}
