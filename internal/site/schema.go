// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package site

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
)

// Schema prints the provider's schema for the documentation generator, under
// the name that it looks for, whether Terraform or OpenTofu made it.
func Schema(ctx context.Context) ([]byte, error) {
	root, err := Root()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "atoll-schema-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	program, err := Find(root)
	if err != nil {
		return nil, err
	}
	terraform, err := New(program, dir, filepath.Join(root, "bin"))
	if err != nil {
		return nil, err
	}
	config := "terraform {\n  required_providers {\n    atoll = { source = \"atollhq/atoll\" }\n  }\n}\n"
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(config), 0o600); err != nil {
		return nil, err
	}
	printed, err := terraform.run(ctx, "providers", "schema", "-json")
	if err != nil {
		return nil, err
	}
	text, err := withServed(ctx, printed)
	for _, name := range []string{"registry.opentofu.org/atollhq/", "registry.terraform.io/atollhq/"} {
		text = bytes.ReplaceAll(text, []byte(name), []byte("registry.terraform.io/hashicorp/"))
	}
	return text, err
}
