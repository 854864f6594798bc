// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package site

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/lab"
)

// Root finds the repository above the working directory.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the repository: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "examples", "site")); err == nil {
			return dir, nil
		}
		above := filepath.Dir(dir)
		if above == dir {
			return "", fmt.Errorf("finding the repository: no examples/site above %s", dir)
		}
		dir = above
	}
}

// MeshAddress is the address inside the mesh that the example gives a host: the
// last number of its own.
func MeshAddress(host lab.HostSpec) string {
	return "10.77.0." + host.Address[strings.LastIndexByte(host.Address, '.')+1:]
}

// Nodes is the variable of testdata/site for the hosts of a lab.
func Nodes(inventory lab.Inventory) map[string]any {
	nodes := map[string]any{}
	for _, host := range inventory.Hosts {
		nodes[host.Name] = map[string]any{
			"host": host.Address, "host_key": host.HostKey, "mesh": MeshAddress(host.HostSpec), "database": host.Database,
		}
	}
	return nodes
}

// AddLinode enters a host that was made at the lab's Linode into the client's
// inventory, as the state knows it.
func AddLinode(ctx context.Context, terraform *Terraform, client *lab.Client, name string) error {
	var made struct {
		IPv4    string `json:"ipv4"`
		HostKey string `json:"host_key"`
	}
	if err := terraform.Attributes(ctx, fmt.Sprintf("atoll_linode.node[%q]", name), &made); err != nil {
		return err
	}
	client.Inventory.Hosts = slices.DeleteFunc(client.Inventory.Hosts, func(host lab.InventoryHost) bool { return host.Name == name })
	client.Inventory.Hosts = append(client.Inventory.Hosts, lab.InventoryHost{
		HostSpec: lab.HostSpec{Name: name, Address: made.IPv4, Kind: lab.VPS, Region: "sg", Database: true}, HostKey: made.HostKey,
	})
	return nil
}

// Example prepares dir with testdata/site and the hosts of a lab, to be run
// against the provider that was built into bin/. It is the whole site, resource
// by resource, as users wrote it before there were modules: what they have must
// plan empty with every later provider, so that form stays as it is.
func Example(dir string, inventory lab.Inventory) (*Terraform, error) {
	root, err := Root()
	if err != nil {
		return nil, err
	}
	terraform, err := prepare(root, filepath.Join(root, "internal", "site", "testdata", "site"), dir, inventory)
	if err != nil {
		return nil, err
	}
	return terraform, terraform.Variables(map[string]any{"nodes": Nodes(inventory), "ssh_key_file": inventory.Key})
}

// Copy prepares dir with the files of one of the examples, at the Linode of a
// lab. Its variables are the caller's to set.
func Copy(example, dir string, inventory lab.Inventory) (*Terraform, error) {
	root, err := Root()
	if err != nil {
		return nil, err
	}
	return prepare(root, filepath.Join(root, "examples", example), dir, inventory)
}

// prepare copies a configuration, and the modules that lie beside the examples
// with it: they are one directory nearer there.
func prepare(root, source, dir string, inventory lab.Inventory) (*Terraform, error) {
	files, err := filepath.Glob(filepath.Join(source, "*.tf"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("reading %s: %d files: %w", source, len(files), err)
	}
	hasModules := false
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", source, err)
		}
		hasModules = hasModules || bytes.Contains(content, []byte(`"../modules/`))
		content = bytes.ReplaceAll(content, []byte(`"../modules/`), []byte(`"./modules/`))
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(file)), content, 0o600); err != nil {
			return nil, fmt.Errorf("copying %s: %w", source, err)
		}
	}
	program, err := Find(root)
	if err != nil {
		return nil, err
	}
	terraform, err := New(program, dir, filepath.Join(root, "bin"))
	if err != nil {
		return nil, err
	}
	terraform.Env = append(terraform.Env, "LINODE_URL="+inventory.Linode.URL, "LINODE_TOKEN="+inventory.Linode.Token)
	if hasModules {
		modules := filepath.Join(dir, "modules")
		if err := errors.Join(os.RemoveAll(modules), os.CopyFS(modules, os.DirFS(filepath.Join(root, "examples", "modules")))); err != nil {
			return nil, fmt.Errorf("copying the modules: %w", err)
		}
		err = terraform.Modules(context.Background())
	}
	return terraform, err
}
