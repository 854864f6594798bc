// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package files

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/filetier"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// NewTierResource makes an atoll_file_tier.
func NewTierResource() resource.Resource { return base.NewRelation(&tierKind{}) }

type tierKind struct{ base.Configured }

// budgets: a package has to come down a slow line, and where trees meet that both
// have files, all of them are read once.
var budgets = base.Budgets{Create: 30 * time.Minute, Read: 2 * time.Minute, Update: 30 * time.Minute, Delete: 5 * time.Minute}

func (k *tierKind) Traits() base.Traits {
	return base.Traits{
		Type: "file_tier", ID: "Name of the tier.", Name: "Name of the tier.",
		Renaming: "both would be at the same trees and units at once, and nothing may keep them in step afterwards",
		Drift:    "app1: unit atoll-tier-files.app2.service: inactive, want active", Budgets: budgets,
	}
}

// CheckName holds what an import names against the form of a tier's name.
func (k *tierKind) CheckName(name string) error {
	if err := tierName().Check(name); err != nil {
		return fmt.Errorf("it %w", err)
	}
	return nil
}

// keysKey is where the private state keeps the nodes' public keys: what a node
// lets in is compared with them while the other one does not answer.
const keysKey = "keys"

// Observe asks all nodes at once. The tier is gone when all that are not lost
// answered and none has anything of it.
func (k *tierKind) Observe(ctx context.Context, run *base.Run, model *tierModel) base.Observed {
	tier, _ := model.declared()
	all := targets(tier)
	known, _ := base.ReadPrivate[map[string]string](ctx, run, keysKey, nil)
	if run.Failed() {
		return base.Observed{}
	}
	tier = tier.Without(func(node string) bool { return k.Lost[tier.Nodes[node].Target.Host] })
	hearing := base.Hear(ctx, k.Data, run, model.Subject(), all, func(ctx context.Context, node string, host remote.Host) (filetier.Heard, error) {
		return examine(ctx, tier, host, node, known)
	})
	if run.Failed() {
		return base.Observed{}
	}
	k.warn(run, model, tier, hearing.Answers)
	recorded := 0
	for _, heard := range hearing.Answers {
		if heard.Observation.Recorded() {
			recorded++
		}
	}
	if recorded == 0 && hearing.Silent == 0 {
		return base.Observed{Absent: true}
	}
	return base.Observed{Drift: append(hearing.Drift, provision.Drift(tier.Diagnose(hearing.Answers, known))...)}
}

// examine asks one node's machine all that a refresh asks.
func examine(ctx context.Context, tier filetier.Tier, host remote.Host, node string, keys map[string]string) (filetier.Heard, error) {
	facts, err := tier.Know(ctx, host, node)
	if err != nil {
		return filetier.Heard{}, err
	}
	return tier.Examine(ctx, host, node, facts, keys)
}

// warnOfClosed tells at the end of an apply what a refresh would find: no apply opens a port,
// and the pairs are in step all the same.
func warnOfClosed(ctx context.Context, run *base.Run, tier filetier.Tier, hosts map[string]remote.Host, keys map[string]string) {
	heard := map[string]filetier.Heard{}
	for node, outcome := range base.Parallel(slices.Sorted(maps.Keys(hosts)), func(node string) (filetier.Heard, error) {
		return examine(ctx, tier, hosts[node], node, keys)
	}) {
		if outcome.Err != nil {
			run.Diagnostics.AddWarning("File Tier "+tier.Name+" Was Not Tried from "+node,
				fmt.Sprintf("All pairs are kept in step. Whether %s can dial the other nodes anew was not found out, and the next plan asks again: %v", node, outcome.Err))
			continue
		}
		heard[node] = outcome.Value
	}
	if texts := tier.Unreached(heard, keys); len(texts) > 0 {
		run.Diagnostics.AddWarning("File Tier "+tier.Name+" Has Closed Ports", strings.Join(texts, ".\n")+".\n\nNo apply mends that. The next plan tells of it again.")
	}
}

// Converge brings the tier to every node and ends when each pair has met. Nodes
// that are declared no more are left alone after that.
func (k *tierKind) Converge(ctx context.Context, run *base.Run, before, model *tierModel) {
	tier, whole := model.declared()
	if !whole {
		run.Fail(model.Subject(), errNotWhole)
		return
	}
	hosts := k.Reachable(targets(tier))
	tier = tier.Without(func(node string) bool { return hosts[node] == nil })
	err := tier.Validate()
	keys := map[string]string{}
	if err == nil {
		converge := tier.Converge
		if before.Imported() { // or not there at all
			converge = tier.Begin
		}
		keys, err = converge(ctx, hosts)
	}
	if err != nil {
		run.Fail(model.Subject(), err)
		return
	}
	base.WritePrivate(ctx, run, keysKey, keys)
	warnOfClosed(ctx, run, tier, hosts, keys)
	former, _ := before.declared()
	former.Name = tier.Name
	former = former.Without(func(node string) bool {
		return slices.ContainsFunc(slices.Collect(maps.Values(tier.Nodes)), func(stays filetier.Node) bool { return stays.Target.Host == former.Nodes[node].Target.Host })
	})
	for node, left := range k.leave(ctx, former) {
		if left.Err != nil && !errors.Is(left.Err, remote.ErrLost) {
			run.Diagnostics.AddWarning("Unable to Remove "+model.Subject()+" from "+node, converge.FirstLine(left.Err)+"\n\nThe other nodes do not let it in any more. Its files stay as they are.")
		}
	}
}

// leave takes the tier from machines.
func (k *tierKind) leave(ctx context.Context, tier filetier.Tier) map[string]base.Outcome[struct{}] {
	return base.Parallel(slices.Sorted(maps.Keys(tier.Nodes)), func(node string) (struct{}, error) {
		return struct{}{}, tier.Leave(ctx, k.Hosts.Host(tier.Nodes[node].Target), tier.Nodes[node])
	})
}

// Remove stops the sync everywhere and keeps every file.
func (k *tierKind) Remove(ctx context.Context, run *base.Run, model *tierModel) {
	tier, _ := model.declared()
	for node, left := range k.leave(ctx, tier) {
		if !errors.Is(left.Err, remote.ErrLost) {
			run.Fail(model.Subject()+" on "+node, left.Err)
		}
	}
}
