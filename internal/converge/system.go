// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package converge

import (
	"cmp"
	"fmt"
)

// System is what the engine has to know of a machine.
type System struct {
	// Name is PRETTY_NAME of os-release(5).
	Name         string
	Systemd, Apt bool
}

func (s System) String() string { return cmp.Or(s.Name, "an unknown system") }

// UnsupportedError says that a manifest cannot be had on a machine.
type UnsupportedError struct{ Reason string }

func (e *UnsupportedError) Error() string { return e.Reason }

// supported refuses what the engine does not know.
func (s System) supported() error {
	if s.Systemd {
		return nil
	}
	return &UnsupportedError{fmt.Sprintf("the machine runs %s without systemd; Atoll needs Debian 12 or later, or Ubuntu 22.04 or later, booted by systemd", s)}
}

func readSystem(words []string) (System, error) {
	if len(words) != 3 || words[1] != "systemd" && words[1] != "-" || words[2] != "apt" && words[2] != "-" {
		return System{}, errNotWhole
	}
	name, err := decodeText(words[0])
	return System{name, words[1] == "systemd", words[2] == "apt"}, err
}
