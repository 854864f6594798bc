// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqlroot

import (
	"errors"
	"fmt"
)

// longTerm are the series that MySQL supports for long, the oldest first. None of
// them can be left out on the way to a later one (the manual's "Upgrade Paths"): their
// servers alone know how the data of the one before are laid out.
var longTerm = []Version{{8, 0, 0}, {8, 4, 0}, {9, 7, 0}}

var (
	// ErrDowngrade says that data would have to go back to an older version.
	ErrDowngrade = errors.New("MySQL does not go back to an older version with the same data")
	// ErrSkips says that a series would be left out.
	ErrSkips = errors.New("MySQL does not leave out a long-term series")
)

// sameSeries says whether both have the same two first numbers.
func (v Version) sameSeries(other Version) bool {
	return v.Major == other.Major && v.Minor == other.Minor
}

// UpgradesTo refuses a version that a server of this one cannot be brought to in one
// step with its data. The same one is no step at all.
func (v Version) UpgradesTo(to Version) error {
	if to.compare(v) < 0 {
		return fmt.Errorf("%w: it is %s now, and %s is older. Declare %[2]s or a later one", ErrDowngrade, v, to)
	}
	for _, step := range longTerm {
		if step.compare(v) > 0 && !step.sameSeries(v) && step.compare(to) < 0 && !step.sameSeries(to) {
			return fmt.Errorf("%w: it is %s now, so it goes to a version %d.%d first, and in another apply to %s", ErrSkips, v, step.Major, step.Minor, to)
		}
	}
	return nil
}

// IsVersion refuses what is not three numbers with dots of a version that Atoll knows.
func IsVersion(text string) error {
	version := ParseVersion(text)
	if version.String() != text {
		return errors.New("must be a whole version of MySQL, its three numbers as in 9.7.4 and nothing of the package's own version")
	}
	if err := version.Supported(); err != nil {
		return fmt.Errorf("cannot be had: %w", err)
	}
	return nil
}
