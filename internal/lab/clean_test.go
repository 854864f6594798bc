// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package lab

import (
	"os/exec"
	"testing"
	"time"
)

func TestOnlyStraysAreSwept(t *testing.T) {
	labs := []string{"demo", "demo-two"}
	kept := []uplink{{Index: 1, Table: "atoll_demo"}, {Index: 12, Table: "atoll_demo_two"}}
	for name, stray := range map[string]bool{"atoll-demo-hk1": false, "atoll-demo-two-operator": false, "atoll-demos-hk1": true, "atoll-gone-hk1": true} {
		if got := strayNamespace(name, labs); got != stray {
			t.Errorf("namespace %s: %v", name, got)
		}
	}
	for name, stray := range map[string]bool{
		"atoll1": false, "atoll1h0": false, "atoll12": false, "atoll12h14": false,
		"atoll2": true, "atoll2h1": true, "atoll11h2": true,
		"atoll": false, "atoll2x": false, "eth0": false, "xatoll2": false,
	} {
		if got := strayLink(name, kept); got != stray {
			t.Errorf("link %s: %v", name, got)
		}
	}
	for name, stray := range map[string]bool{"atoll_demo": false, "atoll_demo_two": false, "atoll_gone": true, "filter": false} {
		if got := strayTable(name, kept); got != stray {
			t.Errorf("table %s: %v", name, got)
		}
	}
}

// A process that has ended and that nobody waits for is no daemon any more.
func TestDeadDaemonIsNotAlive(t *testing.T) {
	command := exec.Command("sleep", "60")
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	daemon := record{PID: command.Process.Pid, Started: startTime(command.Process.Pid)}
	if !daemon.alive() {
		t.Error("not alive while it runs")
	}
	if err := command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); daemon.alive(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("alive after its end")
		}
	}
	_ = command.Wait()
}

func TestSupervisorIsFoundByItsMachine(t *testing.T) {
	command := exec.Command("sh", "-c", "read -r line", "boot", "disk", "atoll-test-h1")
	stdin, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = command.Wait() }()
	defer func() { _ = stdin.Close() }()
	if found := supervisorsOf("atoll-test-h1"); len(found) != 1 || found[0] != command.Process.Pid {
		t.Errorf("found %v, want %d", found, command.Process.Pid)
	}
	if found := supervisorsOf("atoll-test-h"); len(found) != 0 {
		t.Errorf("found %v by a part of the name", found)
	}
}
