// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filetier

import (
	"fmt"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Facts are what a node's machine is, and what the manifests of all depend on.
type Facts struct {
	// Group is the owner's own; "" where there is no such account.
	Group string
	// Closed says that the tree is there, and that the owner may not read and write it.
	Closed bool
	// PublicKey is the node's for this tier; "" before it has one.
	PublicKey string
	// Claims are the trees of all tiers on the machine, by the tier's name.
	Claims map[string]string
}

// facts asks for them, together with the machine's first question of a run.
func (t Tier) facts(node string) converge.Question[Facts] {
	return converge.Question[Facts]{
		Name: "what the file tier " + t.Name + " has to know of the machine", Asker: t.RecordOwner() + ".facts",
		Script: converge.AbsentFunction + fmt.Sprintf(`owner=%s key=%s hot=%s
getent passwd -- "$owner" >/dev/null
case $? in
0)
  printf 'group %%s\n' "$(id -gn -- "$owner")"
  if [ -d "$hot" ]; then
    for way in -r -w -x; do setpriv --reuid "$owner" --regid "$(id -g -- "$owner")" --init-groups test "$way" "$hot" || { echo closed; break; }; done
  fi ;;
2) ;;
*) exit 1 ;;
esac
if [ -e "$key" ]; then sed 's/^/key /' -- "$key" || exit; else absent "$key" || { stat -- "$key"; exit 1; }; fi
for file in /var/lib/atoll/tier/*/claimed; do
  [ -e "$file" ] || continue
  tier=${file%%/claimed}
  printf 'claim %%s %%s\n' "${tier##*/}" "$(cat -- "$file")"
done
echo '%s'`, remote.Quote(t.Owner), remote.Quote(t.key()+".pub"), remote.Quote(t.Nodes[node].Hot), converge.WholeMark),
		Read: readFacts,
	}
}

func readFacts(output string) (Facts, error) {
	rows, err := converge.Whole(output)
	if err != nil {
		return Facts{}, err
	}
	facts := Facts{Claims: map[string]string{}}
	for line := range strings.Lines(rows) {
		word, rest, _ := strings.Cut(strings.TrimRight(line, "\n"), " ")
		switch word {
		case "group":
			facts.Group = rest
		case "closed":
			facts.Closed = true
		case "key":
			facts.PublicKey = rest
		case "claim":
			tier, at, _ := strings.Cut(rest, " ")
			facts.Claims[tier] = at
		default:
			return facts, fmt.Errorf("line %q makes no sense", strings.TrimSpace(line))
		}
	}
	return facts, nil
}

// refuse says why a node cannot be in the tier, by its facts.
func (t Tier) refuse(node string, facts Facts) error {
	if facts.Group == "" {
		return fmt.Errorf("node %s: owner = %q: there is no such account on the machine. Make it there, or name another one", node, t.Owner)
	}
	if facts.Closed {
		return fmt.Errorf("node %s: hot = %q: %s may not read and write that directory. Give it to that account on the machine, or name another owner", node, t.Nodes[node].Hot, t.Owner)
	}
	for tier, path := range facts.Claims {
		if tier != t.Name && Overlap(path, t.Nodes[node].Hot) {
			return fmt.Errorf("node %s: hot = %q overlaps %s, which is the tree of the file tier %q on this machine: give each its own", node, t.Nodes[node].Hot, path, tier)
		}
	}
	if was, claimed := facts.Claims[t.Name]; claimed && was != t.Nodes[node].Hot {
		return fmt.Errorf("node %s: hot = %q: the tree of this tier is %s on this machine, and is never moved. Take the node out of the tier, apply, and add it again with the other path",
			node, t.Nodes[node].Hot, was)
	}
	return nil
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
		Script: converge.AbsentFunction + fmt.Sprintf(`hot=%s
if [ ! -d "$hot" ]; then
  absent "$hot" || { stat -- "$hot"; exit 1; }
  echo 'empty'
else
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
