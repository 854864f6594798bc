// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package base

import (
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/tinc"
)

func TestMeshUnits(t *testing.T) {
	for _, mesh := range []string{"", "site", "a_b"} {
		if got := tinc.MeshOf(MeshUnit(mesh)); got != mesh {
			t.Errorf("%q is read back as %q", mesh, got)
		}
	}
	for _, unit := range []string{"mysql.service", "tinc.service", "tinc@site"} {
		if got := tinc.MeshOf(unit); got != "" {
			t.Errorf("%s brings up the mesh %q", unit, got)
		}
	}
}
