// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// The environment gives the default key where the block gives none.
func TestKeyFromTheEnvironment(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte("from a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		key, file string
		given     map[string]remote.PrivateKey
		want      string
		fails     bool
	}{
		{"", "", nil, "", false},
		{"the key", "", nil, "the key", false},
		{"the key", file, nil, "the key", false},
		{"", file, nil, "from a file", false},
		{"", file + "x", nil, "", true},
		{"the key", "", map[string]remote.PrivateKey{"default": {PEM: []byte("of the block")}}, "of the block", false},
		{"the key", "", map[string]remote.PrivateKey{"office": {PEM: []byte("of the block")}}, "the key", false},
	} {
		t.Setenv("ATOLL_SSH_KEY", row.key)
		t.Setenv("ATOLL_SSH_KEY_FILE", row.file)
		options := remote.Options{Keys: map[string]remote.PrivateKey{}}
		for name, key := range row.given {
			options.Keys[name] = key
		}
		var diags diag.Diagnostics
		environmentKey(&options, "open", &diags)
		if got := options.Keys["default"]; len(row.given) == 0 && got.PEM != nil && (got.Passphrase != "open" || got.Variable == "") {
			t.Errorf("%q, %q: %+v", row.key, row.file, got)
		}
		if got := string(options.Keys["default"].PEM); got != row.want || diags.HasError() != row.fails {
			t.Errorf("%q, %q: %q, %v", row.key, row.file, got, diags)
		}
	}
}

func TestReadOnlyFromTheEnvironment(t *testing.T) {
	for _, row := range []struct {
		configured  types.Bool
		environment string
		want, fails bool
	}{
		{types.BoolNull(), "", false, false},
		{types.BoolNull(), "1", true, false},
		{types.BoolNull(), "true", true, false},
		{types.BoolNull(), "false", false, false},
		{types.BoolNull(), "yes please", false, true},
		{types.BoolValue(false), "1", false, false},
		{types.BoolValue(true), "", true, false},
		{types.BoolUnknown(), "", true, false},
	} {
		t.Setenv("ATOLL_READ_ONLY", row.environment)
		var diags diag.Diagnostics
		if got := flag(row.configured, "ATOLL_READ_ONLY", &diags); got != row.want || diags.HasError() != row.fails {
			t.Errorf("%v, %q: %v, %v", row.configured, row.environment, got, diags)
		}
	}
}
