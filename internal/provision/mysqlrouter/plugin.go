// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqlrouter

// Plugin is Router's, see package provision. It yields to nobody: a router
// goes with its application.
type Plugin struct{}

// Name of what it makes.
func (Plugin) Name() string { return "MySQL Router" }

// Owns the router's record.
func (Plugin) Owns(owner string) bool { return owner == Owner }
