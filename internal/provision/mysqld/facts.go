// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/preflight"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Facts is what has to be known of a machine before its settings can be made.
type Facts struct {
	// MemoryBytes is what the machine has, or the limit of its container.
	MemoryBytes uint64
	// DiskFreeBytes is the room where the datadir is or will be.
	DiskFreeBytes uint64
	// Installed and Candidate are versions of the package; Candidate is not
	// known while the machine has no package lists.
	Installed, Candidate Version
	// Lists says whether the machine has package lists, Fresh whether apt is believed
	// without asking its sources again.
	Lists, Fresh bool
	// Offered are the package's versions in its sources, as apt names them, the newest
	// first.
	Offered []string
	// HasData says whether a datadir stands there, HasSchemas whether it has any
	// of a user's, Ours whether Atoll's record of the server does: schemas without
	// it are somebody's that are to be adopted.
	HasData, HasSchemas, Ours bool
	// found is what such data hold.
	found preflight.Facts
	// MariaDB names an installed package of it, or is "".
	MariaDB string
}

const factsScript = `package=%s data=%s
echo "memory $(%s)"
at=$data; while [ ! -d "$at" ]; do at=$(dirname "$at"); done
free=$(df -kP "$at") || exit 1
echo "free $(printf '%%s\n' "$free" | awk 'NR == 2 {printf "%%.0f", $4 * 1024}') bytes"
[ -d "$data/mysql" ] && echo data
for at in "$data"/*/; do
  case $at in "$data"/mysql/|"$data"/sys/|"$data"/performance_schema/|"$data"/\#*) ;; *) [ -d "$at" ] && echo schemas && break ;; esac
done
[ -e %s ] && echo ours
# dpkg-query ends with 1 where nothing is known by the name.
dpkg-query -W -f 'installed ${db:Status-Abbrev} ${Version}\n' "$package" 2>/dev/null || [ $? = 1 ] || exit 1
dpkg-query -W -f 'other ${db:Status-Abbrev} ${Package}\n' 'mariadb-server*' 2>/dev/null || [ $? = 1 ] || exit 1
if ls /var/lib/apt/lists/*_Packages* >/dev/null 2>&1; then
  policy=$(LC_ALL=C apt-cache policy "$package") || exit 1
  echo lists; printf '%%s\n' "$policy" | sed -n 's/^  Candidate: /candidate /p'
  LC_ALL=C apt-cache madison "$package" 2>/dev/null | sed -n 's/^[^|]*| *\([^ |]*\) *|.*Packages$/offered \1/p'
  [ -z "$(find /var/lib/apt/lists -maxdepth 1 -type f -name '*_Packages*' -mmin -360 | head -n 1)" ] || echo fresh
fi
echo end`

// AskFacts asks a machine: one round trip, or two where there are data to adopt.
// Nothing is changed.
func (c Config) AskFacts(ctx context.Context, host remote.Host) (Facts, error) {
	facts, err := converge.Ask(ctx, host, c.factsQuestion())
	if err == nil && facts.adopts() {
		facts.found, err = converge.Ask(ctx, host, preflight.Question())
	}
	return facts, err
}

// adopts says whether the server would begin with data that are not ours.
func (s Facts) adopts() bool { return s.HasSchemas && !s.Ours && s.Installed.Known() }

func (c Config) factsQuestion() converge.Question[Facts] {
	return converge.Question[Facts]{Name: "what MySQL needs to know of the machine", Read: readFacts,
		Script: fmt.Sprintf(factsScript, remote.Quote(c.packageName()), dataDirectory, mysqlroot.MemoryScript, remote.Quote(converge.RecordPath(Owner)))}
}

// readFacts reads what factsScript prints: memory and free room always, the
// rest where it is there, and the mark that all came.
func readFacts(text string) (Facts, error) {
	var s Facts
	ended := false
	for line := range strings.Lines(text) {
		kind, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		fields := append(strings.Fields(rest), "", "")
		var err error
		switch kind {
		case "memory":
			s.MemoryBytes, err = readMemory(rest)
		case "free":
			s.DiskFreeBytes, err = strconv.ParseUint(strings.TrimSuffix(rest, " bytes"), 10, 64)
		case "data":
			s.HasData = true
		case "schemas":
			s.HasSchemas = true
		case "ours":
			s.Ours = true
		case "installed":
			if strings.HasPrefix(fields[0], "ii") || strings.HasPrefix(fields[0], "hi") {
				s.Installed = ParseVersion(fields[1])
			}
		case "other":
			if strings.HasPrefix(fields[0], "i") {
				s.MariaDB = fields[1]
			}
		case "lists":
			s.Lists = true
		case "fresh":
			s.Fresh = true
		case "offered":
			s.Offered = append(s.Offered, fields[0])
		case "candidate":
			s.Candidate = ParseVersion(fields[0])
		case "end":
			ended = true
		default:
			err = fmt.Errorf("the line %.80q is not known", line)
		}
		if err != nil {
			return Facts{}, err
		}
	}
	if !ended || s.MemoryBytes == 0 {
		return Facts{}, errors.New("the answer is not whole")
	}
	return s, nil
}

// Check says what stands against a server on the machine, all of it at once.
func (c Config) Check(s Facts) []error {
	problems := c.CheckMachine(s)
	if err := unfit(s.found); err != nil {
		problems = append(problems, err)
	}
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
		problems = append(problems, fmt.Errorf("package %s is in none of the machine's package sources: declare one that has MySQL in apt_sources of its atoll_host (MySQL's own, with package = \"mysql-community-server\"), or name another in the package attribute", c.packageName()))
	}
	return problems
}
