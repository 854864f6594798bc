// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package converge

import (
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

//go:embed facts.sh
var factsScript string

// Facts is what a machine says about itself.
type Facts struct {
	// OSID, OSVersion and OSName are ID, VERSION_ID and PRETTY_NAME of os-release(5).
	OSID, OSVersion, OSName   string
	Architecture, Kernel      string
	Virtualisation, MachineID string
	CPUs                      int
	MemoryBytes, SwapBytes    uint64
	Disks                     []Disk
	// Clock is the machine's, when it was asked: by our own time that was
	// Observation.At, uncertain by half of a round trip.
	Clock time.Time
}

// Disk is one mounted file system.
type Disk struct {
	Name, Mount          string
	SizeBytes, FreeBytes uint64
	Rotational           bool
}

// MachineFacts asks for Facts.
func MachineFacts() Question[Facts] {
	return Question[Facts]{Name: "the machine's facts", Script: factsScript, Read: readFacts}
}

// factFields are the rows of facts.sh by how many fields they have. Each is
// there once, but for disks.
var factFields = map[string]int{"os": 4, "machine": 5, "cpus": 2, "MemTotal:": 2, "SwapTotal:": 2, "clock": 2, "disk": 6}

func readFacts(output string) (Facts, error) {
	var facts Facts
	rows, err := Whole(output)
	if err != nil {
		return facts, err
	}
	seen := map[string]bool{"disk": true}
	for line := range strings.Lines(rows) {
		fields := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if err := facts.read(fields); err != nil {
			return facts, fmt.Errorf("line %q: %w", strings.TrimSpace(line), err)
		}
		seen[fields[0]] = true
	}
	if len(seen) != len(factFields) || facts.OSID == "" || facts.MemoryBytes == 0 {
		return facts, errNotWhole
	}
	return facts, nil
}

func (f *Facts) read(fields []string) (err error) {
	want, known := factFields[fields[0]]
	if !known || len(fields) != want {
		return fmt.Errorf("has %d fields, want %d", len(fields), want)
	}
	switch fields[0] {
	case "os":
		f.OSID, f.OSVersion, f.OSName = fields[1], fields[2], fields[3]
	case "machine":
		f.Architecture, f.Kernel, f.Virtualisation, f.MachineID = fields[1], fields[2], fields[3], fields[4]
	case "cpus":
		f.CPUs, err = strconv.Atoi(fields[1])
	case "MemTotal:":
		f.MemoryBytes, err = kibibytes(fields[1])
	case "SwapTotal:":
		f.SwapBytes, err = kibibytes(fields[1])
	case "clock":
		var nanoseconds int64
		nanoseconds, err = strconv.ParseInt(fields[1], 10, 64)
		f.Clock = time.Unix(0, nanoseconds)
	case "disk":
		disk := Disk{Name: fields[1], Mount: fields[2], Rotational: fields[5] == "1"}
		var size, free error
		disk.SizeBytes, size = kibibytes(fields[3])
		disk.FreeBytes, free = kibibytes(fields[4])
		err = errors.Join(size, free)
		f.Disks = append(f.Disks, disk)
	}
	return err
}

func kibibytes(text string) (uint64, error) {
	number, err := strconv.ParseUint(text, 10, 64)
	return number << 10, err
}
