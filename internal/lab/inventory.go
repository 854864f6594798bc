// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package lab

import (
	"encoding/json"
	"fmt"
	"os"
)

// Inventory is what a lab tells about itself to whoever talks to its hosts.
type Inventory struct {
	Lab string `json:"lab"`
	// Namespace is the operator's: what talks to the hosts runs in it.
	Namespace string `json:"namespace"`
	// Key is the path of the private key that root of every host accepts.
	Key   string          `json:"key"`
	Hosts []InventoryHost `json:"hosts"`
	// Linode is the API of the hoster that the lab emulates.
	Linode LinodeAPI `json:"linode"`
}

// InventoryHost is one host, as a hoster's mail would describe it.
type InventoryHost struct {
	HostSpec
	// HostKey is the public SSH host key, in authorized_keys form.
	HostKey string `json:"host_key"`
}

func (d *Daemon) writeInventory() error {
	inventory := Inventory{Lab: d.config.Name, Namespace: d.paths.namespace(Operator), Key: d.paths.key(), Linode: linodeAPI}
	d.mu.Lock()
	for _, spec := range d.config.Hosts {
		if known := d.machines[spec.Name]; known != nil {
			inventory.Hosts = append(inventory.Hosts, InventoryHost{known.spec, known.hostKey})
		}
	}
	d.mu.Unlock()
	return writeJSON(d.paths.inventory(), inventory)
}

// ReadInventory reads the inventory of a running lab.
func ReadInventory(path string) (Inventory, error) {
	var inventory Inventory
	content, err := os.ReadFile(path)
	if err != nil {
		return inventory, fmt.Errorf("reading the lab's inventory: %w", err)
	}
	if err := json.Unmarshal(content, &inventory); err != nil {
		return inventory, fmt.Errorf("reading the lab's inventory %s: %w", path, err)
	}
	return inventory, nil
}

// InventoryPath is where the inventory of a lab lies.
func InventoryPath(name string) string { return paths{name}.inventory() }

// Host finds a host by name.
func (i Inventory) Host(name string) (InventoryHost, error) {
	for _, host := range i.Hosts {
		if host.Name == name {
			return host, nil
		}
	}
	return InventoryHost{}, fmt.Errorf("there is no host %q in lab %s", name, i.Lab)
}
