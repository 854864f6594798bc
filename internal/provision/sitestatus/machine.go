// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package sitestatus

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
)

// Machine is what a machine says of itself.
type Machine struct {
	// Now is its clock when it was asked.
	Now    time.Time
	Uptime time.Duration
	// MemoryKiB is what there is, AvailableKiB what could be had without swapping.
	MemoryKiB, AvailableKiB int64
	Disks                   []provision.Disk
	// Failed are units of what Atoll brings that systemd calls failed.
	Failed []string
}

const machineScript = `set -e
echo "now $(date +%s.%N) s"
read -r up idle </proc/uptime
echo "uptime ${up%.*} s"
awk '/^MemTotal:/ {total = $2} /^MemAvailable:/ {free = $2} END {print "memory", total, free, "KiB"}' /proc/meminfo
disks=$(df -kl --output=size,avail,itotal,iavail,target -x tmpfs -x devtmpfs -x squashfs -x efivarfs)
printf '%s\n' "$disks" | awk 'NR > 1 {print "disk", $0}'
failed=$(systemctl list-units --state=failed --plain --no-legend --no-pager 'mysql*' 'tinc@*' 'atoll*')
printf '%s\n' "$failed" | awk 'NF {print "failed", $1}'
echo '` + converge.WholeMark + `'`

// machineQuestion asks for a Machine.
func machineQuestion() converge.Question[Machine] {
	return converge.Question[Machine]{Name: "the machine's clock, memory and disks", Script: machineScript, Read: readMachine}
}

func readMachine(output string) (Machine, error) {
	rows, err := converge.Whole(output)
	if err != nil {
		return Machine{}, err
	}
	var m Machine
	for line := range strings.Lines(rows) {
		if err := m.read(strings.Fields(line)); err != nil {
			return Machine{}, fmt.Errorf("line %q makes no sense: %w", strings.TrimSpace(line), err)
		}
	}
	if m.Now.IsZero() || m.Uptime == 0 || m.MemoryKiB == 0 || len(m.Disks) == 0 {
		return Machine{}, errors.New("the clock, the uptime, the memory or the disks are missing")
	}
	return m, nil
}

// errShape is a row that is not as the script prints it.
var errShape = errors.New("it has another shape")

// read takes over one row.
func (m *Machine) read(words []string) error {
	if len(words) < 2 {
		return errShape
	}
	kind, words := words[0], words[1:]
	switch {
	case kind == "now" && len(words) == 2 && words[1] == "s":
		seconds, fraction, _ := strings.Cut(words[0], ".")
		numbers, err := integers(seconds, fraction)
		if err != nil {
			return err
		}
		m.Now = time.Unix(numbers[0], numbers[1])
	case kind == "uptime" && len(words) == 2 && words[1] == "s":
		numbers, err := integers(words[0])
		if err != nil {
			return err
		}
		// A machine that was booted this very second is up.
		m.Uptime = max(time.Second, time.Duration(numbers[0])*time.Second)
	case kind == "memory" && len(words) == 3 && words[2] == "KiB":
		numbers, err := integers(words[:2]...)
		if err != nil {
			return err
		}
		m.MemoryKiB, m.AvailableKiB = numbers[0], numbers[1]
	case kind == "disk" && len(words) >= 5:
		return m.readDisk(words)
	case kind == "failed" && len(words) == 1:
		m.Failed = append(m.Failed, words[0])
	default:
		return errShape
	}
	return nil
}

func (m *Machine) readDisk(words []string) error {
	for i, word := range words[:4] {
		if word == "-" {
			words[i] = "0" // a file system that does not count its inodes
		}
	}
	numbers, err := integers(words[:4]...)
	if err != nil {
		return err
	}
	mount := strings.Join(words[4:], " ")
	if !strings.HasPrefix(mount, "/") {
		return errShape
	}
	m.Disks = append(m.Disks, provision.Disk{Mount: mount, SizeKiB: numbers[0], FreeKiB: numbers[1], Inodes: numbers[2], FreeInodes: numbers[3]})
	return nil
}

func integers(words ...string) ([]int64, error) {
	numbers := make([]int64, len(words))
	for i, word := range words {
		number, err := strconv.ParseInt(word, 10, 64)
		if err != nil {
			return nil, err
		}
		numbers[i] = number
	}
	return numbers, nil
}
