// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqlrouter

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
)

// Running is which routers a machine has, as whoever looks at it sees them.
type Running struct {
	// Version is "" while Router is not installed.
	Version string
	// Active says of each router's unit whether it runs.
	Active map[string]bool
}

// Stopped are the units that do not run, sorted.
func (r Running) Stopped() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(r.Active)), func(unit string) bool { return r.Active[unit] })
}

// runningScript looks for what a bootstrap leaves.
var runningScript = `set -e
if command -v mysqlrouter >/dev/null; then version=$(mysqlrouter --version); else version=none; fi
printf '%s\n' "version $version"
for stamp in ` + Config{}.settings() + `/bootstrapped ` + Config{}.settings() + `-*/bootstrapped; do
  [ -f "$stamp" ] || continue
  unit=${stamp#` + Config{}.settings() + `}; unit=mysqlrouter${unit%/bootstrapped}.service
  active=none; [ ! -d /run/systemd/system ] || active=$(systemctl show -p ActiveState --value "$unit")
  printf '%s\n' "unit $unit $active"
done
echo '` + converge.WholeMark + `'`

// RunningQuestion asks for Running.
func RunningQuestion() converge.Question[Running] {
	return converge.Question[Running]{Name: "the routers of the machine", Script: runningScript, Read: readRunning}
}

func readRunning(output string) (Running, error) {
	running := Running{Active: map[string]bool{}}
	rows, err := converge.Whole(output)
	if err != nil {
		return running, err
	}
	asked := false
	for line := range strings.Lines(rows) {
		fields := strings.Fields(line)
		switch {
		case len(fields) >= 2 && fields[0] == "version" && !asked:
			asked = true
			if running.Version = versionPattern.FindString(line); running.Version == "" && fields[1] != "none" {
				return running, fmt.Errorf("no version in %q", strings.TrimSpace(line))
			}
		case len(fields) == 3 && fields[0] == "unit":
			running.Active[fields[1]] = fields[2] == "active"
		default:
			return running, fmt.Errorf("line %q makes no sense", strings.TrimSpace(line))
		}
	}
	if !asked {
		return running, errors.New("nothing is said about version")
	}
	return running, nil
}
