// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mesh

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/tinc"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// warnOfOneWay tells of pairs of which one alone can dial the other: no drift,
// since tinc needs no more and it may be meant.
func warnOfOneWay(run *base.Run, mesh tinc.Mesh, heard map[string]tinc.Heard) {
	if texts := mesh.OneWay(heard); len(texts) > 0 {
		run.Diagnostics.AddWarning("Mesh "+mesh.Name+" Has Links That Only One Side Can Dial",
			strings.Join(texts, "\n")+"\n\nThat is enough for tinc, and all there can be where a peer stands behind a translation of addresses. "+
				"Where it is none, a firewall lacks a rule: open the port to all other peers, for TCP and UDP.")
	}
}

// warnOfTCP tells of pairs for which tinc has no UDP: no drift, since some hosters
// let none through, and the mesh works as long as the line is good.
func warnOfTCP(run *base.Run, mesh tinc.Mesh, heard map[string]tinc.Heard) {
	if texts := mesh.InsideTCP(heard); len(texts) > 0 {
		run.Diagnostics.AddWarning("Mesh "+mesh.Name+" Has Links without UDP",
			strings.Join(texts, "\n")+"\n\nNo UDP packet comes through between them, so tinc carries all that they say inside of one TCP connection. "+
				"On a line that loses packets that stands still again and again. Open the port for UDP on both, in the machine's firewall and in its hoster's.")
	}
}

// warnOfClosed tells at the end of an apply what a refresh would find: no apply
// opens a port, and the mesh does what it can without.
func warnOfClosed(ctx context.Context, run *base.Run, mesh tinc.Mesh, hosts map[string]remote.Host, reached map[string]tinc.Reach) {
	dialled := base.Parallel(slices.Sorted(maps.Keys(hosts)), func(key string) (tinc.Reach, error) {
		return mesh.Dial(ctx, hosts[key], key)
	})
	heard := map[string]tinc.Heard{}
	for key, outcome := range dialled {
		if outcome.Err != nil {
			run.Diagnostics.AddWarning("Mesh "+mesh.Name+" Was Not Tried from "+key,
				fmt.Sprintf("The mesh is up. Whether %s can dial the other peers anew was not found out, and the next plan asks again: %v", key, outcome.Err))
			continue
		}
		heard[key] = tinc.Heard{Reach: reached[key], Dials: outcome.Value}
	}
	if texts := mesh.Undialled(heard); len(texts) > 0 {
		run.Diagnostics.AddWarning("Mesh "+mesh.Name+" Has Closed Ports",
			strings.Join(texts, "\n")+"\n\nThe mesh is up all the same. An apply opens no port, so every plan tells of it until that is done.")
	}
	warnOfOneWay(run, mesh, heard)
}
