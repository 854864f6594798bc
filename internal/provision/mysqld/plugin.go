// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

// Plugin is the MySQL server's, see package provision.
type Plugin struct{}

// Name of what it makes.
func (Plugin) Name() string { return "MySQL server" }

// Owns the server's record.
func (Plugin) Owns(owner string) bool { return owner == Owner }
