// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package provision says what a provisioning plugin is: one piece of software
// that Atoll puts on machines, in a package of its own below this one, without
// a type of Terraform's. A plugin implements the interfaces whose matter it has.
//
// What one wants on a machine is a plain configuration that makes a
// converge.Manifest, and questions (converge.Question) for what the manifest
// depends on and for what the software says of itself.
package provision

import (
	"context"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Plugin is what every plugin is.
type Plugin interface {
	// Name says what it is for, in a few words, for errors and logs.
	Name() string
	// Owns says whether a record that a machine keeps (converge.Owners) is one
	// of the plugin's.
	Owns(owner string) bool
}

// Ground is implemented by plugins that only carry others: the machine itself
// and its meshes. What is left on a machine beside them is what would miss it.
type Ground interface {
	Plugin
	Ground()
}

// Yielder is implemented by plugins whose software cannot go down unasked.
type Yielder interface {
	Plugin
	// Yield makes a machine dispensable (hands a role over, leaves a group) and
	// keeps it so until Resume was called. Its error is a refusal with the
	// reason, or says that nobody can know; then nothing is left changed.
	Yield(ctx context.Context, host remote.Host, intent Intent) (Resume, error)
}

// Intent is what is about to happen to a machine.
type Intent int

const (
	// Pause means that it goes down for a while and comes back with its disk.
	Pause Intent = iota
	// Discard means that it, or what is on its disk, is gone for good.
	Discard
)

// Resume tells that the machine is back, or that the intent was given up. It
// must be called once; it lets others have their turn.
type Resume func(ctx context.Context) error
