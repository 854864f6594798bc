// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package converge

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// lockedApt says what apt says of a lock for its first $LOCKED calls, then $SAYS; sleep
// takes no time.
var lockedApt = map[string]string{
	"apt-get": `echo "$*" >>"$CALLS"
if [ "$(wc -l <"$CALLS")" -le "$LOCKED" ]; then
  echo "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process $HOLDER (perl)"
  echo 'E: Unable to acquire the dpkg frontend lock (/var/lib/dpkg/lock-frontend), is another process using it?'
  exit 100
fi >&2
[ -z "$SAYS" ] || { echo "$SAYS" >&2; exit 100; }`,
	"dpkg": `echo "$*" >>"$CALLS"
{ echo "dpkg: error: dpkg frontend lock was locked by $BY process with pid $HOLDER"; exit 2; } >&2`,
	"apt-config": `[ -z "$PATIENCE" ] || echo "patience='$PATIENCE'"`,
	"sleep":      ":",
}

// A lock is waited for, once and with an end, however many commands need it. Then the
// error names who has it, and the way out. What is no lock is not tried again.
func TestLockOfApt(t *testing.T) {
	dir := t.TempDir()
	for name, script := range lockedApt {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	holder, forEver := os.Getpid(), 1<<20
	held := fmt.Sprintf("process %d (%s ", holder, os.Args[0])
	for name, test := range map[string]struct {
		script         string
		locked         int
		patience, says string
		calls          int
		want           []string // all of it in the error; none where there is none
	}{
		"free":                   {"unlocked apt-get install bc", 0, "", "", 1, nil},
		"free after a while":     {"unlocked apt-get install bc", 5, "", "", 6, nil},
		"held for ever":          {"unlocked apt-get install bc || complain", forEver, "", "", 201, []string{held, "(/var/lib/dpkg/lock-frontend) for 600 s", fmt.Sprintf("kill %d", holder), "dpkg --configure -a"}},
		"not tried twice":        {"unlocked apt-get install bc || { unlocked apt-get update; unlocked apt-get install bc; }", forEver, "9", "", 4, []string{held, "for 9 s"}},
		"one wait for all":       {"unlocked apt-get update; BY=another unlocked dpkg --configure -a", 2, "9", "", 3 + 2, []string{held, "for 9 s"}},
		"the machine never ends": {"unlocked apt-get install bc", forEver, "-1", "", 201, []string{"for 600 s"}},
		"an old dpkg":            {"BY=another unlocked dpkg --configure -a", forEver, "9", "", 4, []string{held, "(/var/lib/dpkg/lock-frontend) for 9 s"}},
		"a newer dpkg":           {"BY=/usr/bin/perl unlocked dpkg --configure -a", forEver, "9", "", 4, []string{held}},
		"another error":          {"unlocked apt-get install bc || complain", 0, "", "E: Unable to locate package bc", 1, []string{"E: Unable to locate package bc"}},
	} {
		t.Run(name, func(t *testing.T) {
			calls := filepath.Join(t.TempDir(), "calls")
			command := exec.CommandContext(t.Context(), "sh", "-c", "set -e\n"+aptLock+test.script)
			command.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "CALLS="+calls, fmt.Sprintf("LOCKED=%d", test.locked),
				fmt.Sprintf("HOLDER=%d", holder), "PATIENCE="+test.patience, "SAYS="+test.says)
			output, err := command.CombinedOutput()
			if (err != nil) != (test.want != nil) {
				t.Errorf("%v: %s", err, output)
			}
			for _, want := range test.want {
				if !strings.Contains(string(output), want) {
					t.Errorf("want %q in %s", want, output)
				}
			}
			said, err := os.ReadFile(calls)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Count(string(said), "\n"); got != test.calls {
				t.Errorf("%d calls, want %d", got, test.calls)
			}
		})
	}
}
