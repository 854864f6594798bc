// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Survey is what has to be known of a machine before its settings can be made.
type Survey struct {
	// MemoryBytes is what the machine has, or the limit of its container.
	MemoryBytes uint64
	// DiskFreeBytes is the room where the datadir is or will be.
	DiskFreeBytes uint64
	// Installed and Candidate are versions of the package; Candidate is not
	// known while the machine has no package lists.
	Installed, Candidate Version
	// Lists says whether the machine has package lists.
	Lists bool
	// HasData says whether a datadir stands there.
	HasData bool
	// MariaDB names an installed package of it, or is "".
	MariaDB string
}

const surveyScript = `package=%s data=%s
echo "memory $(%s)"
at=$data; while [ ! -d "$at" ]; do at=$(dirname "$at"); done
echo "free $(df -kP "$at" | awk 'NR == 2 {print $4 * 1024}')"
[ -d "$data/mysql" ] && echo data
dpkg-query -W -f 'installed ${db:Status-Abbrev} ${Version}\n' "$package" 2>/dev/null
dpkg-query -W -f 'other ${db:Status-Abbrev} ${Package}\n' 'mariadb-server*' 2>/dev/null
if ls /var/lib/apt/lists/*_Packages* >/dev/null 2>&1; then echo lists; apt-cache policy "$package" | sed -n 's/^  Candidate: /candidate /p'; fi
:`

// Look surveys a machine: one round trip, nothing is changed.
func (c Config) Look(ctx context.Context, host remote.Host) (Survey, error) {
	result, err := host.Run(ctx, remote.Command{
		Name: "surveying the machine for MySQL", Reads: true,
		Script: fmt.Sprintf(surveyScript, remote.Quote(c.packageName()), dataDirectory, memoryScript),
	})
	if err != nil {
		return Survey{}, err
	}
	return parseSurvey(string(result.Stdout)), nil
}

func parseSurvey(text string) Survey {
	var s Survey
	for line := range strings.Lines(text) {
		fields := append(strings.Fields(line), "", "", "")
		number, _ := strconv.ParseUint(fields[1], 10, 64)
		switch fields[0] {
		case "memory":
			s.MemoryBytes = number
		case "free":
			s.DiskFreeBytes = number
		case "data":
			s.HasData = true
		case "installed":
			if strings.HasPrefix(fields[1], "ii") || strings.HasPrefix(fields[1], "hi") {
				s.Installed = ParseVersion(fields[2])
			}
		case "other":
			if strings.HasPrefix(fields[1], "i") {
				s.MariaDB = fields[2]
			}
		case "lists":
			s.Lists = true
		case "candidate":
			s.Candidate = ParseVersion(fields[1])
		}
	}
	return s
}

// Check says what stands against a server on the machine, all of it at once.
func (c Config) Check(s Survey) []error {
	problems := c.CheckMachine(s)
	version := s.Installed
	if !version.Known() {
		version = s.Candidate
	}
	switch {
	case s.MariaDB != "":
		problems = append(problems, fmt.Errorf("package %s is installed on the machine: %s", s.MariaDB, noMariaDB))
	case version.Known():
		if err := version.Supported(); err != nil {
			problems = append(problems, fmt.Errorf("package %s: %w", c.packageName(), err))
		}
	case s.Lists:
		problems = append(problems, fmt.Errorf("package %s is in none of the machine's package sources: configure one that has MySQL (Debian unstable, Ubuntu, or MySQL's own), or name another in the package attribute", c.packageName()))
	}
	return problems
}
