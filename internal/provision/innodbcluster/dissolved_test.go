// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// dissolved is a server that a destroy has done with: it holds the group's transactions,
// and nothing of what the cluster wrote by them into its data.
func dissolved(c Cluster, key string) Observation {
	seen := fresh(c, key)
	seen.Executed, seen.Schemas = groupName+":1-9", []string{"shop"}
	return seen
}

// member is a server of the running cluster, with its metadata and the user's data.
func member(c Cluster, key string) Observation {
	seen := grouped(c, key, "c")
	seen.Schema, seen.Schemas = "2.4.0", []string{"shop"}
	return seen
}

// A destroy that is ended in the middle leaves servers whose data are not what their
// transactions say. What comes next in the binary logs cannot be applied there, so they
// get a copy; and a group that has stopped goes on from one that was not erased.
func TestDestroyEndedInTheMiddle(t *testing.T) {
	for _, row := range []struct {
		name   string
		method string
		change func(c Cluster, seen map[string]Observation)
		want   []string
		refuse string
	}{
		{"a member stopped", "auto", func(c Cluster, seen map[string]Observation) {
			alone := member(c, "b")
			alone.View = nil
			outOf(seen, "b", alone)
		}, []string{"join b"}, ""},
		{"two are erased", "auto", func(c Cluster, seen map[string]Observation) {
			outOf(seen, "a", dissolved(c, "a"))
			outOf(seen, "b", dissolved(c, "b"))
		}, []string{"give a the data of c in the place of its own", "give b the data of c in the place of its own"}, ""},
		{"one is erased, and clones are not wanted", "incremental", func(c Cluster, seen map[string]Observation) { outOf(seen, "b", dissolved(c, "b")) }, nil, "Set recovery_method to auto or clone"},
		{"two are erased, and the third has left", "auto", func(c Cluster, seen map[string]Observation) {
			last := member(c, "c")
			last.View = nil
			seen["a"], seen["b"], seen["c"] = dissolved(c, "a"), dissolved(c, "b"), last
		}, []string{"reboot the group from c"}, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := three()
			c.Options.RecoveryMethod = row.method
			seen := all(c, member)
			row.change(c, seen)
			operations, err := Diagnose(c, seen).Operations()
			var got []string
			for _, operation := range operations {
				got = append(got, operation.String())
			}
			if slices.Sort(got); !cmp.Equal(got, row.want) {
				t.Errorf("got %q, want %q", got, row.want)
			}
			if row.refuse == "" != (err == nil) || err != nil && !strings.Contains(err.Error(), row.refuse) {
				t.Errorf("got %v, want %q", err, row.refuse)
			}
		})
	}
}
