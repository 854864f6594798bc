// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package remotetest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// What a script writes on a simulated machine never lands on the machine of whoever
// runs the tests: root's keys once did.
func TestPathsAreTheMachines(t *testing.T) {
	machine, err := NewMachine(t.TempDir(), "203.0.113.1", "key")
	if err != nil {
		t.Fatal(err)
	}
	for _, top := range []string{"etc", "var", "run", "root", "home", "srv", "opt", "mnt", "media", "boot", "data", "usr/local"} {
		const name = "atoll-simulated"
		place := "/" + filepath.Join(top, name)
		for form, script := range map[string]string{
			"bare":     "mkdir -p %[1]s; echo x >%[1]s/file",
			"quoted":   "mkdir -p -- '%[1]s'; echo x >'%[1]s/file'",
			"variable": "at=%[1]s; mkdir -p \"$at\"; echo x >\"$at/file\"",
		} {
			if _, err := machine.run(context.Background(), remote.Command{Name: form, Script: fmt.Sprintf(script, place)}); err != nil {
				t.Errorf("%s, %s: %v", place, form, err)
			}
			if _, err := os.Lstat(filepath.Join(machine.Root, place, "file")); err != nil {
				t.Errorf("%s, %s: %v", place, form, err)
			}
			if _, err := os.Lstat(place); err == nil {
				t.Errorf("%s, %s: was written on the machine that runs the tests", place, form)
				_ = os.RemoveAll(place)
			}
			_ = os.RemoveAll(filepath.Join(machine.Root, place))
		}
	}
}
