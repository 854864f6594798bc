// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package node

// Plugin is the machine's own, see package provision.
type Plugin struct{}

// Name of what it makes.
func (Plugin) Name() string { return "host" }

// Owns the machine's own record.
func (Plugin) Owns(owner string) bool { return owner == Owner }

// Ground says that a machine only carries what is on it.
func (Plugin) Ground() {}
