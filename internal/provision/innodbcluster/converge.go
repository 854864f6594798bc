// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// ErrNotAsDeclared says that nothing more can be done, and the cluster is not whole.
var ErrNotAsDeclared = errors.New("the cluster is not as declared")

// rounds is how often Converge looks and works: each round makes visible what
// the next has to do, and a group that elects a primary needs a moment.
const rounds = 12

// startPatience is how long a server may take to answer whose machine does.
const startPatience = time.Minute

// pause lies between two looks at a group that is moving.
const pause = 500 * time.Millisecond

// Converge brings the cluster to the declaration and gives the diagnosis that
// it read last. hosts has the machine of each member by its key, and of each
// leaver by its endpoint.
func Converge(ctx context.Context, c Cluster, hosts map[string]remote.Host) (Diagnosis, error) {
	if problems := c.Validate(); len(problems) > 0 {
		return Diagnosis{}, errors.Join(problems...)
	}
	r := begin(c, hosts)
	defer r.close()
	patience := time.Now().Add(startPatience)
	for round := 1; ; round++ {
		before := r.diagnosis
		seen := r.observe(ctx)
		diagnosis := Diagnose(c, seen)
		r.seen, r.diagnosis = seen, diagnosis
		r.cluster.allowedHost, r.cluster.trust, r.cluster.leads = diagnosis.allowedHost, diagnosis.trust, diagnosis.leads
		if err := ctx.Err(); err != nil {
			return before, overtime(err, before)
		}
		operations, err := diagnosis.Operations()
		if (errors.Is(err, ErrNotWhole) || errors.Is(err, ErrCut)) && !unreachable(seen, c) && time.Now().Before(patience) {
			// A server that another apply is restarting, or that recovers from
			// a crash, answers in a moment: this look does not count.
			round--
			if err := remote.Pause(ctx, 4*pause); err != nil {
				return diagnosis, overtime(err, diagnosis)
			}
			continue
		}
		if err != nil {
			return diagnosis, err
		}
		if len(operations) == 0 && diagnosis.settled() {
			return r.examined(ctx, diagnosis), nil
		}
		if len(operations) == 0 && round > rounds {
			return diagnosis, notAsDeclared(diagnosis)
		}
		if round > 2*rounds {
			return diagnosis, notAsDeclared(diagnosis)
		}
		if len(operations) > 0 {
			waited, err := r.takeTurns(ctx, seen, diagnosis)
			if err != nil {
				return diagnosis, err
			}
			if waited {
				round--
				continue // another apply may have worked meanwhile: look again
			}
		}
		if err := r.execute(ctx, operations); err != nil {
			return diagnosis, err
		}
		if len(operations) == 0 {
			if unreachable(seen, c) {
				return diagnosis, notAsDeclared(diagnosis)
			}
			if err := remote.Pause(ctx, pause); err != nil {
				return diagnosis, overtime(err, diagnosis)
			}
		}
	}
}

// examined is a diagnosis of a cluster that is as declared, with what Examine sees beside.
func (r *run) examined(ctx context.Context, diagnosis Diagnosis) Diagnosis {
	if later := Diagnose(r.cluster, r.cluster.Examine(ctx, r.hosts)); later.settled() {
		return later
	}
	return diagnosis
}

// overtime says of a run whose time ended what it was waiting for, as it was last seen.
func overtime(err error, last Diagnosis) error {
	if drift := last.Drift(); len(drift) > 0 {
		return fmt.Errorf("%w. It waited for:\n%s", err, strings.Join(converge.Texts(drift), "\n"))
	}
	return fmt.Errorf("asking the members: %w", err)
}

func notAsDeclared(d Diagnosis) error {
	if d.settled() {
		return nil
	}
	return fmt.Errorf("%w:\n%s", ErrNotAsDeclared, strings.Join(converge.Texts(d.Drift()), "\n"))
}

func unreachable(seen map[string]Observation, c Cluster) bool {
	return slices.ContainsFunc(c.keys(), func(key string) bool { return seen[key].Err != nil })
}
