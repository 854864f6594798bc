// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"
)

// program runs a real Terraform, or OpenTofu, over a directory, with the provider
// in this process: nothing is built, installed or downloaded.
type program struct {
	path, reattach, home string
}

// findProgram looks where internal/site does: the environment's choice, the
// machine's own, what make built.
func findProgram(t *testing.T) string {
	t.Helper()
	if chosen := os.Getenv("TF_ACC_TERRAFORM_PATH"); chosen != "" {
		return chosen
	}
	for _, name := range []string{"terraform", "tofu", "../../bin/tofu"} {
		if found, err := exec.LookPath(name); err == nil || errors.Is(err, exec.ErrDot) {
			path, err := filepath.Abs(found)
			if err != nil {
				t.Fatal(err)
			}
			return path
		}
	}
	t.Skip("neither terraform nor tofu is here: make bin/tofu")
	return ""
}

// serve lets a program of the machine reach the provider in this process.
func serve(t *testing.T) program {
	t.Helper()
	return serveWith(t, New("test"))
}

// serveWith does so for a provider that the test has made.
func serveWith(t *testing.T, made func() provider.Provider) program {
	t.Helper()
	found := program{path: findProgram(t), home: t.TempDir()}
	ctx, cancel := context.WithCancel(context.Background())
	reattach, closed := make(chan *plugin.ReattachConfig), make(chan struct{})
	go func() {
		_ = tf6server.Serve("registry.terraform.io/atollhq/atoll", providerserver.NewProtocol6(made()),
			tf6server.WithDebug(ctx, reattach, closed), tf6server.WithoutLogStderrOverride(), tf6server.WithLoggingSink(t))
	}()
	config := <-reattach
	t.Cleanup(func() { cancel(); <-closed })
	type address struct{ Network, String string }
	type attached struct {
		Protocol        string
		ProtocolVersion int
		Pid             int
		Test            bool
		Addr            address
	}
	here := attached{string(config.Protocol), config.ProtocolVersion, config.Pid, true, address{config.Addr.Network(), config.Addr.String()}}
	text, err := json.Marshal(map[string]attached{"registry.terraform.io/atollhq/atoll": here, "registry.opentofu.org/atollhq/atoll": here})
	if err != nil {
		t.Fatal(err)
	}
	found.reattach = string(text)
	write := func(name, content string) {
		path := filepath.Join(found.home, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(content), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	// What the examples read of the user's own.
	write(".ssh/id_ed25519.pub", hostKey+" somebody@example\n")
	write(".ssh/id_ed25519", "")
	write("cli.tfrc", "")
	return found
}

// environment is what the program needs beside the machine's own.
func (p program) environment() []string {
	return []string{
		"TF_REATTACH_PROVIDERS=" + p.reattach, "HOME=" + p.home, "TF_CLI_CONFIG_FILE=" + filepath.Join(p.home, "cli.tfrc"),
		"CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1", "TF_INPUT=0",
	}
}

// run gives what the program printed, and whether it succeeded.
func (p program) run(t *testing.T, dir string, arguments ...string) (string, bool) {
	t.Helper()
	command := exec.CommandContext(t.Context(), p.path, arguments...)
	command.Dir = dir
	command.Env = append(os.Environ(), p.environment()...)
	output, err := command.CombinedOutput()
	return string(output), err == nil
}

// Each way to write a map of what other resources export validates, plans and
// applies, with a provider that Terraform mocks.
func TestExportedObjectsAreTakenInEveryForm(t *testing.T) {
	t.Parallel()
	terraform, dir := serve(t), t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/wiring")); err != nil {
		t.Fatal(err)
	}
	for _, arguments := range [][]string{{"get"}, {"validate", "-no-color"}, {"test", "-no-color"}} {
		if output, ok := terraform.run(t, dir, arguments...); !ok {
			t.Fatalf("%s: %s", arguments[0], output)
		}
	}
}

// What a written map lacks, or has too little of, is named by key and attribute.
func TestIncompleteObjectsAreNamed(t *testing.T) {
	t.Parallel()
	terraform := serve(t)
	head := "terraform {\n  required_providers {\n    atoll = { source = \"atollhq/atoll\" }\n  }\n}\n"
	for body, want := range map[string]string{
		"resource \"atoll_mesh\" \"m\" {\n  name = \"site\"\n  cidr = \"10.77.0.0/24\"\n  peers = { hk1 = { name = \"hk1\", endpoint = \"h\", port = 655, public_key = \"k\", ssh = { host = \"h\" } } }\n}\n": `peers["hk1"].address is missing`,
		"resource \"atoll_mesh\" \"m\" {\n  name = \"site\"\n  cidr = \"10.77.0.0/24\"\n  peers = { hk1 = null }\n}\n":                                                                                         `peers["hk1"] is null`,
		"resource \"atoll_mysql_cluster\" \"m\" {\n  name = \"main\"\n  members = { hk1 = { address = \"10.77.0.11\", port = 3306, server_id = 7, ssh = { port = 22 } } }\n}\n":                                `members["hk1"].ssh.host is missing`,
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(head+body), 0o600); err != nil {
			t.Fatal(err)
		}
		output, ok := terraform.run(t, dir, "validate", "-no-color")
		if text := strings.Join(strings.Fields(strings.ReplaceAll(output, "│", "")), " "); ok || !strings.Contains(text, want) {
			t.Errorf("want %q, got %s", want, output)
		}
	}
}

// standIns are what an example refers to and does not show.
var standIns = map[string]string{
	"atoll_host":          "ssh = { host = \"203.0.113.11\", host_key = \"" + hostKey + "\" }",
	"atoll_linode":        "label = \"sg1\"\nregion = \"ap-south\"\ntype = \"g6-standard-1\"\nimage = \"linode/debian13\"\nauthorized_keys = [\"" + hostKey + "\"]",
	"atoll_mesh_peer":     "ssh = { host = \"203.0.113.11\", host_key = \"" + hostKey + "\" }\nmesh = \"site\"\nname = \"hk1\"\naddress = \"10.77.0.11\"",
	"atoll_mesh":          "name = \"site\"\ncidr = \"10.77.0.0/24\"\npeers = { hk1 = { name = \"hk1\", address = \"10.77.0.11\", endpoint = \"203.0.113.11\", port = 655, public_key = \"k\", ssh = { host = \"203.0.113.11\" } } }",
	"atoll_file_tier":     "name = \"files\"\nhot = \"/srv/files\"\nnodes = { app1 = { address = \"10.77.0.21\", ssh = { host = \"203.0.113.21\", host_key = \"" + hostKey + "\" } } }",
	"atoll_mysql_server":  "ssh = { host = \"203.0.113.11\", host_key = \"" + hostKey + "\" }\naddress = \"10.77.0.11\"",
	"atoll_mysql_cluster": "name = \"main\"\nmembers = { hk1 = { address = \"10.77.0.11\", port = 3306, server_id = 7, ssh = { host = \"203.0.113.11\" } } }",
}

// mocked is the test that Terraform runs over an example. A mock makes up text
// and numbers; what it cannot make up is a port, a key and a site that is well.
const mocked = `mock_provider "atoll" {
  mock_resource "atoll_linode" {
    defaults = {
      ssh   = { host = "203.0.113.31", host_key = "HOSTKEY", port = 22, user = "root", key = "default", jumps = [] }
      specs = { memory_mib = 2048, vcpus = 1, disk_mib = 51200, transfer_gb = 2000 }
    }
  }
  mock_data "atoll_site_status" {
    defaults = { healthy = true, problems = [] }
  }
  mock_data "atoll_file_tier_status" {
    defaults = { healthy = true, problems = [] }
  }
  mock_data "atoll_mysql_preflight" {
    defaults = { ready = true }
  }
  mock_data "atoll_mysql_cluster_status" {
    defaults = { state = "ONLINE" }
  }
}
run "apply" {}
`

// Every example of the documentation validates and applies as it is printed,
// with a provider that Terraform mocks. Those with other providers in them need
// these, and are held to our schemas by TestExamplesAreValid.
func TestExamplesRun(t *testing.T) {
	t.Parallel()
	terraform := serve(t)
	var dirs []string
	err := filepath.WalkDir("../../examples", func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			files, _ := filepath.Glob(filepath.Join(path, "*.tf"))
			// An example with tests of its own is run by these, see internal/site.
			if own, _ := filepath.Glob(filepath.Join(path, "tests", "*")); len(files) > 0 && len(own) == 0 {
				dirs = append(dirs, path)
			}
		}
		return err
	})
	if err != nil || len(dirs) < 9 {
		t.Fatalf("%d examples: %v", len(dirs), err)
	}
	for _, example := range dirs {
		files, missing, foreign := examine(t, example)
		if foreign {
			t.Logf("%s needs other providers", example)
			continue
		}
		t.Run(filepath.Base(example), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for name, content := range files {
				if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			head := missing
			if !strings.Contains(string(files["main.tf"])+string(files["provider.tf"]), "required_providers") {
				head += "terraform {\n  required_providers {\n    atoll = { source = \"atollhq/atoll\" }\n  }\n}\n"
			}
			test := strings.ReplaceAll(mocked, "HOSTKEY", hostKey) + variableValues[filepath.Base(example)]
			if err := errors.Join(os.WriteFile(filepath.Join(dir, "stand_ins.tf"), []byte(head), 0o600), os.WriteFile(filepath.Join(dir, "repo.asc"), []byte(signingKey), 0o600), os.WriteFile(filepath.Join(dir, "mocked.tftest.hcl"), []byte(test), 0o600)); err != nil {
				t.Fatal(err)
			}
			runs := [][]string{{"get"}, {"validate", "-no-color"}, {"test", "-no-color"}}
			if strings.Contains(example, "ephemeral-resources") {
				runs = runs[:2] // Terraform 1.11 mocks none of these
			}
			if strings.Contains(example, "actions") {
				runs = runs[:2] // nor any of these
			}
			for _, arguments := range runs {
				output, ok := terraform.run(t, dir, arguments...)
				if older := strings.Contains(output, `Blocks of type "action" are not expected here`); older && strings.Contains(example, "actions") {
					t.Log("this program knows no actions: TestExamplesAreValid holds it to the schema")
				} else if !ok {
					t.Errorf("%s: %s", arguments[0], output)
				}
			}
		})
	}
}

// variableValues are given to the examples that ask for some.
var variableValues = map[string]string{
	"move-off-hardware": "variables {\n  ssh_key_file = \"~/.ssh/id_ed25519\"\n  machines = { hk1 = { host = \"203.0.113.11\", host_key = \"" + hostKey + "\", mesh = \"10.77.0.11\", role = \"database\" } }\n  linodes = { sg1 = { region = \"ap-south\", type = \"g6-standard-1\", mesh = \"10.77.0.13\", role = \"application\" } }\n}\n",
}

// examine reads an example, and makes stand-ins for what it only refers to.
func examine(t *testing.T, dir string) (files map[string][]byte, missing string, foreignToo bool) {
	t.Helper()
	files = map[string][]byte{}
	declared, wanted := map[string]bool{}, map[string]bool{}
	paths, err := filepath.Glob(filepath.Join(dir, "*.tf"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if filepath.Base(path) == "import-by-identity.tf" {
			continue // Terraform 1.11 and OpenTofu know no identities: TestExamplesAreValid holds it to the schema
		}
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(path)] = content
		parsed, problems := hclparse.NewParser().ParseHCL(content, path)
		body, isBody := parsed.Body.(*hclsyntax.Body)
		if problems.HasErrors() || !isBody {
			t.Fatal(problems)
		}
		for _, block := range body.Blocks {
			if block.Type == "resource" {
				declared[block.Labels[0]+"."+block.Labels[1]] = true
				foreignToo = foreignToo || !strings.HasPrefix(block.Labels[0], "atoll_")
			}
		}
		_ = hclsyntax.VisitAll(body, func(node hclsyntax.Node) hcl.Diagnostics {
			if expression, isReference := node.(*hclsyntax.ScopeTraversalExpr); isReference && strings.HasPrefix(expression.Traversal.RootName(), "atoll_") {
				if name, isName := expression.Traversal[1].(hcl.TraverseAttr); isName {
					wanted[expression.Traversal.RootName()+"."+name.Name] = true
				}
			}
			return nil
		})
	}
	for reference := range wanted {
		if kind, name, _ := strings.Cut(reference, "."); !declared[reference] {
			missing += fmt.Sprintf("resource %q %q {\n%s\n}\n", kind, name, standIns[kind])
		}
	}
	return files, missing, foreignToo
}
