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
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Guard knows the plugins to ask. Software of none of them can be spared.
type Guard struct {
	plugins []provision.Plugin
}

// New makes a guard that asks these plugins, in their order.
func New(plugins ...provision.Plugin) *Guard { return &Guard{plugins} }

// Carries lists what has something on the host beside the machine itself and
// its meshes: whatever would miss a mesh that the machine leaves.
func (g *Guard) Carries(ctx context.Context, host remote.Host) ([]string, error) {
	owners, err := converge.Owners(ctx, host)
	return slices.DeleteFunc(owners, g.isGround), err
}

func (g *Guard) isGround(owner string) bool {
	return slices.ContainsFunc(g.plugins, func(plugin provision.Plugin) bool {
		_, ground := plugin.(provision.Ground)
		return ground && plugin.Owns(owner)
	})
}

// Spare asks all that have something on the host. Its error is a refusal, or
// that nobody can know.
func (g *Guard) Spare(ctx context.Context, host remote.Host, intent provision.Intent) (provision.Resume, error) {
	owners, err := converge.Owners(ctx, host)
	if err != nil {
		return nil, fmt.Errorf("asking what the machine carries: %w", err)
	}
	var yielded []provision.Resume
	resume := func(ctx context.Context) error {
		var problems []error
		for _, back := range slices.Backward(yielded) {
			problems = append(problems, back(ctx))
		}
		return errors.Join(problems...)
	}
	for _, plugin := range g.plugins {
		asked, yields := plugin.(provision.Yielder)
		if !yields || !slices.ContainsFunc(owners, plugin.Owns) {
			continue
		}
		back, err := asked.Yield(ctx, host, intent)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("the site cannot spare %s now: %w", host.Target().Host, err), resume(ctx))
		}
		yielded = append(yielded, back)
	}
	return resume, nil
}
