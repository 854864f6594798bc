// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package base

import (
	"context"
	"fmt"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
)

// Succession knows what this process makes and takes back on machines. Where a
// resource gets another name or key without a moved block, Terraform makes one
// and takes the other back at the same time, and both are the same thing on the
// same machine. Then the one that is made is the heir: what is taken back leaves
// to it what stands there. The zero value is ready.
type Succession struct {
	mu sync.Mutex
	// made holds what was made, or is being; taken what is being taken back.
	made  map[string]bool
	taken map[string]chan struct{}
	// beginning and ending are what plans make and take back.
	beginning, ending map[string]bool
}

// make notes that a thing is being made, and waits until nobody takes it back
// any more.
func (s *Succession) make(ctx context.Context, thing string) error {
	s.mu.Lock()
	if s.made == nil {
		s.made = map[string]bool{}
	}
	s.made[thing] = true
	ended := s.taken[thing]
	s.mu.Unlock()
	if ended == nil {
		return nil
	}
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting until the resource of the same %s is destroyed: %w", thing, ctx.Err())
	}
}

// takeBack begins to take a thing back, up to the call of ended; heir says that
// there is nothing to do, since the thing is another's now.
func (s *Succession) takeBack(thing string) (ended func(), heir bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.made[thing] {
		return func() {}, true
	}
	if s.taken == nil {
		s.taken = map[string]chan struct{}{}
	}
	done := make(chan struct{})
	s.taken[thing] = done
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.taken[thing] == done {
			delete(s.taken, thing)
		}
		close(done)
	}, false
}

// plan notes that a plan makes a thing (begins), or takes it back, and says
// whether it does the other, too.
func (s *Succession) plan(thing string, begins bool) (both bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.beginning == nil {
		s.beginning, s.ending = map[string]bool{}, map[string]bool{}
	}
	if begins {
		s.beginning[thing] = true
		return s.ending[thing]
	}
	s.ending[thing] = true
	return s.beginning[thing]
}

// refuseSuccession is the error of a plan that makes a thing and takes it back.
func refuseSuccession(traits Traits, thing string, at path.Path, diags *diag.Diagnostics) {
	diags.AddAttributeError(at, "Renamed Without a Moved Block", fmt.Sprintf(
		"This plan destroys the %[1]s and creates it again under another name or key: %[2]s. For each that has only got another name or key in Terraform, write\n\n"+
			"  moved {\n    from = atoll_%[3]s.NAME[\"OLD KEY\"]\n    to   = atoll_%[3]s.NAME[\"NEW KEY\"]\n  }\n\n"+
			"and plan again: then nothing happens to it. If it is to be made anew, destroy it in one apply and create it in the next.", thing, traits.Renaming, traits.Type))
}
