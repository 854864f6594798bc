// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mover

import (
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/agent/tree"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// Place is what lies under a day's name in a tree.
type Place int

const (
	// Absent is nothing at all.
	Absent Place = iota
	// Tree is a directory.
	Tree
	// Linked is the link to the archive, as this tier makes it.
	Linked
	// Foreign is anything else, which somebody else put there.
	Foreign
)

// Day is what was found of one day.
type Day struct {
	tier.Day
	Hot, Cold Place
	// Leads is where a link leads that lies in the day's place and is not this tier's, and
	// Wants where this tier's would; "" where there is none.
	Leads, Wants string
	// Exchanged: the hot directory lies where the link waited. The flip was
	// done, and not yet noted.
	Exchanged bool
	// Old are the hot directories that have been exchanged.
	Old []Old
	// Remains are names in the private directories that serve nothing any longer.
	Remains []Remain
	// Copy is the manifest of the hot directory from when it was copied, or nil.
	Copy *tree.Sum
	// Touched is how the hot directory changed since, or "".
	Touched string
	// Look is taken of a hot directory that is old enough.
	Look tree.Look
}

// Remain is what an earlier run left, in the private directory of the hot tree
// or of the archive.
type Remain struct {
	Hot  bool
	Name string
}

// Old is a directory that was the day in the hot tree.
type Old struct {
	Number int
	// Since is when it was exchanged.
	Since time.Time
	// Swept: in this run, what came late was carried into the archive.
	Swept bool
	// ReadBack: the archive's copy of it was read from the disk.
	ReadBack bool
	// Kept: in this run, cleaning left something that is still in use.
	Kept bool
	// PutBack: in this run, the archive got again from it what it had lost.
	PutBack bool
}
