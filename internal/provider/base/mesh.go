// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package base

import (
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/tinc"
)

// MeshUnit is the unit that brings a mesh up, for what has to start after it;
// "" without a mesh.
func MeshUnit(mesh string) string {
	if mesh == "" {
		return ""
	}
	return tinc.Unit(mesh)
}

// MeshOf is the mesh that a unit brings up; "" for another unit.
func MeshOf(unit string) string {
	before, after, found := strings.Cut(tinc.Unit("\x00"), "\x00")
	mesh, isBefore := strings.CutPrefix(unit, before)
	mesh, isAfter := strings.CutSuffix(mesh, after)
	if !found || !isBefore || !isAfter {
		return ""
	}
	return mesh
}
