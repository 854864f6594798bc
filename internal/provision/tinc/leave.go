// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tinc

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Plugin is tinc's, see package provision.
type Plugin struct{}

// Name of what it makes.
func (Plugin) Name() string { return "mesh" }

// Owns the records of peers and meshes.
func (Plugin) Owns(owner string) bool {
	return strings.HasPrefix(owner, meshOwner) || strings.HasPrefix(owner, nodeOwner)
}

// Ground says that a mesh only carries what others talk over it.
func (Plugin) Ground() {}

// Knows says whether a peer's machine has another peer's host file from the mesh.
func (m Mesh) Knows(other Peer, o converge.Observation) bool {
	return o.Record.Holds(converge.File{Path: m.hostFile(other)})
}

// of says which peer an error is about. What fails on a peer that leaves is
// forgiven: its machine may be the reason why it does.
func (m Mesh) of(key string, err error) error {
	if err == nil || m.Peers[key].Leaving {
		return nil
	}
	return fmt.Errorf("peer %s: %w", key, err)
}

// staying are the hosts of the peers that do not leave.
func (m Mesh) staying(hosts map[string]remote.Host) map[string]remote.Host {
	stay := maps.Clone(hosts)
	maps.DeleteFunc(stay, func(key string, _ remote.Host) bool { return m.Peers[key].Leaving })
	return stay
}

// Departures are the peers that a mesh has let go and whose machines still
// carry something that talks over it: a database that hands over to a newcomer
// in the same run. They stay in the mesh until their nodes are removed, which is
// the last that happens to them. The two resources meet here, in either order;
// the zero value is ready for use.
type Departures struct {
	mu sync.Mutex
	// waiting are the meshes that peers are still to leave, removed the nodes
	// that went before their mesh said so.
	waiting map[departure]*farewell
	removed map[departure]bool
}

// departure is one machine's leave of one mesh.
type departure struct{ mesh, host string }

// farewell is a mesh that peers are leaving, one after the other.
type farewell struct {
	mu    sync.Mutex
	mesh  Mesh
	hosts map[string]remote.Host
}

// Expect takes note of the leaving peers of a mesh that has converged with
// them. Those whose nodes are removed already leave at once.
func (d *Departures) Expect(ctx context.Context, mesh Mesh, hosts map[string]remote.Host) error {
	mesh.Peers = maps.Clone(mesh.Peers)
	shared := &farewell{mesh: mesh, hosts: maps.Clone(hosts)}
	var late []string
	d.mu.Lock()
	for _, peer := range mesh.Peers {
		if !peer.Leaving {
			continue
		}
		at := departure{mesh.Name, peer.Target.Host}
		if d.removed[at] {
			late = append(late, at.host)
			continue
		}
		if d.waiting == nil {
			d.waiting = map[departure]*farewell{}
		}
		d.waiting[at] = shared
	}
	d.mu.Unlock()
	for _, host := range late {
		if err := shared.leave(ctx, host); err != nil {
			return err
		}
	}
	return nil
}

// Leave is called before a node is removed from its machine: if its mesh waits
// for that, the other peers forget it now.
func (d *Departures) Leave(ctx context.Context, mesh, host string) error {
	at := departure{mesh, host}
	d.mu.Lock()
	waiting := d.waiting[at]
	delete(d.waiting, at)
	if d.removed == nil {
		d.removed = map[departure]bool{}
	}
	d.removed[at] = true
	d.mu.Unlock()
	if waiting == nil {
		return nil
	}
	return waiting.leave(ctx, host)
}

// leave lets the peers that stay forget the one that goes, and then the one
// that goes the mesh.
func (f *farewell) leave(ctx context.Context, host string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for key, peer := range f.mesh.Peers {
		if !peer.Leaving || peer.Target.Host != host {
			continue
		}
		gone := f.hosts[key]
		delete(f.mesh.Peers, key)
		delete(f.hosts, key)
		if _, err := f.mesh.Converge(ctx, f.hosts); err != nil {
			return fmt.Errorf("letting the others forget peer %s: %w", key, err)
		}
		return f.mesh.Forget(ctx, gone)
	}
	return nil
}
