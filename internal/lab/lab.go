// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package lab makes real test hosts on one machine.
//
// A host is a Debian root booted by systemd-nspawn, with a real systemd, sshd
// and whatever is installed on it, in a network namespace of its own. Hosts are
// joined by a virtual WAN: a TAP device each, and a switch in this package that
// delays, loses, limits, cuts or blocks what goes from one host to another.
// Whatever talks to the hosts runs in the lab's operator namespace; no address
// of the lab is ever routed outside of it. Several labs stand side by side.
//
// A lab is owned by a daemon (Serve). The command in cmd/lab and the tests speak
// to it over its control socket (Client).
package lab

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

// Kinds of machines that a host stands for.
const (
	Physical = "physical"
	VM       = "vm"
	VPS      = "vps"
)

// HostSpec declares one host.
type HostSpec struct {
	Name string `json:"name"`
	// Address is its IPv4 address in the WAN.
	Address string `json:"address"`
	// Kind is physical, vm or vps. It is what the host stands for; the lab
	// boots all of them alike.
	Kind string `json:"kind"`
	// Region decides the default delay between two hosts.
	Region string `json:"region"`
	// Database says whether the example site puts a database on it.
	Database bool `json:"database"`
	// MemoryMiB is what the host says it has; 0 means DefaultMemoryMiB.
	MemoryMiB int `json:"memory_mib,omitempty"`
	// Root is what is on its disk; "" means the lab's own.
	Root RootKind `json:"root,omitempty"`
	// User logs in on a stock host instead of root, by key, and becomes root by
	// sudo with SudoPassword; "" leaves root in.
	User string `json:"user,omitempty"`
	// Cloud is what a hoster's API was asked to put on the host's disk; nil for
	// a host that the lab itself hands over.
	Cloud *Cloud `json:"-"`
}

// Cloud is what a machine from a hoster's API begins with, and nothing else:
// its host key is made at the first boot, by itself or by cloud-init.
type Cloud struct {
	// UserData for cloud-init; nil leaves cloud-init off.
	UserData []byte
	// AuthorizedKeys of root.
	AuthorizedKeys []string
}

// DefaultMemoryMiB is that of a small VPS.
const DefaultMemoryMiB = 2048

// DefaultSite is the site of the story: two machines and two applications in
// Hong Kong, one VPS in Singapore.
func DefaultSite() []HostSpec {
	return []HostSpec{
		{Name: "hk1", Address: "203.0.113.11", Kind: Physical, Region: "hk", Database: true},
		{Name: "hk2", Address: "203.0.113.12", Kind: VM, Region: "hk", Database: true},
		{Name: "sg1", Address: "198.51.100.13", Kind: VPS, Region: "sg", Database: true},
		{Name: "app1", Address: "203.0.113.21", Kind: VPS, Region: "hk"},
		{Name: "app2", Address: "203.0.113.22", Kind: VPS, Region: "hk"},
	}
}

// Operator is the name of the namespace from which the hosts are managed, and
// of its port in the switch.
const Operator = "operator"

const operatorAddress = "192.0.2.10"

// RepositoryHost is the name of the port in the switch where stock hosts find
// the lab's package repository.
const RepositoryHost = "repository"

const repositoryAddress = "192.0.2.20"

// networks are the documentation ranges of RFC 5737 that the lab lives in.
var networks = []string{"203.0.113.0/24", "198.51.100.0/24", "192.0.2.0/24"}

var namePattern = regexp.MustCompile(`^[a-z][a-z0-9-]{0,20}$`)

// Paths of one lab.
type paths struct{ name string }

func checkName(name string) error {
	if !namePattern.MatchString(name) {
		return fmt.Errorf("lab name %q: must be a letter and up to 20 letters, digits and hyphens, all lower case", name)
	}
	return nil
}

const runRoot = "/run/atoll-lab"

// stateRoot holds what outlives a reboot of a host: the disks.
const stateRoot = "/var/lib/atoll-lab"

func (p paths) run() string             { return filepath.Join(runRoot, p.name) }
func (p paths) state() string           { return filepath.Join(stateRoot, p.name) }
func (p paths) socket() string          { return filepath.Join(p.run(), "control.sock") }
func (p paths) inventory() string       { return filepath.Join(p.run(), "inventory.json") }
func (p paths) record() string          { return filepath.Join(p.run(), "record.json") }
func (p paths) key() string             { return filepath.Join(p.run(), "id_ed25519") }
func (p paths) disk(h string) string    { return filepath.Join(p.state(), "disks", h) }
func (p paths) console(h string) string { return filepath.Join(p.run(), h+".console") }

// namespace is the network namespace of a host or of the operator.
func (p paths) namespace(h string) string { return "atoll-" + p.name + "-" + h }

// machine is the name that systemd-nspawn gives to a host.
func (p paths) machine(h string) string { return "atoll-" + p.name + "-" + h }

// cacheRoot holds the prepared roots; shared by all labs.
func cacheRoot() string {
	if chosen := os.Getenv("ATOLL_LAB_CACHE"); chosen != "" {
		return chosen
	}
	return "/var/cache/atoll-lab"
}
