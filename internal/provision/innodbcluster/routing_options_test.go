// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRoutingOptions(t *testing.T) {
	hour := int64(3600)
	for _, row := range []struct {
		name     string
		declared RoutingOptions
		has      string
		cluster  bool
		want     []string
	}{
		{"what a new cluster has", RoutingOptions{}, `{"tags": {}, "read_only_targets": "secondaries"}`, true, nil},
		{"nothing at all", RoutingOptions{}, `null`, true, nil},
		{"said as it is by default", RoutingOptions{ReadOnlyTargets: "secondaries", UnreachableQuorum: "none"}, `{}`, true, nil},
		{"left out, and there by default", RoutingOptions{}, `{"unreachable_quorum_allowed_traffic": "none", "stats_updates_frequency": null}`, true, nil},
		{"a router has no default of its own", RoutingOptions{ReadOnlyTargets: "secondaries"}, `null`, false, []string{`routing option read_only_targets is not set, want "secondaries"`}},
		{
			"as declared", RoutingOptions{"all", "read", &hour, map[string]string{"a": "1", "b": "2"}},
			`{"tags": {"b": "2", "a": "1"}, "stats_updates_frequency": 3600, "read_only_targets": "all", "unreachable_quorum_allowed_traffic": "read", "guideline": "x"}`, true, nil,
		},
		{"of another kind", RoutingOptions{StatsFrequency: &hour}, `{"stats_updates_frequency": "3600"}`, false, []string{`routing option stats_updates_frequency is "3600", want 3600`}},
		{"by hand", RoutingOptions{}, `{"tags": {"_x": 1}, "read_only_targets": "all"}`, true, []string{`routing option read_only_targets is "all", want "secondaries"`, `routing option tags is {"_x":1}, want {}`}},
		{"by hand at a router", RoutingOptions{}, `{"read_only_targets": "all"}`, false, []string{`routing option read_only_targets is "all", want not set`}},
	} {
		var has map[string]json.RawMessage
		if err := json.Unmarshal([]byte(row.has), &has); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(row.want, row.declared.wrong(has, row.cluster)); diff != "" {
			t.Errorf("%s:\n%s", row.name, diff)
		}
	}
}

// Other keys of the document are others'. What is left out becomes what MySQL Shell
// leaves in a new cluster, and goes from a router.
func TestRoutingOptionsAreEdited(t *testing.T) {
	never := int64(0)
	for _, row := range []struct {
		declared RoutingOptions
		cluster  bool
		want     string
		values   []any
	}{
		{
			RoutingOptions{ReadOnlyTargets: "all"}, false,
			"JSON_REMOVE(JSON_REMOVE(JSON_REMOVE(JSON_SET(IFNULL(c, JSON_OBJECT()), '$.read_only_targets', CAST(? AS JSON)), '$.unreachable_quorum_allowed_traffic'), '$.stats_updates_frequency'), '$.tags')",
			[]any{`"all"`},
		},
		{
			RoutingOptions{}, true,
			"JSON_SET(JSON_REMOVE(JSON_REMOVE(JSON_SET(IFNULL(c, JSON_OBJECT()), '$.read_only_targets', CAST(? AS JSON)), '$.unreachable_quorum_allowed_traffic'), '$.stats_updates_frequency'), '$.tags', CAST(? AS JSON))",
			[]any{`"secondaries"`, `{}`},
		},
		{
			RoutingOptions{"read_replicas", "all", &never, map[string]string{"a": `"'`}}, true,
			"JSON_SET(JSON_SET(JSON_SET(JSON_SET(IFNULL(c, JSON_OBJECT()), '$.read_only_targets', CAST(? AS JSON)), '$.unreachable_quorum_allowed_traffic', CAST(? AS JSON)), '$.stats_updates_frequency', CAST(? AS JSON)), '$.tags', CAST(? AS JSON))",
			[]any{`"read_replicas"`, `"all"`, `0`, `{"a":"\"'"}`},
		},
	} {
		expression, values := row.declared.edit("c", row.cluster)
		if diff := cmp.Diff(row.want, expression) + cmp.Diff(row.values, values); diff != "" {
			t.Errorf("%+v:\n%s", row.declared, diff)
		}
	}
}

// What takes options away is written into any metadata.
func TestRoutingOptionsThatNobodyReads(t *testing.T) {
	for _, row := range []struct {
		options RoutingOptions
		version string
		refused bool
	}{{RoutingOptions{ReadOnlyTargets: "all"}, "2.1.0", true}, {RoutingOptions{}, "2.1.0", false}, {RoutingOptions{ReadOnlyTargets: "all"}, "2.2.0", false}, {RoutingOptions{ReadOnlyTargets: "all"}, "0.0.0", true}} {
		if err := row.options.unread(row.version); errors.Is(err, ErrMetadata) != row.refused {
			t.Errorf("%+v: %v", row, err)
		}
	}
}

func TestRouterThatIsMisrouted(t *testing.T) {
	router := Router{Cluster: "id", Address: "app1", Name: "atoll", Options: map[string]json.RawMessage{"read_only_targets": json.RawMessage(`"all"`)}}
	other := router
	other.Cluster = "another"
	want := []string{`routing option read_only_targets is "all", want "secondaries"`}
	for _, row := range []struct {
		name    string
		routers []Router
		want    []string
	}{{"its own row", []Router{router}, want}, {"the row of another cluster", []Router{other}, nil}, {"no row", nil, nil}} {
		found := Found{Diagnosis: Diagnosis{ClusterID: "id"}, Routers: row.routers}
		if diff := cmp.Diff(row.want, found.Misrouted("app1", "atoll", RoutingOptions{ReadOnlyTargets: "secondaries"})); diff != "" {
			t.Errorf("%s:\n%s", row.name, diff)
		}
	}
}

// Options go into metadata in which routers look for them: older ones are upgraded
// first, or nothing is written.
func TestRoutingOptionsInOldMetadata(t *testing.T) {
	for _, row := range []struct {
		schema, wanted string
		options        RoutingOptions
		want           []string
		refused        string
	}{
		{"2.2.0", "", RoutingOptions{ReadOnlyTargets: "all"}, []string{"write the routing options on a"}, ""},
		{"2.1.0", "", RoutingOptions{ReadOnlyTargets: "all"}, nil, "they are of version 2.1.0, and routers read routing_options in 2.2.0 or later. Declare metadata_version"},
		{"0.0.0", "", RoutingOptions{ReadOnlyTargets: "all"}, nil, "an upgrade of them is at work"},
		{"2.1.0", "", RoutingOptions{ReadOnlyTargets: "secondaries"}, nil, ""},
		{"2.1.0", "2.2.0", RoutingOptions{ReadOnlyTargets: "all"}, []string{"upgrade the cluster metadata on a"}, ""},
	} {
		c := three()
		c.Options.Routing, c.Options.MetadataVersion = &row.options, row.wanted
		seen := standing(c)
		for key, one := range seen {
			one.Schema = row.schema
			seen[key] = one
		}
		operations, err := Diagnose(c, seen).Operations()
		var got []string
		for _, operation := range operations {
			got = append(got, operation.String())
		}
		switch {
		case row.refused != "" && (!errors.Is(err, ErrMetadata) || !strings.Contains(err.Error(), row.refused)):
			t.Errorf("%+v: %v", row, err)
		case row.refused == "" && (err != nil || !slices.Equal(got, row.want)):
			t.Errorf("%+v: %q, %v", row, got, err)
		}
	}
}
