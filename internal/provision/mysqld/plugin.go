// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"github.com/atollhq/terraform-provider-atoll/internal/provision/group"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Plugin is the MySQL server's, see package provision. One value serves a whole
// process: it knows which servers the process is at. The zero value is ready.
type Plugin struct {
	// Lost holds the public addresses of machines that are declared to be gone for good.
	Lost map[string]bool

	run group.Run
}

// Name of what it makes.
func (*Plugin) Name() string { return "MySQL server" }

// Owns the server's record.
func (*Plugin) Owns(owner string) bool { return owner == Owner }

// work is at one server.
type work struct {
	host   remote.Host
	config Config
	run    *group.Run
	place  *group.Work
	lost   map[string]bool
}

// begin notes that work on a server begins; its place has to be ended.
func (p *Plugin) begin(host remote.Host, config Config) *work {
	return &work{host, config, &p.run, p.run.Begin(), p.Lost}
}
