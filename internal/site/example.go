// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package site

import (
	"context"
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

// Nodes is the variable of examples/site for the hosts of a lab.
func Nodes(inventory lab.Inventory) map[string]any {
	nodes := map[string]any{}
	for _, host := range inventory.Hosts {
		nodes[host.Name] = map[string]any{
			"host": host.Address, "host_key": host.HostKey, "mesh": MeshAddress(host.HostSpec), "database": host.Database,
		}
	}
	return nodes
}

// Linode is the variable of examples/site for a host that is to be made at
// Linode: small, in Singapore.
func Linode(host lab.HostSpec) map[string]any {
	return map[string]any{"region": "ap-south", "type": "g6-standard-1", "mesh": MeshAddress(host), "database": true}
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

// Example prepares dir with the files of examples/site and the hosts of a lab,
// to be run against the provider that was built into bin/.
func Example(dir string, inventory lab.Inventory) (*Terraform, error) {
	terraform, err := Copy("site", dir, inventory)
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
	files, err := filepath.Glob(filepath.Join(root, "examples", example, "*.tf"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("reading example %s: %d files: %w", example, len(files), err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("reading example %s: %w", example, err)
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(file)), content, 0o600); err != nil {
			return nil, fmt.Errorf("copying example %s: %w", example, err)
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
	return terraform, nil
}
