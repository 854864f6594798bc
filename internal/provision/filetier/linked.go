// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filetier

import (
	"fmt"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	model "github.com/atollhq/terraform-provider-atoll/internal/model/tier"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// askLinked asks where the links of days lead, while the archive comes or goes: they are
// the links in the places of days whose text ends in the day. No day is looked into.
func (t Tier) askLinked(node string) string {
	layout, err := model.ParseLayout(t.layout())
	if err != nil || t.Nodes[node].Hot == "" {
		return ""
	}
	return fmt.Sprintf(`cold=%[1]s
declared=no was=no
[ -z "$cold" ] || declared=yes
[ ! -e "$home/%[2]s" ] || was=yes
if [ "$declared" != "$was" ] && [ -e "$home/%[3]s" ] && [ -d "$hot" ]; then
  find "$hot" -mindepth %[4]d -maxdepth %[4]d -type l -printf '%%P\t%%l\n' | {
    count=0 to=
    while IFS='	' read -r day text; do
      case $text in ../*"/$day") ;; *) continue ;; esac
      if [ -n "$cold" ] && [ -d "$cold/$day" ]; then continue; fi
      count=$((count + 1)) to=$hot/$(dirname -- "$day")/${text%%"/$day"}
    done
    [ "$count" = 0 ] || printf 'linked %%s %%s\n' "$count" "$(realpath -m -s -- "$to")"
  } || exit
fi
`, remote.Quote(t.Nodes[node].Cold), coldNote, hotNote, layout.Depth())
}

// RefuseLinked refuses an archive elsewhere than where the days are that have moved.
func (t Tier) RefuseLinked(node string, facts Facts) error {
	cold := t.Nodes[node].Cold
	if facts.Linked == 0 || cold == "" {
		return nil
	}
	return fmt.Errorf("node %[1]s: cold = %[2]q: %[3]s moved to %[4]s, and the links in %[5]s lead there: write cold = %[4]q again. Where it is really to be %[2]s, move the directory %[4]s there on each machine and apply again with hot_days, which has the links lead to it",
		node, cold, haveDays(facts.Linked), facts.LinkedTo, t.Nodes[node].Hot)
}

// haveDays counts them.
func haveDays(count int) string {
	if count == 1 {
		return "1 day has"
	}
	return fmt.Sprintf("%d days have", count)
}

// CodeLinked says that days stay in an archive that is the tier's no more.
const CodeLinked converge.Code = "tier-linked"

// LeavesLinked says which days stay in the archive that a node has no more.
func (t Tier) LeavesLinked(node string, facts Facts) (converge.Line, bool) {
	if facts.Linked == 0 || t.Nodes[node].Cold != "" {
		return converge.Line{}, false
	}
	return converge.Line{Subject: node, Code: CodeLinked, Text: fmt.Sprintf("%s moved to %s, and their links in %s lead there. They stay and open as before, and from then on are not carried to other nodes, not read again and not mended",
		haveDays(facts.Linked), facts.LinkedTo, t.Nodes[node].Hot)}, true
}
