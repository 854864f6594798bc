// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package guard asks whether the site can spare a machine now.
//
// Before a machine is resized, rebuilt or removed, each plugin that has
// something on it is asked: the machine's own records say which those are. A
// plugin makes its machine dispensable (hands a role over, leaves a group) or
// refuses with the reason. This is the only place that asks.
package guard

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqld"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/node"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/tinc"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Intent is what is about to happen to a machine.
type Intent int

const (
	// Pause means that it goes down for a while and comes back with its disk.
	Pause Intent = iota
	// Discard means that it, or what is on its disk, is gone for good.
	Discard
)

// Resume tells that the machine is back, or that the intent was given up. It
// must be called once; it lets others have their turn.
type Resume func(ctx context.Context) error

// plugin is what one piece of software answers. Software that is not here can
// always be spared: a mesh has no hub, and a router goes with its application.
type plugin struct {
	owner string
	yield func(ctx context.Context, host remote.Host, discard bool) (func(context.Context) error, error)
}

var plugins = []plugin{{mysqld.Owner, mysqld.Yield}}

// Carries lists what has something on the host beside the machine itself and
// its meshes: whatever would miss a mesh that the machine leaves.
func Carries(ctx context.Context, host remote.Host) ([]string, error) {
	owners, err := converge.Owners(ctx, host)
	return slices.DeleteFunc(owners, func(owner string) bool { return owner == node.Owner || tinc.Owns(owner) }), err
}

// Spare asks all that have something on the host. Its error is a refusal, or
// that nobody can know.
func Spare(ctx context.Context, host remote.Host, intent Intent) (Resume, error) {
	return spare(ctx, host, intent, plugins)
}

func spare(ctx context.Context, host remote.Host, intent Intent, all []plugin) (Resume, error) {
	owners, err := converge.Owners(ctx, host)
	if err != nil {
		return nil, fmt.Errorf("asking what the machine carries: %w", err)
	}
	var yielded []func(context.Context) error
	resume := func(ctx context.Context) error {
		var problems []error
		for _, back := range slices.Backward(yielded) {
			problems = append(problems, back(ctx))
		}
		return errors.Join(problems...)
	}
	for _, asked := range all {
		if !slices.Contains(owners, asked.owner) {
			continue
		}
		back, err := asked.yield(ctx, host, intent == Discard)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("the site cannot spare %s now: %w", host.Target().Host, err), resume(ctx))
		}
		yielded = append(yielded, back)
	}
	return resume, nil
}
