// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqltunnel

import (
	"errors"
	"sync"
)

// Registry has the tunnels that a process holds open, by their addresses: who
// closes one is told no more of it. The zero value is ready.
type Registry struct {
	mu   sync.Mutex
	open map[string]*Tunnel
}

// Keep takes over a tunnel.
func (r *Registry) Keep(t *Tunnel) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open == nil {
		r.open = map[string]*Tunnel{}
	}
	r.open[t.Address()] = t
}

// Close closes the one at an address; one that is not there was closed before.
func (r *Registry) Close(address string) error {
	r.mu.Lock()
	tunnel := r.open[address]
	delete(r.open, address)
	r.mu.Unlock()
	if tunnel == nil {
		return nil
	}
	return tunnel.Close()
}

// ErrNoMember says that there is no member to lead to.
var ErrNoMember = errors.New("there is no member to lead to")
