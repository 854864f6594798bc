// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqlrouter

import "strings"

// Plugin is Router's, see package provision. It yields to nobody: a router
// goes with its application.
type Plugin struct{}

// Name of what it makes.
func (Plugin) Name() string { return "MySQL Router" }

// Owns the routers' records.
func (Plugin) Owns(owner string) bool {
	return owner == ownerPrefix || strings.HasPrefix(owner, ownerPrefix+"-")
}
