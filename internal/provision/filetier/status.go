// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filetier

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	model "github.com/atollhq/terraform-provider-atoll/internal/model/tier"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// CodeNotInStep says that a pair does not keep its trees in step now.
const CodeNotInStep converge.Code = "tier-not-in-step"

// status asks the node that dials how its pair with a peer stands. A pair that
// has told nothing yet gives the zero value.
func (t Tier) status(peer string) converge.Question[model.PairStatus] {
	return told[model.PairStatus]("how the pair with "+peer+" stands", path.Join(t.state(peer), model.StatusFile))
}

// archiveStatus asks either node how its archive stands with a peer's.
func (t Tier) archiveStatus(peer string) converge.Question[model.PairStatus] {
	return told[model.PairStatus]("how the archive stands with that of "+peer, path.Join(t.state(peer), model.ArchiveStatusFile))
}

// told asks for what an agent wrote into a file. One that is not there, or is empty,
// gives the zero value.
func told[T any](name, file string) converge.Question[T] {
	return converge.Question[T]{
		Name: name,
		Script: converge.ThereFunction + fmt.Sprintf(`file=%s
if there "$file"; then cat -- "$file" || exit; echo; fi
echo '%s'`, remote.Quote(file), converge.WholeMark),
		Read: func(output string) (T, error) {
			var said T
			text, err := converge.Whole(output)
			if err == nil && strings.TrimSpace(text) != "" {
				err = json.Unmarshal([]byte(text), &said)
			}
			return said, err
		},
	}
}

// statusCheck finds a pair that the other node keeps from being in step. What has
// told nothing yet is found by its unit.
func (t Tier) statusCheck(node, peer string) converge.Check[model.PairStatus] {
	return troubled(t.status(peer), Pair{node, peer}.String(), CodeNotInStep, "not kept in step: ")
}

// archiveCheck finds an archive that could not be kept in step with a peer's in
// the last run, as the node that dials tells it.
func (t Tier) archiveCheck(node, peer string) converge.Check[model.PairStatus] {
	return troubled(t.archiveStatus(peer), "archive "+Pair{node, peer}.String(), CodeNotInStep, "not kept in step: ")
}

// fullCheck finds an archive that takes nothing from a peer that dials.
func (t Tier) fullCheck(node, peer string) converge.Check[model.PairStatus] {
	return troubled(t.archiveStatus(peer), "archive "+t.Nodes[node].Cold, CodeFull, "takes nothing from "+peer+": ")
}

// troubled finds what a status says that something is in the way of.
func troubled(status converge.Question[model.PairStatus], subject string, code converge.Code, text string) converge.Check[model.PairStatus] {
	return converge.Check[model.PairStatus]{Question: status, Differs: func(status model.PairStatus) []converge.Line {
		if status.Error == "" {
			return nil
		}
		return []converge.Line{{Subject: subject, Code: code, Text: text + oneLine(status.Error)}}
	}}
}

// CodeFull says that an archive takes nothing more.
const CodeFull converge.Code = "tier-archive-full"

// oneLine is what a person reads of a text that a machine gave.
func oneLine(text string) string {
	const most = 300
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	return text
}
