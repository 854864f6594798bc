// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package site

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// installed runs make install for a home directory of its own, and gives a way to
// run Terraform in that home. Without a Terraform the test is skipped; make test
// brings one.
func installed(t *testing.T) func(dir string) *Terraform {
	t.Helper()
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	program, err := Find(root)
	if err != nil {
		t.Skip(err)
	}
	home := t.TempDir()
	// Without AGENTS, since no test writes into the tree.
	install := exec.CommandContext(t.Context(), "make", "-C", root, "install", "VERSION=0.0.1", "AGENTS=",
		"PLUGINS="+filepath.Join(home, ".terraform.d", "plugins"), "BIN="+filepath.Join(home, "bin"))
	if output, err := install.CombinedOutput(); err != nil {
		t.Fatalf("make install: %v\n%s", err, output)
	}
	return func(dir string) *Terraform {
		return &Terraform{Dir: dir, Program: program, Env: []string{
			"HOME=" + home, "TF_CLI_CONFIG_FILE=", "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1", "TF_INPUT=0",
		}}
	}
}

// Every module, and every example that calls one, is formatted and valid as it
// stands, and its own tests pass, with the provider that make install put where
// init finds it without a registry. It is a mock there, so no host is needed.
func TestModulesAndTheirExamples(t *testing.T) {
	in := installed(t)
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	copied := t.TempDir()
	if err := os.CopyFS(copied, os.DirFS(filepath.Join(root, "examples"))); err != nil {
		t.Fatal(err)
	}
	modules, err := filepath.Glob(filepath.Join(copied, "modules", "*"))
	if err != nil || len(modules) < 3 {
		t.Fatalf("%d modules: %v", len(modules), err)
	}
	for _, dir := range append(modules, filepath.Join(copied, "site"), filepath.Join(copied, "three-servers")) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			tests, err := filepath.Glob(filepath.Join(dir, "tests", "*.tftest.hcl"))
			if err != nil || len(tests) == 0 {
				t.Fatalf("no test files: %v", err)
			}
			terraform := in(dir)
			if err := terraform.Init(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := terraform.Validate(t.Context()); err != nil {
				t.Error(err)
			}
			if err := terraform.Formatted(t.Context()); err != nil {
				t.Error(err)
			}
			output, err := terraform.Test(t.Context())
			if err != nil {
				t.Error(err)
			}
			t.Log(output)
		})
	}
}

// What a module takes and gives is described, in the code and in its README, and
// few inputs are required.
func TestModulesAreDescribed(t *testing.T) {
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	modules, err := filepath.Glob(filepath.Join(root, "examples", "modules", "*"))
	if err != nil || len(modules) < 3 {
		t.Fatalf("%d modules: %v", len(modules), err)
	}
	for _, dir := range modules {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			readme, err := os.ReadFile(filepath.Join(dir, "README.md"))
			if err != nil {
				t.Fatal(err)
			}
			required := 0
			for _, file := range []string{"variables.tf", "outputs.tf"} {
				parsed, problems := hclparse.NewParser().ParseHCLFile(filepath.Join(dir, file))
				if problems.HasErrors() {
					t.Fatal(problems)
				}
				body, _ := parsed.Body.(*hclsyntax.Body)
				for _, block := range body.Blocks {
					name := block.Labels[0]
					if block.Body.Attributes["description"] == nil {
						t.Errorf("%s %s has no description", block.Type, name)
					}
					if !bytes.Contains(readme, []byte("`"+name+"`")) {
						t.Errorf("the README does not speak of %s %s", block.Type, name)
					}
					if block.Type == "variable" && block.Body.Attributes["default"] == nil {
						required++
					}
				}
			}
			if required < 1 || required > 5 {
				t.Errorf("%d inputs are required, want 1 to 5", required)
			}
		})
	}
}
