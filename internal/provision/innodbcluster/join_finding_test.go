// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"slices"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/provision"
)

// Whose data a joiner copies, and what it may do beside others.
func TestHowServersJoin(t *testing.T) {
	for _, row := range []struct {
		name, method string
		change       func(c Cluster, seen map[string]Observation)
		want         []provision.Operation
	}{
		{"one, from another than the primary", "clone", func(c Cluster, seen map[string]Observation) { outOf(seen, "c", fresh(c, "c")) }, []provision.Operation{Join{"c", "b", true}}},
		{"one, from the version of its own", "clone", func(c Cluster, seen map[string]Observation) {
			outOf(seen, "c", fresh(c, "c"))
			altered(seen, "b", func(o *Observation) { o.Version = "9.7.5" })
		}, []provision.Operation{Join{"c", "a", true}}},
		{"two, from the only one there is", "clone", func(c Cluster, seen map[string]Observation) {
			outOf(seen, "b", fresh(c, "b"))
			outOf(seen, "c", fresh(c, "c"))
		}, []provision.Operation{Join{"b", "a", true}, Join{"c", "a", true}}},
		{"two, where nobody has data", "auto", func(c Cluster, seen map[string]Observation) {
			outOf(seen, "b", fresh(c, "b"))
			outOf(seen, "c", fresh(c, "c"))
		}, []provision.Operation{Join{Member: "b", Together: true}, Join{Member: "c", Together: true}}},
		{"one that has a part of the data", "auto", func(c Cluster, seen map[string]Observation) {
			altered(seen, "a", func(o *Observation) { o.Schemas = []string{"shop"} })
			alone := grouped(c, "c", "")
			alone.View, alone.Executed, alone.Schemas = nil, groupName+":1-3", []string{"shop"}
			outOf(seen, "c", alone)
		}, []provision.Operation{Join{Member: "c"}}},
	} {
		c := three()
		c.Options.RecoveryMethod = row.method
		seen := standing(c)
		row.change(c, seen)
		got, err := Diagnose(c, seen).Operations()
		got = slices.DeleteFunc(got, func(o provision.Operation) bool { _, joins := o.(Join); return !joins })
		if err != nil || !slices.Equal(got, row.want) {
			t.Errorf("%s: %+v, %v", row.name, got, err)
		}
	}
}
