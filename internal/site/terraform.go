// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package site drives a real Terraform, or OpenTofu, over a configuration and
// the hosts of a lab, the way a user does: with the built provider in a process
// of its own. The demo, the bench and the acceptance tests share it.
package site

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Terraform is one working directory with a configuration in it.
type Terraform struct {
	// Dir holds configuration and state.
	Dir string
	// Program is the path of terraform or tofu.
	Program string
	// Log receives what the program prints while it runs; nil drops it.
	Log io.Writer
	// Env is added to the environment, as "NAME=value".
	Env []string
}

// ErrFailed is a run of Terraform that ended with an error.
var ErrFailed = errors.New("terraform failed")

// Find looks for a Terraform: the environment's choice first, then the
// machine's own, then the OpenTofu that make builds from the tools module.
func Find(root string) (string, error) {
	if chosen := os.Getenv("TF_ACC_TERRAFORM_PATH"); chosen != "" {
		return chosen, nil
	}
	for _, name := range []string{"terraform", "tofu", filepath.Join(root, "bin", "tofu")} {
		if found, err := exec.LookPath(name); err == nil {
			return filepath.Abs(found)
		}
	}
	return "", errors.New("neither terraform nor tofu was found: run make bin/tofu, or set TF_ACC_TERRAFORM_PATH")
}

// New prepares dir to run against the provider binary in providerDir: no init
// and no registry are needed.
func New(program, dir, providerDir string) (*Terraform, error) {
	return newWith(program, dir, "atollhq/atoll", providerDir)
}

// newWith prepares dir to run against any provider's program.
func newWith(program, dir, source, providerDir string) (*Terraform, error) {
	config := filepath.Join(dir, "cli.tfrc")
	content := fmt.Sprintf("provider_installation {\n  dev_overrides {\n    %q = %q\n  }\n  direct {}\n}\n", source, providerDir)
	if err := os.WriteFile(config, []byte(content), 0o600); err != nil {
		return nil, fmt.Errorf("writing the CLI configuration: %w", err)
	}
	return &Terraform{Dir: dir, Program: program, Env: []string{
		"TF_CLI_CONFIG_FILE=" + config, "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1", "TF_INPUT=0",
	}}, nil
}

// Variables writes terraform.tfvars.json.
func (t *Terraform) Variables(values map[string]any) error {
	content, err := json.MarshalIndent(values, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding variables: %w", err)
	}
	return os.WriteFile(filepath.Join(t.Dir, "terraform.tfvars.json"), content, 0o600)
}

// Modules installs the modules that the configuration calls; they have to lie on
// this machine. Providers are none of it.
func (t *Terraform) Modules(ctx context.Context) error {
	_, err := t.run(ctx, "get", "-no-color")
	return err
}

// Init installs modules and providers.
func (t *Terraform) Init(ctx context.Context) error {
	_, err := t.run(ctx, "init", "-no-color")
	return err
}

// Formatted checks that all files are written the way that fmt writes them.
func (t *Terraform) Formatted(ctx context.Context) error {
	_, err := t.run(ctx, "fmt", "-check", "-diff", "-recursive", "-no-color")
	return err
}

// Test runs the test files of the configuration.
func (t *Terraform) Test(ctx context.Context) (string, error) {
	output, err := t.run(ctx, "test", "-no-color")
	return string(output), err
}

// Validate checks the configuration without any variable.
func (t *Terraform) Validate(ctx context.Context) error {
	_, err := t.run(ctx, "validate", "-no-color")
	return err
}

// Version is what the program says of itself.
func (t *Terraform) Version(ctx context.Context) (string, error) {
	text, err := t.run(ctx, "version")
	return string(text), err
}

// Apply converges the site. Its error quotes the end of the output.
func (t *Terraform) Apply(ctx context.Context, args ...string) error {
	_, err := t.run(ctx, append([]string{"apply", "-auto-approve", "-no-color"}, args...)...)
	return err
}

// Import takes over one resource that stands.
func (t *Terraform) Import(ctx context.Context, address, id string) error {
	_, err := t.run(ctx, "import", "-no-color", address, id)
	return err
}

// Destroy takes everything down.
func (t *Terraform) Destroy(ctx context.Context, args ...string) error {
	_, err := t.run(ctx, append([]string{"destroy", "-auto-approve", "-no-color"}, args...)...)
	return err
}

// Output reads one output value into target.
func (t *Terraform) Output(ctx context.Context, name string, target any) error {
	quiet := *t
	quiet.Log = nil
	out, err := quiet.run(ctx, "output", "-json", name)
	if err != nil {
		return err
	}
	return json.Unmarshal(out, target)
}

// State reads the whole state as JSON text.
func (t *Terraform) State(ctx context.Context) ([]byte, error) {
	quiet := *t
	quiet.Log = nil
	return quiet.run(ctx, "show", "-json")
}

// Attributes reads what the state holds of one resource into target.
func (t *Terraform) Attributes(ctx context.Context, address string, target any) error {
	text, err := t.State(ctx)
	if err != nil {
		return err
	}
	var state struct {
		Values struct {
			RootModule stateModule `json:"root_module"`
		} `json:"values"`
	}
	if err := json.Unmarshal(text, &state); err != nil {
		return fmt.Errorf("decoding the state: %w", err)
	}
	values := state.Values.RootModule.find(address)
	if values == nil {
		return fmt.Errorf("the state has no %s", address)
	}
	return json.Unmarshal(values, target)
}

// stateModule is a module in terraform's state representation:
// https://developer.hashicorp.com/terraform/internals/json-format
type stateModule struct {
	Resources []struct {
		Address string          `json:"address"`
		Values  json.RawMessage `json:"values"`
	} `json:"resources"`
	ChildModules []stateModule `json:"child_modules"`
}

// find gives the values of a resource by its whole address, nil when there is
// no such resource.
func (m stateModule) find(address string) json.RawMessage {
	for _, resource := range m.Resources {
		if resource.Address == address {
			return resource.Values
		}
	}
	for _, child := range m.ChildModules {
		if values := child.find(address); values != nil {
			return values
		}
	}
	return nil
}

// Cluster is what a user reads of an atoll_mysql_cluster.
type Cluster struct {
	Primary string `json:"primary"`
	Status  map[string]struct {
		State, Role, Version string
	} `json:"status"`
}

// Start begins an apply and returns the command, so that a test can kill it.
// The process leads a group of its own, provider included.
func (t *Terraform) Start(args ...string) (*exec.Cmd, *bytes.Buffer, error) {
	command := t.command(context.Background(), args...)
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	output := &bytes.Buffer{}
	command.Stdout, command.Stderr = output, output
	if err := command.Start(); err != nil {
		return nil, nil, fmt.Errorf("starting terraform: %w", err)
	}
	return command, output, nil
}

func (t *Terraform) command(ctx context.Context, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, t.Program, args...)
	command.Dir = t.Dir
	command.Env = append(os.Environ(), t.Env...)
	// An interrupt lets Terraform save its state; it is killed only if it
	// does not end by itself.
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 30 * time.Second
	return command
}

// run runs one command and returns its standard output.
func (t *Terraform) run(ctx context.Context, args ...string) ([]byte, error) {
	command := t.command(ctx, args...)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = io.Writer(&stdout), io.Writer(&stderr)
	if t.Log != nil {
		command.Stdout, command.Stderr = io.MultiWriter(&stdout, t.Log), io.MultiWriter(&stderr, t.Log)
	}
	if err := command.Run(); err != nil {
		// What is wrong stands on standard error, a plan beside it on the other.
		return stdout.Bytes(), fmt.Errorf("%w: %s: %w\n%s\n%s", ErrFailed, args[0], err, tail(stdout.String()), tail(stderr.String()))
	}
	return stdout.Bytes(), nil
}

// tail keeps the last lines of a long output.
func tail(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if len(lines) > 60 {
		lines = lines[len(lines)-60:]
	}
	return strings.Join(lines, "\n")
}
