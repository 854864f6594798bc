// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
	"github.com/atollhq/terraform-provider-atoll/internal/remote/remotetest"
)

// A guardian that stands still is drift, though its unit is active. One that has only
// just begun, one whose machine's clock jumped, and what is not known is none.
func TestGuardianThatStandsStill(t *testing.T) {
	const status = "/run/atoll-guardian/status.json"
	const active = "echo ActiveState=active; echo ActiveEnterTimestampMonotonic="
	for _, row := range []struct {
		name, systemctl string
		// age is that of the status; 0 is none.
		age time.Duration
		// sleep stands in for the program.
		sleep string
		still bool
	}{
		{"alive", active + "1000000", 30 * time.Second, "", false},
		{"still", active + "1000000", 10 * time.Minute, "", true},
		{"of the future, and still", active + "1000000", -10 * time.Minute, "", true},
		{"no status ever", active + "1000000", 0, "", true},
		{"just begun", active + "950000000", 10 * time.Minute, "", false},
		{"not active", "echo ActiveState=inactive; echo ActiveEnterTimestampMonotonic=1000000", 10 * time.Minute, "", false},
		{"not answered", "exit 1", 10 * time.Minute, "", false},
		{"half answered", "echo ActiveState=active", 10 * time.Minute, "", false},
		{"the clock jumped", active + "1000000", time.Hour, "touch", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			machine, err := remotetest.NewMachine(t.TempDir(), "203.0.113.1", "key")
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(machine.Root, status)
			sleep := "#!/bin/sh\n"
			if row.sleep != "" {
				sleep += row.sleep + " " + file + "\n"
			}
			for _, err := range []error{
				machine.Program("systemctl", "#!/bin/sh\n"+row.systemctl+"\n"), machine.Program("sleep", sleep),
				machine.Write("/proc/uptime", "1000.52 900.11\n"), machine.Write(status, "{}"),
				os.Chtimes(file, time.Time{}, time.Now().Add(-row.age)),
			} {
				if err != nil {
					t.Fatal(err)
				}
			}
			if row.age == 0 {
				_ = os.Remove(file)
			}
			host := (&remotetest.Network{Machines: map[string]*remotetest.Machine{"203.0.113.1": machine}}).Host(remote.Target{Host: "203.0.113.1", HostKey: "key"})
			manifest := converge.Manifest{Owner: Owner, Items: []converge.Item{alive()}}
			observation, err := converge.Observe(t.Context(), host, manifest)
			if err != nil {
				t.Fatal(err)
			}
			drift := strings.Join(converge.Texts(converge.Diff(manifest, observation).Drift), "; ")
			if still := strings.Contains(drift, "active, and its guardian has given no sign of life for 2 minutes"); still != row.still {
				t.Errorf("%q", drift)
			}
		})
	}
}
