// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mesh

import (
	"context"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/tinc"
)

// private is a resource's private state.
type private map[string][]byte

func (p private) GetKey(_ context.Context, key string) ([]byte, diag.Diagnostics) { return p[key], nil }

func (p private) SetKey(_ context.Context, key string, value []byte) diag.Diagnostics {
	p[key] = value
	return nil
}

// Only a key that is missing makes a new key: not a file that was edited, in
// whose path the word may stand.
func TestOnlyAMissingKeyIsMadeAnew(t *testing.T) {
	turkey := tinc.Node{Mesh: "turkey", Name: "hk1", Address: "10.77.0.11", Endpoint: "203.0.113.11", Port: 655, MTU: 1400}
	manifest, err := turkey.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	edited := converge.Line{Subject: "file " + manifest.Files[0].Path, Code: converge.CodeContent, Text: "content differs"}
	for _, row := range []struct {
		name  string
		lines []converge.Line
		kept  string
		want  bool
	}{
		{"in sync", nil, "", false},
		{"a file is edited", []converge.Line{edited}, "", false},
		{"the host file is edited", []converge.Line{manifest.Actions[1].Line}, "", false},
		{"the key is missing", []converge.Line{edited, manifest.Actions[0].Line}, "", true},
		{"nothing is known of the lines", []converge.Line{edited}, "{}", true},
		{"another release wrote them", []converge.Line{edited}, `{"version":2,"lines":[]}`, true},
	} {
		var diags diag.Diagnostics
		state := private{}
		base.KeepDrift(t.Context(), state, row.lines, &diags)
		if row.kept != "" {
			state["drift"] = []byte(row.kept)
		}
		if got := makesKey(base.DriftCodes(t.Context(), state, base.Drift(row.lines), &diags)); got != row.want || diags.HasError() {
			t.Errorf("%s: %v, %v", row.name, got, diags)
		}
	}
}
