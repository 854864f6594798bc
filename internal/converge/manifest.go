// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package converge brings one host to a declared state.
//
// A provisioning plugin hands over a Manifest. Observe asks the host about all
// of it in one request; Diff, a function without I/O, compares the two and
// answers with the drift and the Steps that mend it; Apply runs the steps in one
// stream. Plan time and apply time use the same Diff, so what the plan says is
// what apply does.
//
// Each kind of thing has a file: what is declared of it, the shell function that
// asks for it, how the answer is read, how the two are compared, and how it is
// taken back. The list kinds gives the engine their order.
package converge

// Manifest is everything that one resource wants on one host.
type Manifest struct {
	// Owner is the stable name of the resource that owns all of this on the
	// host ("mesh-peer/site"). The host keeps a record under it, so that a file
	// that is dropped from the manifest is removed and nothing else is.
	Owner string
	// Refusal says why this cannot be had anywhere, such as a text that one of
	// its files cannot hold; then nothing is asked and nothing is done.
	Refusal error
	// Items of one kind are worked on in their order, the kinds in the engine's.
	Items []Item
}

// Item is one thing that a manifest wants or asks for: an AptSource, Package,
// User, Directory, Sysctl, File, Program, Link, Action, Check, Unit or Question.
type Item interface {
	kind() engine
}

// kinds is the engine's order. The first ones are what packages come from.
var kinds = []engine{
	aptSourceKind,
	packageKind,
	userKind,
	directoryKind,
	sysctlKind,
	fileKind,
	programKind,
	linkKind,
	actionKind,
	checkKind,
	unitKind,
	questionKind,
}

// items are the declared ones and those that they bring, in the engine's order.
func (m Manifest) items() []Item {
	all, brought := m.Items[:len(m.Items):len(m.Items)], []Item{}
	for _, kind := range kinds {
		brought = append(brought, kind.brought(m.Owner, all)...)
	}
	all = append(all, brought...)
	ordered := make([]Item, 0, len(all))
	for _, kind := range kinds {
		ordered = append(ordered, of(kind, all)...)
	}
	return ordered
}

// of gives the items of one kind.
func of(kind engine, items []Item) []Item {
	var some []Item
	for _, item := range items {
		if item.kind() == kind {
			some = append(some, item)
		}
	}
	return some
}
