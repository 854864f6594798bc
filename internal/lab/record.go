// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
)

// record says what a lab made, so that a later command finds it after a crash.
// Namespaces carry the lab's name; the rest stands here.
type record struct {
	Name string `json:"name"`
	// PID and Started identify the daemon: a number alone may be reused.
	PID     int    `json:"pid"`
	Started string `json:"started"`
	Uplink  uplink `json:"uplink"`
}

func writeRecord(p paths, r record) error { return writeJSON(p.record(), r) }

func readRecord(p paths) (record, bool) {
	var r record
	content, err := os.ReadFile(p.record())
	if err != nil || json.Unmarshal(content, &r) != nil {
		return record{}, false
	}
	return r, true
}

// startTime is the start of a process in clock ticks since boot, field 22 of
// /proc/PID/stat; "" when there is no such process, or nothing but its exit code
// that nobody has fetched.
func startTime(pid int) string {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	// The second field is the name in brackets and may hold blanks.
	_, rest, _ := strings.Cut(string(content), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
		return ""
	}
	return fields[19]
}

// alive says whether the daemon of a record still runs.
func (r record) alive() bool { return r.PID > 0 && r.Started != "" && startTime(r.PID) == r.Started }

// Labs lists the labs that have left anything on this machine.
func Labs() []string {
	seen := map[string]bool{}
	for _, root := range []string{runRoot, stateRoot} {
		entries, _ := os.ReadDir(root)
		for _, entry := range entries {
			if entry.IsDir() {
				seen[entry.Name()] = true
			}
		}
	}
	var names []string
	for name := range seen {
		names = append(names, name)
	}
	return names
}

// Dead lists the labs whose daemon has ended without taking them down.
func Dead() []string {
	return slices.DeleteFunc(Labs(), func(name string) bool {
		r, found := readRecord(paths{name})
		return found && r.alive()
	})
}

// Down ends a lab: its daemon first, which takes the rest along, and then
// whatever is left.
func Down(name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	if r, found := readRecord(paths{name}); found && r.alive() && r.PID != os.Getpid() {
		if err := syscall.Kill(r.PID, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("ending the daemon of lab %s: %w", name, err)
		}
		for deadline := time.Now().Add(30 * time.Second); r.alive() && time.Now().Before(deadline); {
			time.Sleep(50 * time.Millisecond)
		}
		if r.alive() {
			if err := syscall.Kill(r.PID, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("ending the daemon of lab %s: %w", name, err)
			}
		}
	}
	return Clean(name)
}
