// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package motd is the provisioning plugin for the message that a login shows.
package motd

import "github.com/atollhq/terraform-provider-atoll/internal/converge"

// Owner is the name under which a host keeps the record of what this plugin owns.
const Owner = "motd"

// Config is what one atoll_motd declares.
type Config struct{ Text string }

// Manifest is everything that the message wants on its host.
func (c Config) Manifest() converge.Manifest {
	return converge.Manifest{Owner: Owner, Items: []converge.Item{
		converge.File{Path: "/etc/motd", Mode: 0o644, Content: []byte(c.Text + "\n")},
	}}
}
