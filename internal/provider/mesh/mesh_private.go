// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mesh

import (
	"context"
	"encoding/json"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/tinc"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// leavingKey is where the private state keeps the peers that are not declared
// any more and may still be in the mesh: a run that ends before their nodes are
// removed must not forget how to reach them.
const leavingKey = "leaving"

// leavingPeer is a peer as the private state holds it.
type leavingPeer struct {
	Name      string  `json:"name"`
	Address   string  `json:"address"`
	Endpoint  string  `json:"endpoint"`
	Port      int     `json:"port"`
	PublicKey string  `json:"public_key"`
	Target    machine `json:"ssh"`
}

// machine is a target as the private state holds it.
type machine struct {
	Host    string    `json:"host"`
	Port    int       `json:"port,omitempty"`
	User    string    `json:"user,omitempty"`
	HostKey string    `json:"host_key,omitempty"`
	Key     string    `json:"key,omitempty"`
	Jumps   []machine `json:"jumps,omitempty"`
}

func machineOf(target remote.Target) machine {
	kept := machine{Host: target.Host, Port: target.Port, User: target.User, HostKey: target.HostKey, Key: target.Key}
	for _, jump := range target.Jumps {
		kept.Jumps = append(kept.Jumps, machineOf(jump))
	}
	return kept
}

func (m machine) target() remote.Target {
	target := remote.Target{Host: m.Host, Port: m.Port, User: m.User, HostKey: m.HostKey, Key: m.Key}
	for _, jump := range m.Jumps {
		target.Jumps = append(target.Jumps, jump.target())
	}
	return target
}

func readLeaving(ctx context.Context, run *base.Run) map[string]tinc.Peer {
	kept, _ := base.ReadPrivate(ctx, run, leavingKey, unversioned)
	leaving := map[string]tinc.Peer{}
	for key, peer := range kept {
		leaving[key] = tinc.Peer{
			Name: peer.Name, Address: peer.Address, Endpoint: peer.Endpoint, Port: peer.Port,
			PublicKey: peer.PublicKey, Target: peer.Target.target(), Leaving: true,
		}
	}
	return leaving
}

func writeLeaving(ctx context.Context, run *base.Run, leaving map[string]tinc.Peer) {
	kept := map[string]leavingPeer{}
	for key, peer := range leaving {
		kept[key] = leavingPeer{peer.Name, peer.Address, peer.Endpoint, peer.Port, peer.PublicKey, machineOf(peer.Target)}
	}
	base.WritePrivate(ctx, run, leavingKey, kept)
}

// oldMachine is a target as it was kept before the private state had a form of
// its own: by Go's names of the fields.
type oldMachine struct {
	Host, User, HostKey, Key string
	Port                     int
	Jumps                    []oldMachine
}

func (m oldMachine) machine() machine {
	kept := machine{Host: m.Host, Port: m.Port, User: m.User, HostKey: m.HostKey, Key: m.Key}
	for _, jump := range m.Jumps {
		kept.Jumps = append(kept.Jumps, jump.machine())
	}
	return kept
}

// unversioned reads the old form.
func unversioned(text []byte) (map[string]leavingPeer, error) {
	var old map[string]struct {
		Name, Address, Endpoint, PublicKey string
		Port                               int
		Target                             oldMachine
	}
	if err := json.Unmarshal(text, &old); err != nil {
		return nil, err
	}
	kept := map[string]leavingPeer{}
	for key, peer := range old {
		kept[key] = leavingPeer{peer.Name, peer.Address, peer.Endpoint, peer.Port, peer.PublicKey, peer.Target.machine()}
	}
	return kept, nil
}
