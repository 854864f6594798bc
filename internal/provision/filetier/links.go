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

// editedLink is a link in the place of an archived day that leads elsewhere.
type editedLink struct{ day, text string }

// mostLinks is how many of them are lines of their own.
const mostLinks = 20

// links finds links to days that somebody changed, and puts them right. A tree that is
// not mounted has none; an agent that does not know the question, or may not use what the
// tier keeps there, is drift by itself.
func (t Tier) links(node string) converge.Check[[]editedLink] {
	at, program := t.Nodes[node], remote.Quote(agent.Program(t.home()))
	run := fmt.Sprintf("%s mover --config %s --links", program, remote.Quote(t.moverFile()))
	return converge.Check[[]editedLink]{
		Question: converge.Question[[]editedLink]{
			Name: "where the links to days lead", Read: readLinks,
			Script: rootsAlone + fmt.Sprintf(`program=%s config=%s hot=%s cold=%s
if [ -x "$program" ] && [ -e "$config" ] && [ -e "$hot/%[5]s/name" ] && [ -e "$cold/%[5]s/name" ] && rootsalone "$hot/%[5]s" && rootsalone "$cold/%[5]s"; then
  "$program" mover --config "$config" --links --check
  case $? in 0 | 2) ;; *) exit 1 ;; esac
fi
echo '%[6]s'`, program, remote.Quote(t.moverFile()), remote.Quote(at.Hot), remote.Quote(at.Cold), model.Private, converge.WholeMark),
		},
		Differs: func(links []editedLink) []converge.Line {
			var lines []converge.Line
			for i, link := range links {
				if i == mostLinks {
					lines = append(lines, converge.Line{Subject: "links below " + at.Hot, Code: converge.CodeTarget, Text: fmt.Sprintf("%d more lead elsewhere than to their days", len(links)-i)})
					break
				}
				lines = append(lines, converge.Line{Subject: "link " + path.Join(at.Hot, link.day), Code: converge.CodeTarget, Text: fmt.Sprintf("leads to %q, and not to the day in %s", oneLine(link.text), at.Cold)})
			}
			return lines
		},
		Mend: func([]editedLink) []converge.Step {
			return []converge.Step{{Title: "have links lead to their days again", Effect: converge.Effect{Kind: converge.EffectRun, Name: at.Hot}, Script: run}}
		},
	}
}

func readLinks(output string) ([]editedLink, error) {
	rows, err := converge.Whole(output)
	if err != nil {
		return nil, err
	}
	var links []editedLink
	for line := range strings.Lines(rows) {
		words := strings.Fields(line)
		if len(words) != 3 || words[0] != "link" {
			return nil, fmt.Errorf("line %q makes no sense", strings.TrimSpace(line))
		}
		day, err := model.UnquotePath(words[1])
		if err != nil {
			return nil, err
		}
		text, err := model.UnquotePath(words[2])
		if err != nil {
			return nil, err
		}
		links = append(links, editedLink{day, text})
	}
	return links, nil
}
