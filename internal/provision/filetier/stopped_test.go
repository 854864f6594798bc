// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filetier

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/converge/convergetest"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
	"github.com/atollhq/terraform-provider-atoll/internal/remote/remotetest"
)

func TestStoppedFailsClosed(t *testing.T) {
	convergetest.FailsClosed(t, three().stopped("b").Question, "stopped 12\nstopped 13\n"+converge.WholeMark)
}

// What serves a peer and was stopped is drift, and goes on by an apply. Processes that have
// gone, and those of other units, are none.
func TestStopped(t *testing.T) {
	for name, row := range map[string]struct {
		states map[int]string
		want   []string
	}{
		"none dialled":  {nil, []string{}},
		"all is well":   {map[int]string{11: "S (sleeping)", 12: "R (running)"}, []string{}},
		"it is stopped": {map[int]string{11: "T (stopped)", 12: "S (sleeping)"}, []string{"pair with b: process 11, which serves it, is stopped, and nothing is carried"}},
		"its helper is": {map[int]string{11: "S (sleeping)", 12: "t (tracing stop)"}, []string{"pair with b: process 12, which serves it, is stopped, and nothing is carried"}},
	} {
		machine, err := remotetest.NewMachine(t.TempDir(), "203.0.113.1", "")
		if err != nil {
			t.Fatal(err)
		}
		groups := ""
		if len(row.states) > 0 {
			groups = "/system.slice/a"
		}
		if err := machine.Program("systemctl", "#!/bin/sh\n[ \"$6\" = 'atoll-tier-files.b@*.service' ] && echo "+groups+"\n"); err != nil {
			t.Fatal(err)
		}
		files := map[string]string{"/sys/fs/cgroup/system.slice/a/cgroup.procs": "11\n12\n13\n"}
		for process, state := range row.states {
			files[fmt.Sprintf("/proc/%d/status", process)] = "Name:\tunison\nState:\t" + state + "\n"
		}
		for path, text := range files {
			if err := machine.Write(path, text); err != nil {
				t.Fatal(err)
			}
		}
		host := (&remotetest.Network{Machines: map[string]*remotetest.Machine{machine.Address: machine}}).Host(remote.Target{Host: machine.Address})
		check := three().stopped("b")
		processes, err := converge.Ask(t.Context(), host, check.Question)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(row.want, converge.Texts(check.Differs(processes))); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
		if steps := check.Mend(processes); (len(steps) == 0) != (len(row.want) == 0) || len(steps) > 0 && !strings.Contains(steps[0].Script, "kill -CONT") {
			t.Errorf("%s: the steps are %+v", name, steps)
		}
	}
}
