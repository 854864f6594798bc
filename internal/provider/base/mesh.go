// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package base

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/tinc"
)

// MeshUnit is the unit that brings a mesh up, for what has to start after it;
// "" without a mesh.
func MeshUnit(mesh string) string {
	if mesh == "" {
		return ""
	}
	return tinc.Unit(mesh)
}

var (
	// netPattern: the name becomes a directory, a unit instance and an interface.
	netPattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,14}$`)
	// interfacePattern finds names that a machine's own interfaces have: those of
	// the kernel and udev (systemd.net-naming-scheme(7)), of containers, virtual
	// machines and other tunnels.
	interfacePattern = regexp.MustCompile(`^(lo|(eth|wlan|wwan|usb|tun|tap|wg|ppp|bond|team|dummy|vlan|veth|vnet|virbr|br|docker|lxcbr|lxdbr|cni|ifb|sit|gre|ip6tnl)[0-9]+|(en|wl|ww|ib|sl)(o|s|p|x|b|c|a|P|v)[0-9].*|(veth|cali|flannel|vmbr)[0-9a-f]+)$`)
)

// CheckMesh says what is wrong with the name of a mesh.
func CheckMesh(name string) error {
	switch {
	case !netPattern.MatchString(name):
		return errors.New("must start with a letter and have at most 15 letters, digits and underscores: it also names the network interface")
	case interfacePattern.MatchString(name):
		return fmt.Errorf("must not be the name of an interface that a machine may have already: the mesh gets one of its own, called %s", name)
	}
	return nil
}

// MeshName asks for the name of a mesh.
func MeshName() Text { return Text{Must: "be the name of a mesh", Check: CheckMesh} }
