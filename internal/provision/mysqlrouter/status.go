// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqlrouter

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/innodbcluster"
)

// Status is what stands on the machine.
type Status struct {
	// Version is "" while Router is not installed.
	Version string
	// Identity is the sum that the last bootstrap was made for, "" for one of an
	// older version of this provider; Declared that of all that was declared last.
	// ConfThen and ConfNow are the sums of its configuration then and now. They are
	// "" for what is not there.
	Identity, Declared, ConfThen, ConfNow string
	// Written says that what the bootstrap wrote is kept.
	Written, Keyring bool
	// Knows are the members, as "host:port", by which the router finds the
	// cluster again when it starts. State says that there is a list of them, and
	// that it can be read.
	Knows []string
	State bool
	// Members is what it verifies the members by; "" for nothing.
	Members string
	// Account is the sum of its account as the last bootstrap made it; "" where none is
	// noted.
	Account string
	// Active says whether the router's unit runs.
	Active bool
	// Listening are local addresses with port.
	Listening []string
}

// statusScript prints what a bootstrap left and what listens now, each row once.
func (c Config) statusScript() string {
	return `set -e
content() { # path command…: what the command makes of a file, or none
  file=$1; shift
  # The router's user can lay a pipe there, on which who reads waits for ever.
  if there "$file" && [ -f "$file" ]; then "$@" <"$file"; else echo none; fi
}
if command -v mysqlrouter >/dev/null; then version=$(mysqlrouter --version); else version=none; fi
# A stamp that is there and damaged is that of another bootstrap.
stamp=$(content ` + c.stamp() + ` awk 'NR == 1 && (NF == 2 || NF == 3) {print; whole = 1} END {if (!whole) print "damaged -"}')
conf=$(content ` + c.conf() + ` sha256sum)
written=$(content ` + c.written() + ` wc -c)
# Router does not start with what does not begin as its own do (keyring_file.cc, master_key_file.cc).
begins() { if [ "$(head -c 4 | tr -d '\0')" = "$1" ]; then echo whole; else echo damaged; fi; }
keyring=$(content ` + c.directory() + `/data/keyring begins MRKR)
key=$(content ` + c.directory() + `/mysqlrouter.key begins MRKF)
# The router's user owns the directory: root follows no link of his in there.
state=$(content ` + c.directory() + `/data/state.json true)
if [ -z "$state" ]; then
  state=$(setpriv --reuid=` + user + ` --regid=` + user + ` --clear-groups -- head -c 65536 ` + c.directory() + `/data/state.json)
  state=$(printf %s "$state" | base64 -w0)
fi
members=$(content ` + c.members() + ` base64 -w0)
account=$(content ` + c.account() + ` head -c 64)
if [ -d /run/systemd/system ]; then active=$(systemctl show -p ActiveState --value ` + c.Unit() + `); else active=none; fi
listen=$(ss -ltnH)
printf '%s\n' "version $version" "stamp $stamp" "conf $conf" "written $written" "keyring $keyring $key" "state ${state:-none}" "members ${members:-none}" "account ${account:-none}" "active $active"
printf '%s\n' "$listen" | awk 'NF {print "listen " $4}'
echo '` + converge.WholeMark + `'`
}

// StatusQuestion asks for Status.
func (c Config) StatusQuestion() converge.Question[Status] {
	return converge.Question[Status]{Name: "the router's status", Script: converge.ThereFunction + c.statusScript(), Read: readStatus}
}

// ReadStatus reads the status from an observation of the router's manifest.
func (c Config) ReadStatus(o converge.Observation) (Status, error) {
	return c.StatusQuestion().Answer(o)
}

var versionPattern = regexp.MustCompile(`\d+\.\d+\.\d+`)

func readStatus(output string) (Status, error) {
	var s Status
	rows, err := converge.Whole(output)
	if err != nil {
		return s, err
	}
	seen := map[string]bool{}
	for line := range strings.Lines(rows) {
		fields := strings.Fields(line)
		if len(fields) < 2 || seen[fields[0]] && fields[0] != "listen" {
			return s, fmt.Errorf("line %q makes no sense", strings.TrimSpace(line))
		}
		seen[fields[0]] = true
		if err := s.read(fields, line); err != nil {
			return s, err
		}
	}
	for _, row := range []string{"version", "stamp", "conf", "written", "keyring", "state", "members", "account", "active"} {
		if !seen[row] {
			return s, errors.New("nothing is said about " + row)
		}
	}
	return s, nil
}

// read takes over one row of two words or more.
func (s *Status) read(fields []string, line string) error {
	none := fields[1] == "none"
	switch {
	case fields[0] == "version" && !none:
		s.Version = versionPattern.FindString(line)
		if s.Version == "" {
			return fmt.Errorf("no version in %q", strings.TrimSpace(line))
		}
	case fields[0] == "stamp" && !none && len(fields) == 3:
		s.Declared, s.ConfThen = fields[1], fields[2]
	case fields[0] == "stamp" && !none && len(fields) == 4:
		s.Identity, s.Declared, s.ConfThen = fields[1], fields[2], fields[3]
	case fields[0] == "written":
		s.Written = !none && fields[1] != "0"
	case fields[0] == "conf" && !none && len(fields[1]) == 64:
		s.ConfNow = fields[1]
	case fields[0] == "keyring" && len(fields) == 3 && !slices.ContainsFunc(fields[1:], func(word string) bool { return !slices.Contains([]string{"none", "whole", "damaged"}, word) }):
		s.Keyring = fields[1] == "whole" && fields[2] == "whole"
	case fields[0] == "state" && !none:
		text, err := base64.StdEncoding.DecodeString(fields[1])
		if err != nil {
			return fmt.Errorf("the router's state is %q", strings.TrimSpace(line))
		}
		s.Knows, s.State = readMembers(text)
	case fields[0] == "members" && !none:
		text, err := base64.StdEncoding.DecodeString(fields[1])
		if err != nil {
			return fmt.Errorf("the certificates of the members are %q", strings.TrimSpace(line))
		}
		s.Members = string(text)
	case fields[0] == "account" && innodbcluster.SumForm.MatchString(fields[1]):
		s.Account = fields[1]
	case fields[0] == "active":
		s.Active = fields[1] == "active"
	case fields[0] == "listen":
		s.Listening = append(s.Listening, fields[1])
	case !none:
		return fmt.Errorf("line %q makes no sense", strings.TrimSpace(line))
	}
	return nil
}

// readMembers reads the state that Router keeps: a JSON document with URIs such
// as mysql://10.77.0.11:3306. One that cannot be read is none: Router does not
// start with it.
func readMembers(text []byte) (members []string, whole bool) {
	var state struct {
		Cache struct {
			Servers []string `json:"cluster-metadata-servers"`
		} `json:"metadata-cache"`
	}
	if json.Unmarshal(text, &state) != nil {
		return nil, false
	}
	for _, server := range state.Cache.Servers {
		members = append(members, strings.TrimSuffix(strings.TrimPrefix(server, "mysql://"), "/"))
	}
	return members, len(members) > 0
}
