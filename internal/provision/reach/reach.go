// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package reach asks a machine which others it reaches. What is established says
// nothing of that: a firewall that drops what is new lets go on what is open, and
// nobody sees it until a restart, or until another machine goes. So it is tried
// anew.
package reach

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Reach says which others a machine reached, by their names.
type Reach map[string]bool

// Whole says whether it reached all of them.
func (r Reach) Whole() bool { return !slices.Contains(slices.Collect(maps.Values(r)), false) }

// May says whether another may be reached: it was, or it was not tried.
func (r Reach) May(other string) bool {
	reached, tried := r[other]
	return reached || !tried
}

// Ports finds out which TCP ports a machine reaches, given as "host:port" by name.
// bash has /dev/tcp; timeout bounds a silent drop, and ends with 124 then. The kernel
// asks twice within each try, so a port counts as closed after eight packets that
// nobody answered: at 20 % loss each way that is one time in three thousand. One that
// is refused is not tried again. All of it stays below the ten seconds that a
// question may take which is asked ahead.
func Ports(name string, endpoints map[string]string) converge.Question[Reach] {
	others := slices.Sorted(maps.Keys(endpoints))
	arguments := make([]string, len(others))
	for i, other := range others {
		host, port, _ := net.SplitHostPort(endpoints[other]) // what is none is an address that nothing reaches
		arguments[i] = remote.Quote(host) + " " + remote.Quote(port)
	}
	return Tries(name, others, arguments, `for again in 1 2 3 4; do
    code=0
    timeout 2 `+remote.Bash+` 'exec 3<>"/dev/tcp/$0/$1"' "$2" "$3" 2>/dev/null || code=$?
    [ $code = 124 ] || break
  done
  [ $code != 124 ] || code=1`)
}

// Tries asks the same of all others at once, by their names. The script leaves 0 in
// code for yes and 1 for no, and has the arguments of the one it is about from $2 on.
func Tries(name string, others, arguments []string, script string) converge.Question[Reach] {
	var text strings.Builder
	fmt.Fprintf(&text, `try() {
  code=0
  %s
  case $code in 0) echo "$1 yes" ;; 1) echo "$1 no" ;; *) echo "$1 ended with $code" ;; esac
}
`, script)
	for i, argument := range arguments {
		fmt.Fprintf(&text, "try %d %s &\n", i, argument)
	}
	text.WriteString("wait\necho '" + converge.WholeMark + "'")
	return converge.Question[Reach]{Name: name, Script: text.String(), Read: func(output string) (Reach, error) { return readTries(others, output) }}
}

func readTries(others []string, output string) (Reach, error) {
	rows, err := converge.Whole(output)
	if err != nil {
		return nil, err
	}
	reach := Reach{}
	for line := range strings.Lines(rows) {
		number, said, _ := strings.Cut(strings.TrimSpace(line), " ")
		index, err := strconv.Atoi(number)
		if err != nil || index < 0 || index >= len(others) || said != "yes" && said != "no" {
			return nil, fmt.Errorf("line %q makes no sense", strings.TrimSpace(line))
		}
		reach[others[index]] = said == "yes"
	}
	if len(reach) != len(others) {
		return nil, fmt.Errorf("only %d of %d were tried", len(reach), len(others))
	}
	return reach, nil
}
