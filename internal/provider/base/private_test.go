// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package base

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
)

// private is a resource's private state.
type private map[string][]byte

func (p private) GetKey(_ context.Context, key string) ([]byte, diag.Diagnostics) { return p[key], nil }

func (p private) SetKey(_ context.Context, key string, value []byte) diag.Diagnostics {
	p[key] = value
	return nil
}

// What is kept has a version; what another release kept is read, or refused.
func TestPrivateStateHasAVersion(t *testing.T) {
	old := func(text []byte) (map[string]int, error) {
		var was map[string]int
		return was, errors.Join(json.Unmarshal(text, &was))
	}
	for _, row := range []struct {
		name, kept string
		old        func([]byte) (map[string]int, error)
		want       int
		fails      bool
	}{
		{"this release", `{"version":1,"value":{"a":7}}`, nil, 7, false},
		{"before there were versions", `{"a":7}`, old, 7, false},
		{"before there were versions, by a key that looks like one", `{"version":7,"a":7}`, nil, 0, true},
		{"a later release", `{"version":2,"value":{"a":7}}`, old, 0, true},
		{"no version, and none was ever written", `{"a":7}`, nil, 0, true},
		{"rubbish", `[`, old, 0, true},
		{"nothing", ``, old, 0, false},
	} {
		var diags diag.Diagnostics
		state := private{}
		if row.kept != "" {
			state["key"] = []byte(row.kept)
		}
		run := &Run{Diagnostics: &diags, reader: state, writer: state}
		value, found := ReadPrivate(t.Context(), run, "key", row.old)
		if diags.HasError() != row.fails || value["a"] != row.want || found != (row.want != 0) {
			t.Errorf("%s: %v %t, %v", row.name, value, found, diags)
		}
	}
	var diags diag.Diagnostics
	state := private{}
	run := &Run{Diagnostics: &diags, reader: state, writer: state}
	WritePrivate(t.Context(), run, "key", map[string]int{"a": 7})
	if got := string(state["key"]); got != `{"version":1,"value":{"a":7}}` {
		t.Errorf("kept as %s", got)
	}
}

// The codes of the last refresh's drift reach the plan. What is not known of
// them may be anything.
func TestDriftCodesReachThePlan(t *testing.T) {
	edited := converge.Line{Subject: "file /etc/tinc/turkey/tinc.conf", Code: converge.CodeContent, Text: "content differs"}
	keyless := converge.Line{Subject: "private key", Code: "tinc-private-key", Text: "missing"}
	for _, row := range []struct {
		name  string
		lines []converge.Line
		kept  string
		want  bool
	}{
		{"in sync", nil, "", false},
		{"a file is edited", []converge.Line{edited}, "", false},
		{"the key is missing", []converge.Line{edited, keyless}, "", true},
		{"nothing is known of the lines", []converge.Line{edited}, "{}", true},
		{"another release wrote them", []converge.Line{edited}, `{"version":2,"value":[]}`, true},
	} {
		var diags diag.Diagnostics
		state := private{}
		run := &Run{Diagnostics: &diags, reader: state, writer: state}
		keepDrift(t.Context(), run, row.lines)
		if row.kept != "" {
			state[driftKey] = []byte(row.kept)
		}
		if got := driftCodes(t.Context(), run, Drift(row.lines)).has("tinc-private-key"); got != row.want || diags.HasError() {
			t.Errorf("%s: %v, %v", row.name, got, diags)
		}
	}
}
