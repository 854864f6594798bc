// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package converge

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"unicode"
	"unicode/utf8"
)

// ErrHostile says that a text cannot be written where it is to go: what reads it
// there would take part of it for something else. Whoever declares is told
// before; this is for what comes in by another door, such as an old state.
var ErrHostile = errors.New("it cannot be written")

// OneLine refuses a text that is not one line of printable characters: for
// files of lines, and for everything that a person reads.
func OneLine(what, text string) error {
	for _, r := range text {
		if unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp) || r == utf8.RuneError {
			return fmt.Errorf("%s holds a line break or another control character: %w", what, ErrHostile)
		}
	}
	return nil
}

// Formed refuses a text that has not the form that it must have, for what has no
// way to quote: names in units, scripts and configuration files.
func Formed(what, text string, form *regexp.Regexp) error {
	if !form.MatchString(text) {
		return fmt.Errorf("%s has not the form %s: %w", what, form, ErrHostile)
	}
	return nil
}

// Addressed refuses a text that is not an IP address without a zone.
func Addressed(what, text string) error {
	if address, err := netip.ParseAddr(text); err != nil || address.Zone() != "" {
		return fmt.Errorf("%s is no IP address: %w", what, ErrHostile)
	}
	return nil
}

// PackageForm is that of a package's name, with its architecture where there is
// one (Debian Policy 5.6.7).
var PackageForm = regexp.MustCompile(`\A[a-z0-9][a-z0-9+.:-]{1,253}\z`)

// UnitForm is that of a systemd unit's name (systemd.unit(5)), of which none
// with a specifier is taken.
var UnitForm = regexp.MustCompile(`\A[A-Za-z0-9:_.\\@-]{1,255}\z`)
