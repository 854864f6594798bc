// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package base

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// ParseMachine reads the machine part of an import id: "[user@]host[:port]",
// and after a space the host key, in the order of a known_hosts line:
//
//	203.0.113.11 ssh-ed25519 AAAA…
//	admin@host.example:2222 ssh-ed25519 AAAA…
func ParseMachine(id string) (remote.Target, error) {
	machine, hostKey, _ := strings.Cut(strings.TrimSpace(id), " ")
	target := remote.Target{HostKey: strings.TrimSpace(hostKey)}
	if user, rest, found := strings.Cut(machine, "@"); found {
		if user == "" {
			return target, fmt.Errorf("%q: the user before @ is empty", id)
		}
		target.User, machine = user, rest
	}
	target.Host = machine
	if host, port, err := net.SplitHostPort(machine); err == nil {
		number, err := strconv.Atoi(port)
		if err != nil || number < 1 || number > 65535 {
			return target, fmt.Errorf("%q: port %q is not a number from 1 to 65535", id, port)
		}
		target.Host, target.Port = host, number
	}
	if target.Host == "" {
		return target, fmt.Errorf("%q: the host is empty; the form is \"[user@]host[:port] HOST-KEY\"", id)
	}
	return target, nil
}

// ParseNode reads an import id "name MACHINE", for resources that have a name
// on a machine: the form of MACHINE is ParseMachine's.
func ParseNode(id string) (name string, target remote.Target, err error) {
	name, machine, found := strings.Cut(strings.TrimSpace(id), " ")
	if !found || name == "" {
		return "", target, fmt.Errorf("%q: the form is \"NAME [user@]host[:port] HOST-KEY\"", id)
	}
	target, err = ParseMachine(machine)
	return name, target, err
}
