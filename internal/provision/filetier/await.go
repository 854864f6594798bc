// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filetier

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	model "github.com/atollhq/terraform-provider-atoll/internal/model/tier"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// patience is how long pairs get to find each other: the agent dials again after
// 10 seconds at most.
const patience = 75 * time.Second

// settling is how long pairs that met get to be in step for the first time: small trees
// are at once, and who asks for the status right after an apply finds them so. Large ones
// take as long as they take, and nothing waits for that.
const settling = 15 * time.Second

// pause lies between two looks at the pairs.
const pause = 500 * time.Millisecond

// meeting is one thing that two nodes keep in step.
type meeting struct {
	Pair
	// name says what it is, unit is where the node that dials works on it.
	name, unit string
	// hot says that these are hot trees, and no archives.
	hot    bool
	status converge.Question[model.PairStatus]
	// met says whether the nodes found each other, still whether they are on their first
	// way, idle whether the unit has to be told not to wait any longer.
	met, still, idle func(model.PairStatus) bool
}

// meetings are all that the tier keeps in step.
func (t Tier) meetings() []meeting {
	var all []meeting
	for _, pair := range t.Pairs {
		if t.joins(pair.Dials, pair.Serves) {
			all = append(all, meeting{pair, pair.String(), t.unit(pair.Serves) + ".service", true, t.status(pair.Serves),
				func(s model.PairStatus) bool { return s.Stage == model.Working || s.Stage == model.Watching },
				func(s model.PairStatus) bool { return s.Stage == model.Working && s.InStep.IsZero() },
				func(s model.PairStatus) bool { return s.Stage == model.Waiting }})
		}
		if t.cold() {
			all = append(all, meeting{pair, "archive " + pair.String(), t.archiveUnit(pair.Serves) + ".service", false, t.archiveStatus(pair.Serves),
				func(s model.PairStatus) bool { return s.Stage == model.Working || !s.InStep.IsZero() },
				func(model.PairStatus) bool { return false },
				func(model.PairStatus) bool { return true }})
		}
	}
	return all
}

// await looks until every pair has met. What kept one apart may be mended now, so
// it is told not to wait any longer. met says whether a pair of hot trees has met, or may
// have.
func (t Tier) await(ctx context.Context, hosts map[string]remote.Host) (met bool, err error) {
	woken, settled := map[string]bool{}, time.Now().Add(settling)
	for deadline := time.Now().Add(patience); ; {
		var waiting []string
		still := false
		for _, meeting := range t.meetings() {
			status, err := converge.Ask(ctx, hosts[meeting.Dials], meeting.status)
			if err != nil {
				return true, fmt.Errorf("node %s: %w", meeting.Dials, err)
			}
			if status.Error == "" && meeting.met(status) {
				still, met = still || meeting.still(status), met || meeting.hot
				continue
			}
			if meeting.idle(status) && !woken[meeting.name] {
				woken[meeting.name] = true
				if err := wake(ctx, hosts[meeting.Dials], meeting); err != nil {
					return true, err
				}
			}
			waiting = append(waiting, strings.TrimSuffix(meeting.name+": "+oneLine(status.Error), ": "))
		}
		now := time.Now()
		if len(waiting) == 0 && (!still || now.After(settled)) {
			return met, nil
		}
		if len(waiting) > 0 && now.After(deadline) {
			return met, t.notInStep(waiting)
		}
		if err := remote.Pause(ctx, pause); err != nil {
			return true, err
		}
	}
}

// wake lets a node dial at once.
func wake(ctx context.Context, host remote.Host, meeting meeting) error {
	_, err := host.Run(ctx, remote.Command{Name: "dialling " + meeting.Serves + " at once", Script: "systemctl restart --no-block -- " + remote.Quote(meeting.unit)})
	return err
}
