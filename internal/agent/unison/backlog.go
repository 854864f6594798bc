// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package unison

import (
	"strings"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// How unison tells of what it carries, after its readings: a line for each path with an
// arrow in its tenth column (displayri in uitext.ml), then these for each that has
// been carried, behind the progress that they are written over.
const (
	reconciling = "Reconciling changes"
	propagating = "Propagating updates"
	ended       = "[END] "
)

// listed says whether a line lists a path that is to be carried. That of the tree itself is
// empty, and the line ends with the arrow.
func listed(line string) bool {
	if len(line) < 14 {
		return false
	}
	switch line[9:14] {
	case "---->", "<----", "====>", "<====", "--?->", "<-?--", "==?=>", "<=?==":
		return true
	}
	return false
}

// reconcile begins the list of what is to be carried.
func (j *journal) reconcile() {
	if !j.compared {
		j.compared, j.status.Skipped, j.status.Failed, j.status.Moving = true, nil, nil, nil
	}
	j.listed = 0
}

// propagate ends the list.
func (j *journal) propagate() {
	listed := j.listed
	j.status.Backlog = &listed
	j.changed(j.status)
}

// carried takes a path off the backlog: "Copying PATH", "Updating file PATH".
func (j *journal) carried(what string) {
	if strings.HasSuffix(what, " "+j.probe.name()) {
		j.probe.arrived(j.now())
	}
	j.progress()
}

// progress takes one off the backlog. Of thousands, the status is not written each time.
func (j *journal) progress() {
	if j.status.Backlog == nil || *j.status.Backlog == 0 {
		return
	}
	left := *j.status.Backlog - 1
	j.status.Backlog = &left
	if now := j.now(); now.Sub(j.shown) >= time.Second {
		j.shown = now
		j.changed(j.status)
	}
}

// watch is where a run ends: what it did not carry failed, or was skipped. Where something has
// to be brought back, another unison does that at once.
func (j *journal) watch() {
	j.status.Backlog = new(int)
	if len(j.status.Returns) > 0 {
		j.to(tier.Connecting)
		return
	}
	j.to(tier.Watching)
}
