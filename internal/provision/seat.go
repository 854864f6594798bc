// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package provision

import (
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Seat is who listens on the ports of a unit.
type Seat struct {
	// Blind: the machine lacks the program that tells.
	Blind   bool
	Holders []Holder
}

// Holder is one that listens.
type Holder struct {
	// Protocol is tcp or udp; Address is local, an IP address, or * for all.
	Protocol, Address string
	Port              int64
	// Who is a process, as "sshd, pid 417"; Ours says that it is the unit's own.
	Who  string
	Ours bool
}

// SeatQuestion asks for the unit's own process, and for all that listen on the ports.
func SeatQuestion(name, unit string, ports ...int64) converge.Question[Seat] {
	var filter []string
	for _, port := range ports {
		filter = append(filter, fmt.Sprintf("sport = :%d", port))
	}
	return converge.Question[Seat]{
		Name: name,
		Script: fmt.Sprintf(`said=$(systemctl show -p MainPID -- %s) || exit
printf '%%s\n' "$said" | sed -n 's/^MainPID=/main /p'
if command -v ss >/dev/null; then
  said=$(ss -Hlntup %s) || exit
  printf '%%s\n' "$said" | sed -n 's/^./held &/p'
else echo blind; fi
echo '%s'`, remote.Quote(unit), remote.Quote(strings.Join(filter, " or ")), converge.WholeMark),
		Read: readSeat,
	}
}

// user is a process in a row of ss.
var user = regexp.MustCompile(`\("([^"]*)",pid=(\d+),fd=\d+\)`)

func readSeat(output string) (Seat, error) {
	rows, err := converge.Whole(output)
	if err != nil {
		return Seat{}, err
	}
	var read Seat
	main := ""
	for line := range strings.Lines(rows) {
		line = strings.TrimSpace(line)
		pid, isMain := strings.CutPrefix(line, "main ")
		held, isHeld := strings.CutPrefix(line, "held ")
		switch {
		case isMain:
			if _, err := strconv.Atoi(pid); err != nil {
				return Seat{}, fmt.Errorf("line %q makes no sense", line)
			}
			main = pid
		case isHeld:
			holder, err := readHolder(held, main)
			if err != nil {
				return Seat{}, err
			}
			read.Holders = append(read.Holders, holder)
		case line == "blind":
			read.Blind = true
		default:
			return Seat{}, fmt.Errorf("line %q makes no sense", line)
		}
	}
	return read, nil
}

// readHolder reads a row of ss; main is the process of the unit.
func readHolder(row, main string) (Holder, error) {
	fields := strings.Fields(row)
	if len(fields) < 6 {
		return Holder{}, fmt.Errorf("row %q makes no sense", row)
	}
	address, service, err := net.SplitHostPort(fields[4])
	if err != nil {
		return Holder{}, fmt.Errorf("row %q makes no sense: %w", row, err)
	}
	port, err := strconv.ParseInt(service, 10, 64)
	if err != nil {
		return Holder{}, fmt.Errorf("row %q makes no sense: %w", row, err)
	}
	address, _, _ = strings.Cut(address, "%") // an interface's name
	holder := Holder{Protocol: fields[0], Address: address, Port: port, Who: "the kernel"}
	users := user.FindAllStringSubmatch(row, -1)
	switch {
	case slices.ContainsFunc(users, func(one []string) bool { return one[2] == main }):
		holder.Ours = true
	case len(users) > 0:
		holder.Who = users[0][1] + ", pid " + users[0][2]
	}
	return holder, nil
}

// Others names those that are not the unit's own, each once.
func (s Seat) Others() []string {
	var others []string
	for _, holder := range s.Holders {
		if !holder.Ours {
			others = append(others, holder.Who)
		}
	}
	slices.Sort(others)
	return slices.Compact(others)
}

// Ours says whether the unit itself listens.
func (s Seat) Ours() bool {
	return slices.ContainsFunc(s.Holders, func(holder Holder) bool { return holder.Ours })
}
