// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mesh

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/tinc"
)

// checkTimes refuses what tinc would not take as it is written: it cuts the
// timeout to the interval without a word.
func (m *meshModel) checkTimes(diags *diag.Diagnostics) {
	if m.PingInterval.IsUnknown() || m.PingTimeout.IsUnknown() {
		return
	}
	if interval, timeout := m.PingInterval.ValueInt64(), m.PingTimeout.ValueInt64(); timeout > interval {
		diags.AddAttributeError(path.Root("ping_timeout"), "Invalid Attribute Value",
			fmt.Sprintf("ping_timeout = %d is longer than ping_interval = %d, to which tinc would cut it: make one as long as the other, or the interval longer.", timeout, interval))
	}
}

// warnOfName tells what a new name costs.
func warnOfName(change *base.Change[meshModel]) {
	if change.Replacing {
		change.Diagnostics.AddAttributeWarning(path.Root("name"), "The Whole Mesh Stops",
			fmt.Sprintf("name was %q and is to be %q: all peers forget each other, and the mesh is made anew by that name, with an interface of its own and new keys of the peers. Until that is done nothing that talks over the mesh is reached: no database, no file tier.",
				change.State.Name.ValueString(), change.Plan.Name.ValueString()))
	}
}

// warnOfPorts tells what several new ports cost: each tinc restarts on its own
// before the others know of it, and one that finds nobody is found by nobody.
func warnOfPorts(change *base.Change[meshModel]) {
	if change.State == nil {
		return
	}
	before, _ := change.State.declared()
	after, _ := change.Plan.declared()
	var moved []string
	for _, key := range slices.Sorted(maps.Keys(after.Peers)) {
		if was, stood := before.Peers[key]; stood && was.Port != after.Peers[key].Port {
			moved = append(moved, key)
		}
	}
	if len(moved) > 1 {
		change.Diagnostics.AddAttributeWarning(path.Root("peers"), "Several Peers Change Their Ports",
			fmt.Sprintf("%s get another port in one apply: the links between them go down, and come back when the mesh has told each of the others. A group of databases may lose its majority meanwhile. Change one in each apply, and all others keep their links.", strings.Join(moved, ", ")))
	}
}

// refuseOverlap asks the machines whether a network that the mesh does not have
// yet is free on them. The apply asks again.
func (k *meshKind) refuseOverlap(ctx context.Context, change *base.Change[meshModel], mesh tinc.Mesh) {
	if change.State != nil && change.State.CIDR.Equal(change.Plan.CIDR) {
		return
	}
	hosts := k.Reachable(targets(mesh.Peers))
	asked := base.Parallel(slices.Sorted(maps.Keys(hosts)), func(key string) (struct{}, error) {
		return struct{}{}, mesh.Free(ctx, hosts[key])
	})
	for _, key := range slices.Sorted(maps.Keys(asked)) {
		switch err := asked[key].Err; {
		case errors.Is(err, tinc.ErrOverlaps):
			change.Diagnostics.AddAttributeError(path.Root("cidr"), "Mesh Cannot Work", base.Sentence(fmt.Errorf("peer %q: %w", key, err)))
		case err != nil:
			base.NotChecked(change.Diagnostics, change.Plan.Subject()+" on "+key, mesh.Peers[key].Target.Host, err)
		}
	}
}

// announce says what the first apply takes away from peers that stand: the state knows
// nothing of them, so there is no drift that would. Of a mesh that was imported that is all
// that differs, of a new one only whom its machines let in by now. A machine that does not
// answer is asked by the apply.
func (k *meshKind) announce(ctx context.Context, change *base.Change[meshModel], mesh tinc.Mesh) {
	imported := change.State != nil && change.State.Imported()
	if change.State != nil && !imported || change.Failed() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, base.LookPatience)
	defer cancel()
	hosts := k.Reachable(targets(mesh.Peers))
	ask := func(key string) ([]converge.Line, error) { return mesh.Strangers(ctx, hosts[key]) }
	if imported {
		ask = func(key string) ([]converge.Line, error) {
			heard, err := mesh.Hear(ctx, hosts[key], key)
			if err != nil {
				return nil, err
			}
			return provision.Drift(mesh.Diagnose(map[string]tinc.Heard{key: heard}, nil)), nil
		}
	}
	asked := base.Parallel(slices.Sorted(maps.Keys(hosts)), ask)
	var texts []string
	for _, key := range slices.Sorted(maps.Keys(asked)) {
		for _, line := range asked[key].Value {
			if !imported {
				line = line.At(key)
			}
			texts = append(texts, line.String())
		}
	}
	if len(texts) > 0 {
		change.Diagnostics.AddWarning("What the First Apply Changes", fmt.Sprintf("%s stands on its machines in another way than it is declared, and the apply changes or removes:\n%s",
			change.Plan.Subject(), strings.Join(texts, "\n")))
	}
}
