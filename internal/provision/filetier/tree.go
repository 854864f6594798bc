// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filetier

import (
	"fmt"
	"path"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	model "github.com/atollhq/terraform-provider-atoll/internal/model/tier"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/agent"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// tree is one of the trees that a node has.
type tree struct {
	// attribute declares it, path is where it lies, note what it is noted in that
	// it is the tier's.
	attribute, path, note string
}

const (
	hotNote  = model.HomeHot
	coldNote = model.HomeCold
)

// trees are those that the tier has on a node.
func (t Tier) trees(node string) []tree {
	var trees []tree
	if hot := t.Nodes[node].Hot; hot != "" {
		trees = append(trees, tree{"hot", hot, hotNote})
	}
	if cold := t.Nodes[node].Cold; cold != "" {
		trees = append(trees, tree{"cold", cold, coldNote})
	}
	return trees
}

// claimed are the trees of that kind on the machine, by their tiers.
func (t tree) claimed(facts Facts) map[string]string {
	if t.note == coldNote {
		return facts.Archives
	}
	return facts.Claims
}

func (t Tier) quotedTrees(node string) string {
	var paths []string
	for _, tree := range t.trees(node) {
		paths = append(paths, remote.Quote(tree.path))
	}
	return strings.Join(paths, " ")
}

// claim makes the tree where there is none, and gives it to the tier. A tree that
// was the tier's once and does not say so any more is not mounted, or was
// replaced: it stays as it is.
func (t Tier) claim(node string, tree tree, facts Facts) converge.Action {
	note, forget := path.Join(t.home(), tree.note), ""
	if tree.note == coldNote && t.Nodes[node].Hot != "" {
		// What was found in another archive, that was the tier's before, is not of this one.
		forget = "\nfor notes in " + strings.Join(t.archiveNotes(), " ") + "; do rm -f -- \"$notes\"/*; done"
	}
	claim := fmt.Sprintf("%s claim --root %s --tier %s", remote.Quote(agent.Program(t.home())), remote.Quote(tree.path), remote.Quote(t.Name))
	return converge.Action{
		Name: "give " + tree.path + " to the file tier",
		Line: converge.Line{Subject: "tree " + tree.path, Code: CodeNotOurs, Text: "does not carry the tier's name"},
		// What is not root's alone cannot be asked: closed tells of it.
		Done: rootsAlone + fmt.Sprintf("rootsalone %s || exit 0\n[ \"$(cat %s)\" = %s ] && %s", remote.Quote(path.Join(tree.path, model.Private)), note, remote.Quote(tree.path), claim),
		Run: fmt.Sprintf(`tree=%s note=%s
if [ -e "$note" ] && [ "$(cat "$note")" = "$tree" ]; then
  echo "$tree was a tree of this tier and carries its name no more: if it is a mount point, mount it. If the tree is new on purpose, remove $note on the machine; then it gets everything from the other nodes" >&2
  exit 1
fi
[ -d "$tree" ] || { mkdir -p -- "$tree"; chown -- %s "$tree"; }
%s --give%s
printf '%%s\n' "$tree" >"$note.new"
mv -fT "$note.new" "$note"`, remote.Quote(tree.path), remote.Quote(note), remote.Quote(t.owner(node)+":"+facts.Group), claim, forget),
	}
}

// rootsAlone is a shell function: whether what the tier keeps in a tree belongs to root and
// is closed to all others, without which the agent does not use it. None is none of ours.
const rootsAlone = `rootsalone() { [ ! -e "$1" ] || case $(stat -c %u:%a -- "$1") in 0:*00) ;; *) return 1 ;; esac; }
`

// closed sees whose that is. An owner who had it may have written there what root would go
// by, so a person gives it back.
func (t Tier) closed(tree tree) converge.Action {
	private := path.Join(tree.path, model.Private)
	done := rootsAlone + "rootsalone " + remote.Quote(private)
	return converge.Action{
		Name: "see that " + private + " is root's",
		Line: converge.Line{Subject: "directory " + private, Code: converge.CodeOwner, Text: "is not root's alone: nothing of it is used until it is"},
		Done: done,
		Run: fmt.Sprintf(`%s && exit 0
private=%s
echo "$private belongs to $(stat -c '%%U, with the mode %%a' -- "$private"), and has to be root's alone. Look whether somebody wrote into it; where only its owner was changed, as by a chown -R of the tree, give it back on the machine: chown root: $private && chmod 0700 $private" >&2
exit 1`, done, remote.Quote(private)),
	}
}

// CodeNotOurs says that a tree does not carry its tier's name.
const CodeNotOurs converge.Code = "tier-not-ours"
