// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package converge

import "github.com/atollhq/terraform-provider-atoll/internal/remote"

// Step is one thing to do on a host. Steps of a plan run in order, the first
// that fails ends it.
type Step struct {
	// Title says what it does, in a few words.
	Title string
	// Effect says so to code.
	Effect Effect
	// Script runs in a subshell under set -e.
	Script string
	// Payload is what the script reads from standard input, to the byte.
	Payload []byte
}

// Effect is what a step does, for code; its title is for people.
type Effect struct {
	Kind EffectKind
	// Name is that of the unit, package, account or setting, or the path.
	Name string
}

// EffectKind tells the effects of steps apart.
type EffectKind string

// The effects of the engine's own steps.
const (
	// EffectRun is an action's, of which the engine knows nothing more.
	EffectRun EffectKind = "run"
	// EffectRecord keeps the host's record of what belongs to an owner.
	EffectRecord EffectKind = "record"
	// EffectArm lets the host prepare to go back, see Reversible.
	EffectArm EffectKind = "arm"
	// EffectFetch fetches the lists of a source of apt.
	EffectFetch EffectKind = "fetch"
	// EffectInstall installs packages; Name lists them.
	EffectInstall EffectKind = "install"
	// EffectAccount makes a system account or adds groups to it.
	EffectAccount EffectKind = "account"
	// EffectWrite writes a file, link or directory, or its owner and mode.
	EffectWrite EffectKind = "write"
	// EffectSet sets a kernel setting.
	EffectSet EffectKind = "set"
	// EffectRemove removes a file, link or directory.
	EffectRemove EffectKind = "remove"
	// What is done to a unit.
	EffectEnable  EffectKind = "enable"
	EffectDisable EffectKind = "disable"
	EffectStart   EffectKind = "start"
	EffectStop    EffectKind = "stop"
	EffectRestart EffectKind = "restart"
	EffectReload  EffectKind = "reload"
	// EffectReread lets systemd read the files of its units again.
	EffectReread EffectKind = "reread"
)

func quote(text string) string { return remote.Quote(text) }
