// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package lab

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// Inventory is what a lab tells about itself to whoever talks to its hosts.
type Inventory struct {
	Lab string `json:"lab"`
	// Namespace is the operator's: what talks to the hosts runs in it.
	Namespace string `json:"namespace"`
	// Key is the path of the private key that root of every host accepts, or
	// the user that a host has instead.
	Key   string          `json:"key"`
	Hosts []InventoryHost `json:"hosts"`
	// Linode is the API of the hoster that the lab emulates.
	Linode LinodeAPI `json:"linode"`
	// SudoPassword is that of every user whose sudo asks for one.
	SudoPassword string `json:"sudo_password"`
	// Repository has what stock hosts lack; nil where there is no such host.
	Repository *Repository `json:"repository,omitempty"`
}

// sudoPassword is known to everybody who reads this, as are the hosts' keys.
const sudoPassword = "atoll-lab"

// InventoryHost is one host, as a hoster's mail would describe it.
type InventoryHost struct {
	HostSpec
	// HostKey is the public SSH host key, in authorized_keys form.
	HostKey string `json:"host_key"`
}

func (d *Daemon) writeInventory() error {
	inventory := Inventory{Lab: d.config.Name, Namespace: d.paths.namespace(Operator), Key: d.paths.key(), Linode: linodeAPI, SudoPassword: sudoPassword, Repository: d.repository}
	d.mu.Lock()
	for _, spec := range d.config.Hosts {
		if known := d.machines[spec.Name]; known != nil {
			inventory.Hosts = append(inventory.Hosts, InventoryHost{known.spec, known.hostKey})
		}
	}
	d.mu.Unlock()
	return writeJSON(d.paths.inventory(), inventory)
}

// Present is a host as it is now, also one that was made at the lab's Linode.
type Present struct {
	InventoryHost
	// On is false while the plug is pulled.
	On bool `json:"on"`
}

// present lists all hosts by name, with the host keys that their sshds show: one
// that was made at Linode may have made itself another.
func (d *Daemon) present() []Present {
	d.mu.Lock()
	machines := slices.Collect(maps.Values(d.machines))
	d.mu.Unlock()
	var all []Present
	for _, known := range machines {
		host := Present{InventoryHost: InventoryHost{known.spec, known.hostKey}}
		if path, err := known.inside("/etc/ssh/ssh_host_ed25519_key.pub"); err == nil {
			host.On = true
			if key, err := os.ReadFile(path); err == nil {
				host.HostKey = strings.TrimSpace(string(key))
			}
		}
		all = append(all, host)
	}
	slices.SortFunc(all, func(a, b Present) int { return strings.Compare(a.Name, b.Name) })
	return all
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
