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

const factsProbe = "facts"

// Facts is what a machine says about itself.
type Facts struct {
	// OSID, OSVersion and OSName are ID, VERSION_ID and PRETTY_NAME of os-release(5).
	OSID, OSVersion, OSName   string
	Architecture, Kernel      string
	Virtualisation, MachineID string
	CPUs                      int
	MemoryBytes, SwapBytes    uint64
	Disks                     []Disk
	// ClockOffset is how far the machine's clock is ahead of ours, uncertain
	// by half of a round trip.
	ClockOffset time.Duration
}

// Disk is one mounted file system.
type Disk struct {
	Name, Mount          string
	SizeBytes, FreeBytes uint64
	Rotational           bool
}

// FactsProbe asks for Facts along with an observation.
func FactsProbe() Probe { return Probe{Name: factsProbe, Script: factsScript} }

// Facts reads the answer of FactsProbe.
func (o Observation) Facts() (Facts, error) {
	answer, found := o.Probes[factsProbe]
	if !found {
		return Facts{}, errors.New("the observation holds no facts")
	}
	return parseFacts(answer.Output, o.At)
}

// parseFacts reads the lines of facts.sh; asked is our time when it ran.
func parseFacts(text string, asked time.Time) (Facts, error) {
	var facts Facts
	for line := range strings.Lines(text) {
		fields := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if err := facts.take(fields, asked); err != nil {
			return facts, fmt.Errorf("reading facts: line %q: %w", strings.TrimSpace(line), err)
		}
	}
	if facts.OSID == "" || facts.MemoryBytes == 0 {
		return facts, errors.New("reading facts: the machine did not say what it is")
	}
	return facts, nil
}

func (f *Facts) take(fields []string, asked time.Time) (err error) {
	numbers := map[string]int{"os": 4, "machine": 5, "cpus": 2, "MemTotal:": 2, "SwapTotal:": 2, "clock": 2, "disk": 6}
	if want, known := numbers[fields[0]]; known && len(fields) != want {
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
		f.ClockOffset = time.Unix(0, nanoseconds).Sub(asked)
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
