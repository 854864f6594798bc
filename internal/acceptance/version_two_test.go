// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/site"
)

// twin is another person's copy of the working directory, with the state as it is now.
func (f *fixture) twin() *site.Terraform {
	f.Helper()
	other := example(f.T, f.lab, f.TempDir())
	for _, name := range []string{"terraform.tfstate", "override.tf", "terraform.tfvars.json"} {
		content, err := os.ReadFile(filepath.Join(f.terraform.Dir, name))
		f.must(err)
		f.must(os.WriteFile(filepath.Join(other.Dir, name), content, 0o600))
	}
	return other
}

// Two people apply the next version at once, from two machines: never are two members
// down, and both applies come to their end.
func TestTwoRollAVersion(t *testing.T) {
	f := stand(t)
	is, next := f.offered()
	f.wants(next)
	other := f.twin()
	stop := f.sample()
	ended := make(chan error, 1)
	go func() { ended <- other.Apply(context.WithoutCancel(f.Context())) }()
	err := f.terraform.Apply(f.Context())
	theirs := <-ended
	f.oneAtATime(stop())
	f.must(err)
	f.must(theirs)
	f.inSync()
	f.allRun(next)
	f.asBefore(is)
	f.inSync()
}
