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
	file := path.Join(t.state(peer), model.StatusFile)
	return converge.Question[model.PairStatus]{
		Name: "how the pair with " + peer + " stands",
		Script: converge.AbsentFunction + fmt.Sprintf(`file=%s
if [ -f "$file" ]; then cat -- "$file" || exit; echo; else absent "$file" || { stat -- "$file"; exit 1; }; fi
echo '%s'`, remote.Quote(file), converge.WholeMark),
		Read: func(output string) (model.PairStatus, error) {
			var status model.PairStatus
			text, err := converge.Whole(output)
			if err == nil && strings.TrimSpace(text) != "" {
				err = json.Unmarshal([]byte(text), &status)
			}
			return status, err
		},
	}
}

// statusCheck finds a pair that the other node keeps from being in step. What has
// told nothing yet is found by its unit.
func (t Tier) statusCheck(node, peer string) converge.Check[model.PairStatus] {
	return converge.Check[model.PairStatus]{Question: t.status(peer), Differs: func(status model.PairStatus) []converge.Line {
		if status.Error == "" {
			return nil
		}
		return []converge.Line{{Subject: Pair{node, peer}.String(), Code: CodeNotInStep, Text: "not kept in step: " + oneLine(status.Error)}}
	}}
}

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
