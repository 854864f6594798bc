// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package files

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/filetier"
)

// warn says in every plan where it will be full soon, where days do not move, what rotted
// or is gone, and what pairs leave as it is: no apply mends that. Of several warnings with one
// title Terraform shows the first and counts the others, so each title has one for all nodes.
func (k *tierKind) warn(run *base.Run, model *tierModel, tier filetier.Tier, heard map[string]filetier.Heard) {
	told := map[string][]converge.Line{}
	for _, node := range slices.Sorted(maps.Keys(heard)) {
		full, err := tier.NearlyFull(node, heard[node].Observation, leastFreePercent)
		told["Disk Nearly Full"] = append(told["Disk Nearly Full"], full...)
		stuck, is, alsoErr := tier.NotMoving(node, heard[node].Observation)
		if is {
			told["Days Do Not Move"] = append(told["Days Do Not Move"], stuck)
		}
		scrubbed, scrubErr := tier.Scrubbed(node, heard[node].Observation)
		for _, line := range scrubbed {
			title := map[converge.Code]string{filetier.CodeRotten: "Files Rotted", filetier.CodeGone: "Files Are Gone"}[line.Code]
			told[title] = append(told[title], line)
		}
		left, leftErr := tier.LeftBehind(node, heard[node].Observation)
		told["Files Are Left"] = append(told["Files Are Left"], left...)
		if err = errors.Join(err, alsoErr, scrubErr, leftErr); err != nil {
			run.Fail(model.Subject()+" on "+node, err)
		}
	}
	for _, title := range slices.Sorted(maps.Keys(told)) {
		if lines := told[title]; len(lines) > 0 {
			run.Diagnostics.AddWarning(title, model.Subject()+": "+said(lines))
		}
	}
}

// said are lines as one text.
func said(lines []converge.Line) string { return strings.Join(converge.Texts(lines), ".\n") + "." }
