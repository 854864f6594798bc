// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package converge

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"
)

//go:embed apt.sh
var aptScript string

// UnsupportedError says that a manifest cannot be had on a machine.
type UnsupportedError struct{ Reason string }

func (e *UnsupportedError) Error() string { return e.Reason }

// supported refuses what the engine does not know, and packages that must not
// stand beside a wanted one. Another family of distributions joins here and in
// installStep.
func supported(m Manifest, o Observation) error {
	name := o.OSName
	if name == "" {
		name = "an unknown system"
	}
	if !o.Systemd {
		return &UnsupportedError{fmt.Sprintf("the machine runs %s without systemd; Atoll needs Debian 12 or later, or Ubuntu 22.04 or later, booted by systemd", name)}
	}
	if len(m.Packages) > 0 && !o.Apt {
		return &UnsupportedError{fmt.Sprintf("the machine runs %s, which has no apt; Atoll installs packages on Debian and Ubuntu only", name)}
	}
	for _, wanted := range m.Packages {
		for _, refused := range slices.Sorted(maps.Keys(wanted.Refuse)) {
			if strings.HasPrefix(o.Packages[refused].Status, "i") {
				return &UnsupportedError{fmt.Sprintf("package %s is installed beside %s: %s", refused, wanted.Name, wanted.Refuse[refused])}
			}
		}
	}
	return nil
}

// installStep installs all missing packages in one go.
func installStep(names []string) Step {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = quote(name)
	}
	list := strings.Join(names, ", ")
	return Step{Title: "install " + list, Effect: Effect{EffectInstall, list}, Script: "set -- " + strings.Join(quoted, " ") + "\n" + aptScript}
}
