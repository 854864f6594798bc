// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filetier

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	model "github.com/atollhq/terraform-provider-atoll/internal/model/tier"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// mostForeign is how many paths of another account are looked for in a tree, and
// shownForeign how many of them a person reads.
const mostForeign, shownForeign = 100, 3

// giving is the command by which a tree becomes an account's, all but what the tier keeps
// in it: that stays root's. It is a line of its own, which Terraform does not break.
func giving(tree, owner string) string {
	return fmt.Sprintf("\n  find %s -path %s -prune -o -exec chown -h %s {} +", remote.Quote(tree), remote.Quote(path.Join(tree, model.Private)), remote.Quote(owner+":"))
}

// adopts gives the trees on a node that this apply makes the tier's, or another owner's.
// Root may do with them what it likes.
func (t Tier) adopts(node string, facts Facts) []tree {
	owner := t.owner(node)
	if owner == superuser {
		return nil
	}
	changes := slices.ContainsFunc(facts.Held, func(account string) bool { return account != owner })
	return slices.DeleteFunc(t.trees(node), func(tree tree) bool {
		return !changes && tree.claimed(facts)[t.Name] == tree.path
	})
}

// refuseForeign refuses trees in which other accounts have what the owner cannot use: unison
// and rsync would leave it, and all that comes to it, from the first minute on.
func (t Tier) refuseForeign(ctx context.Context, hosts map[string]remote.Host, facts map[string]Facts) error {
	asked := maps.Clone(hosts)
	maps.DeleteFunc(asked, func(node string, _ remote.Host) bool { return len(t.adopts(node, facts[node])) == 0 })
	found, err := each(asked, func(node string) (map[string][]string, error) {
		return converge.Ask(ctx, hosts[node], t.foreign(node, t.adopts(node, facts[node])))
	})
	if err != nil {
		return err
	}
	var problems []error
	for _, node := range slices.Sorted(maps.Keys(found)) {
		for _, tree := range t.trees(node) {
			problems = append(problems, t.refuseThem(node, tree, found[node][tree.attribute]))
		}
	}
	return errors.Join(problems...)
}

// refuseThem says what of a tree the owner cannot use; nil for nothing.
func (t Tier) refuseThem(node string, tree tree, paths []string) error {
	if len(paths) == 0 {
		return nil
	}
	owner, count, which := t.owner(node), strconv.Itoa(min(len(paths), mostForeign)), "the first are "
	switch {
	case len(paths) > mostForeign:
		count = "more than " + count
	case len(paths) == 1:
		which = ""
	case len(paths) <= shownForeign:
		which = "these are "
	}
	var shown []string
	for _, path := range paths[:min(len(paths), shownForeign)] {
		shown = append(shown, strconv.Quote(oneLine(path)))
	}
	return fmt.Errorf("node %s: %s = %q: %s may not read, or not write into, %s of the files and directories in it, which belong to other accounts: %s%s. Nothing was touched. Name another owner, or give them to that account on the machine:%s",
		node, tree.attribute, tree.path, owner, count, which, strings.Join(shown, ", "), giving(tree.path, owner))
}

// foreign asks for what other accounts have in trees that the owner cannot use: directories
// into which it cannot write and files that it cannot read. All names in a tree are looked at,
// so it is asked where a tree is taken over, and never again.
func (t Tier) foreign(node string, trees []tree) converge.Question[map[string][]string] {
	var looks strings.Builder
	for _, tree := range trees {
		fmt.Fprintf(&looks, "look %s %s", tree.attribute, remote.Quote(tree.path))
		if tree.note == hotNote {
			for _, pattern := range t.Ignore {
				looks.WriteString(" -o -regex " + remote.Quote(ignored(tree.path, pattern)))
			}
		}
		looks.WriteString("\n")
	}
	return converge.Question[map[string][]string]{
		Name: "what is in the trees that their owner cannot use", Read: readForeign,
		// A pattern that find does not take says nothing of the others: then unison says by
		// itself what it cannot read.
		Script: fmt.Sprintf(`owner=%s
group=$(id -g -- "$owner") || exit
cd / || exit
as() { setpriv --reuid "$owner" --regid "$group" --init-groups "$@"; }
as true || exit
look() {
  kind=$1 tree=$2
  shift 2
  [ -d "$tree" ] || return 0
  as find "$tree" -maxdepth 0 -regextype posix-extended \( -false "$@" \) >/dev/null 2>&1 || return 0
  as find "$tree" -regextype posix-extended \( -path "$tree/%s" -o -path "$tree/%s" -o -path "$tree/lost+found" "$@" \) -prune -o \
    ! -user "$owner" \( -type d \( ! -readable -o ! -writable -o ! -executable \) -o -type f ! -readable \) -printf '%%P\0' 2>/dev/null |
    head -zn %d | LC_ALL=C tr '\n\0' '?\n' | LC_ALL=C sed "s/^/$kind /"
}
%secho '%s'`, remote.Quote(t.owner(node)), model.Private, model.Workshop, mostForeign+1, looks.String(), converge.WholeMark),
	}
}

func readForeign(output string) (map[string][]string, error) {
	rows, err := converge.Whole(output)
	if err != nil {
		return nil, err
	}
	found := map[string][]string{}
	for line := range strings.Lines(rows) {
		kind, path, told := strings.Cut(strings.TrimRight(line, "\n"), " ")
		if !told || kind != "hot" && kind != "cold" {
			return nil, fmt.Errorf("line %q makes no sense", line)
		}
		found[kind] = append(found[kind], path)
	}
	return found, nil
}

// ignored is a regular expression of POSIX for the paths that one of unison's patterns
// leaves alone in a tree.
func ignored(tree, pattern string) string {
	word, rest, _ := strings.Cut(pattern, " ")
	rest, top := strings.TrimSpace(rest), regexp.QuoteMeta(tree)+"/"
	switch word {
	case "Name":
		return top + "(.*/)?" + globbed(rest)
	case "BelowPath":
		return top + globbed(rest) + "(/.*)?"
	case "Regex":
		return top + "(" + rest + ")"
	}
	return top + globbed(rest)
}

// globbed makes a regular expression of a pattern with *, ?, [abc] and {a,b}.
func globbed(pattern string) string {
	var text strings.Builder
	open := 0
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '*':
			text.WriteString("[^/]*")
		case c == '?':
			text.WriteString("[^/]")
		case c == '[' && strings.IndexByte(pattern[i:], ']') > 0:
			end := i + strings.IndexByte(pattern[i:], ']')
			text.WriteString(pattern[i : end+1])
			i = end
		case c == '{':
			open++
			text.WriteString("(")
		case c == '}' && open > 0:
			open--
			text.WriteString(")")
		case c == ',' && open > 0:
			text.WriteString("|")
		case c == '\\' && i+1 < len(pattern):
			i++
			text.WriteString(regexp.QuoteMeta(pattern[i : i+1]))
		default:
			text.WriteString(regexp.QuoteMeta(pattern[i : i+1]))
		}
	}
	return text.String()
}
