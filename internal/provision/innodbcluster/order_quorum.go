// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/provision"
)

// ForceQuorum lets the members go on that are left of a group, without the others, as
// Options.QuorumSurvivors of the cluster do.
type ForceQuorum struct{ Survivors []string }

func (o ForceQuorum) String() string {
	return "go on with " + strings.Join(o.Survivors, ", ") + " alone"
}

// Fulfilled says who goes on.
func (o ForceQuorum) Fulfilled() string {
	return "the group goes on with " + strings.Join(o.Survivors, ", ") + " alone"
}

var (
	// ErrHasQuorum says that nobody has to force anything.
	ErrHasQuorum = errors.New("the group has its majority")
	// ErrNotDead says that one who was not named as a survivor is there.
	ErrNotDead = errors.New("a member that is not named answers")
)

func (o ForceQuorum) next(d *diagnosing) ([]provision.Operation, error) {
	if err := d.rivals(); err != nil {
		return nil, err
	}
	if d.authority != "" {
		return o.complete(d)
	}
	for _, key := range d.cluster.keys() {
		if !slices.Contains(o.Survivors, key) && d.seen[key].Answers {
			return nil, fmt.Errorf("%w: %s is there, so it is not lost. Nothing was changed. Bring back those that do not answer; where they are gone for good, declare quorum_survivors and apply, which compares what all hold that answer", ErrNotDead, key)
		}
	}
	for _, key := range slices.Sorted(slices.Values(o.Survivors)) {
		if err := d.answers(key); err != nil {
			return nil, fmt.Errorf("%w, so it cannot go on. Nothing was changed", err)
		}
	}
	err := d.whole()
	switch {
	case err == nil:
		return nil, fmt.Errorf("%w: every member answers, and an apply starts the group from the one that holds most. Nothing was changed", ErrNotDead)
	case errors.Is(err, ErrCut), !d.Found:
		return nil, err
	}
	d.cluster.Options.QuorumSurvivors = o.Survivors
	mends, err := d.survive()
	if err != nil {
		return nil, err
	}
	var operations []provision.Operation
	for _, key := range d.cluster.keys() {
		if mend := mends[key]; mend != nil {
			operations = append(operations, mend)
		}
	}
	slices.SortStableFunc(operations, func(a, b provision.Operation) int { return cmp.Compare(a.Stage(), b.Stage()) })
	return operations, nil
}

// complete brings those survivors in again that had to stop. Whoever has a majority
// with others in it needs nobody's word.
func (o ForceQuorum) complete(d *diagnosing) ([]provision.Operation, error) {
	for _, member := range d.view {
		if !slices.Contains(o.Survivors, d.cluster.keyOf(member.Endpoint())) {
			return nil, fmt.Errorf("%w: %s. Nothing was changed", ErrHasQuorum, d.Truth)
		}
	}
	for _, key := range d.cluster.keys() {
		if slices.Contains(o.Survivors, key) && d.Members[key].State != "ONLINE" {
			operation, err := d.wayIn(key)
			if err != nil {
				return nil, err
			}
			return []provision.Operation{operation}, nil
		}
	}
	return nil, nil
}
