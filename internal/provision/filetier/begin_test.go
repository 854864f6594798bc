// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filetier

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
	"github.com/atollhq/terraform-provider-atoll/internal/remote/remotetest"
)

// A creation that failed is taken back, but for one of which files may have been carried.
func TestUndoes(t *testing.T) {
	fresh := map[string]Facts{"a": {Claims: map[string]string{"other": "/srv/other"}}, "b": {}}
	for name, row := range map[string]struct {
		before map[string]Facts
		met    bool
		failed error
		want   bool
	}{
		"no trees met":                  {fresh, false, ErrNotInStep, true},
		"a step failed":                 {fresh, false, &remote.CommandError{}, true},
		"a machine went":                {fresh, false, &remote.Error{Kind: remote.ErrUnreachable}, true},
		"trees met":                     {fresh, true, ErrNotInStep, false},
		"a tree was the tier's before":  {map[string]Facts{"a": {}, "b": {Claims: map[string]string{"files": "/srv/files"}}}, false, ErrNotInStep, false},
		"an archive was so before":      {map[string]Facts{"a": {Archives: map[string]string{"files": "/srv/cold"}}}, false, ErrNotInStep, false},
		"somebody ended the run":        {fresh, false, fmt.Errorf("node a: %w", context.Canceled), false},
		"the run took longer than said": {fresh, false, context.DeadlineExceeded, false},
	} {
		if got := three().undoes(row.before, row.met, row.failed); got != row.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// On machines that cannot get unison a creation fails when something of it is there. What
// the machines have of it afterwards is what is told of them.
func TestBeginLeavesWhatItSays(t *testing.T) {
	const home = "var/lib/atoll/tier/files"
	for name, row := range map[string]struct {
		before  string
		want    string
		remains bool
	}{
		"new":             {"", "so what was made of the tier was taken back from all nodes; every file stayed", false},
		"it stood before": {"/srv/files\n", "The tier is not in the state, since it was not made to its end, and what was made of it goes on running on a, b. Mend the cause and apply again", true},
	} {
		network := &remotetest.Network{Machines: map[string]*remotetest.Machine{}}
		hosts := map[string]remote.Host{}
		for node, address := range map[string]string{"a": "203.0.113.1", "b": "203.0.113.2"} {
			machine, err := remotetest.NewMachine(t.TempDir(), address, "")
			if err != nil {
				t.Fatal(err)
			}
			err = machine.Write("/simulated/installable", "openssh-client")
			if row.before != "" {
				err = errors.Join(err, machine.Write("/"+home+"/claimed", row.before))
			}
			if err != nil {
				t.Fatal(err)
			}
			network.Machines[address] = machine
			hosts[node] = network.Host(remote.Target{Host: address})
		}
		tier := three().Without(func(node string) bool { return node == "c" })
		tier.After = ""
		_, err := tier.Begin(t.Context(), hosts)
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v", name, err)
		}
		for address, machine := range network.Machines {
			_, err := os.Stat(filepath.Join(machine.Root, home))
			if remains := !errors.Is(err, os.ErrNotExist); remains != row.remains {
				t.Errorf("%s: of the tier there is something on %s: %v", name, address, remains)
			}
		}
	}
}
