// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/provision"
)

func TestSchemaStatements(t *testing.T) {
	for server, want := range map[string]struct {
		version          string
		guidelines, stat bool
	}{"8.0.40": {"2.2.0", false, false}, "8.4.3": {"2.2.0", false, false}, "9.7.4": {"2.4.0", true, true}} {
		version := metadataVersion(server)
		text := strings.Join(schemaStatements(version), ";\n")
		if version.String() != want.version {
			t.Errorf("%s: metadata %s, want %s", server, version, want.version)
		}
		if got := strings.Contains(text, ".routing_guidelines ("); got != want.guidelines {
			t.Errorf("%s: routing_guidelines %v", server, got)
		}
		if got := strings.Contains(text, ".router_stats ("); got != want.stat {
			t.Errorf("%s: router_stats %v", server, got)
		}
		for _, statement := range schemaStatements(version) {
			if strings.HasPrefix(statement, "--") || statement == "" {
				t.Errorf("%s: %q is no statement", server, statement)
			}
		}
	}
}

// A member is written only into metadata that have a place for it; what needs none
// of that is done in older ones, too.
func TestMetadataThatAreTooOld(t *testing.T) {
	for _, row := range []struct {
		schema  string
		wanted  string
		away    bool
		refused string
	}{
		{"2.4.0", "", true, ""}, {"2.2.0", "", true, ""}, {"", "", true, ""}, {"2.1.0", "", false, ""},
		{"2.1.0", "", true, "they are of version 2.1.0"}, {"0.0.0", "", true, "an upgrade of them is at work"},
		{"2.1.0", "2.4.0", true, ""}, {"0.0.0", "2.2.0", true, ""}, {"2.0.0", "2.4.0", true, "an apply upgrades from 2.1.0"},
	} {
		c := three()
		seen := standing(c)
		if row.away {
			alone := grouped(c, "b", "")
			alone.View = nil
			outOf(seen, "b", alone)
		} else {
			seen["b"].Variables["group_replication_consistency"] = "AFTER"
		}
		for key, one := range seen {
			one.Schema = row.schema
			seen[key] = one
		}
		c.Options.MetadataVersion = row.wanted
		operations, err := Diagnose(c, seen).Operations()
		if row.refused == "" && row.wanted != "" && !slices.Equal(operations, []provision.Operation{UpgradeMetadata{"a"}}) {
			t.Errorf("%q, want %s: %v, %v", row.schema, row.wanted, operations, err)
		}
		if row.refused == "" && (err != nil || len(operations) == 0) || row.refused != "" && (!errors.Is(err, ErrMetadata) || !strings.Contains(err.Error(), row.refused)) {
			t.Errorf("%q, one away %v: %v, %v", row.schema, row.away, operations, err)
		}
	}
}
