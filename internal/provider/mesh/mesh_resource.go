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

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/tinc"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// NewMeshResource makes an atoll_mesh.
func NewMeshResource() resource.Resource { return base.NewRelation(&meshKind{}) }

type meshKind struct{ base.Configured }

func (k *meshKind) Traits() base.Traits {
	return base.Traits{
		Type: "mesh", ID: "Name of the mesh. Hand it to resources that must wait for the mesh.", Name: "Name of the mesh.",
		Drift: "hk1: file /etc/tinc/site/hosts/sg1: missing", Budgets: budgets,
	}
}

// CheckName holds what an import names against the form of a mesh's name.
func (k *meshKind) CheckName(name string) error {
	if err := base.CheckMesh(name); err != nil {
		return fmt.Errorf("it %w", err)
	}
	return nil
}

// Plan refuses what cannot work before anything is touched, and plans the full
// mesh between the peers that can be contacted: a link that is missing shows as
// an update of links.
func (k *meshKind) Plan(ctx context.Context, change *base.Change[meshModel]) {
	plan := change.Plan
	mesh, whole := plan.declared()
	plan.check(change.Diagnostics)
	plan.checkTimes(change.Diagnostics)
	warnOfName(change)
	warnOfPorts(change)
	if !plan.CIDR.IsUnknown() && !change.Diagnostics.HasError() {
		if err := mesh.Validate(); err != nil {
			change.Diagnostics.AddAttributeError(path.Root("peers"), "Mesh Cannot Work", err.Error())
			return
		}
	}
	plan.Links = types.MapUnknown(linkType())
	if whole && k.Data != nil {
		k.refuseOverlap(ctx, change, mesh)
		k.announce(ctx, change, mesh)
		plan.Links = fullMesh(slices.Sorted(maps.Keys(k.Reachable(targets(mesh.Peers)))))
	}
}

// Converge brings every peer to the declared state and ends when each reaches
// each. Those that are declared lost are not contacted, those that are leaving
// take part until their nodes are removed.
func (k *meshKind) Converge(ctx context.Context, run *base.Run, before, model *meshModel) {
	mesh, whole := model.declared()
	if err := mesh.Validate(); err != nil || !whole {
		run.Fail(model.Subject(), errors.Join(err, unless(whole, "a peer is not known. This is a fault of the provider: please report it")))
		return
	}
	former, _ := before.declared()
	former = with(former, readLeaving(ctx, run))
	if run.Failed() {
		return
	}
	leaving, cut := k.part(ctx, former.Peers, mesh)
	mesh = with(mesh, leaving)
	hosts := k.Reachable(targets(mesh.Peers))
	reached, err := mesh.Converge(ctx, hosts)
	if err == nil {
		err = k.Departures.Expect(ctx, mesh, hosts)
	}
	if err != nil {
		run.Fail(model.Subject(), err)
		return
	}
	model.Links = links(staying(reached, hosts, leaving))
	k.warnOfLost(run, mesh, hosts)
	warnOfClosed(ctx, run, mesh, hosts, reached)
	former.Name = mesh.Name
	k.cutOff(ctx, run, former, cut)
	writeLeaving(ctx, run, leaving)
}

// staying leaves out of what was reached the peers that leave, and those that
// nobody contacted.
func staying(reached map[string]tinc.Reach, hosts map[string]remote.Host, leaving map[string]tinc.Peer) map[string]tinc.Reach {
	gone := func(key string) bool {
		_, leaves := leaving[key]
		return leaves || hosts[key] == nil
	}
	stay := map[string]tinc.Reach{}
	for key, reach := range reached {
		if gone(key) {
			continue
		}
		stay[key] = maps.Clone(reach)
		maps.DeleteFunc(stay[key], func(other string, _ bool) bool { return gone(other) })
	}
	return stay
}

func (k *meshKind) warnOfLost(run *base.Run, mesh tinc.Mesh, hosts map[string]remote.Host) {
	lost := slices.DeleteFunc(slices.Sorted(maps.Keys(mesh.Peers)), func(key string) bool { return hosts[key] != nil })
	if len(lost) > 0 {
		run.Diagnostics.AddWarning("Mesh "+mesh.Name+" Holds Lost Peers",
			"Machines in the provider's lost list are still declared as peers: "+strings.Join(lost, ", ")+". Remove them from the configuration.")
	}
}

// Remove makes every peer forget the others.
func (k *meshKind) Remove(ctx context.Context, run *base.Run, model *meshModel) {
	mesh, _ := model.declared()
	mesh = with(mesh, readLeaving(ctx, run))
	for key, cleared := range k.clear(ctx, mesh) {
		if !errors.Is(cleared.Err, remote.ErrLost) {
			run.Fail(model.Subject()+" on "+key, cleared.Err)
		}
	}
}

func unless(holds bool, problem string) error {
	if holds {
		return nil
	}
	return errors.New(problem)
}
