// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filetier

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// ErrNotInStep says that everything is in place, and still two nodes are not kept
// in step.
var ErrNotInStep = errors.New("not every pair is kept in step")

// Converge brings the tier to every host and ends when each pair has met. It gives
// the public keys of the nodes that dial.
func (t Tier) Converge(ctx context.Context, hosts map[string]remote.Host) (map[string]string, error) {
	facts, err := t.ready(ctx, hosts)
	if err != nil {
		return nil, err
	}
	keys, _, err := t.bring(ctx, hosts, facts)
	return keys, err
}

// ready gives the facts of all hosts, or says why the tier cannot be there. It touches
// nothing.
func (t Tier) ready(ctx context.Context, hosts map[string]remote.Host) (map[string]Facts, error) {
	facts, err := t.knowAll(ctx, hosts)
	if err == nil {
		err = t.refuseAny(facts)
	}
	if err == nil {
		err = t.refuseForeign(ctx, hosts, facts)
	}
	if err == nil {
		err = t.meet(ctx, hosts, facts)
	}
	return facts, err
}

// bring does all of Converge that touches a host. met says whether hot trees met, or may
// have, where there is an error.
func (t Tier) bring(ctx context.Context, hosts map[string]remote.Host, facts map[string]Facts) (keys map[string]string, met bool, err error) {
	// What a node lets in are the keys of the others, so these come first.
	facts, err = each(hosts, func(node string) (Facts, error) { return t.withKey(ctx, hosts[node], node, facts[node]) })
	if err != nil {
		return nil, false, err
	}
	keys = map[string]string{}
	for node, one := range facts {
		if one.PublicKey != "" {
			keys[node] = one.PublicKey
		}
	}
	if err := t.adjust(ctx, hosts, facts, keys); err != nil {
		return nil, false, err
	}
	met, err = t.await(ctx, hosts)
	return keys, met, err
}

// withKey makes the key of a node that dials and has none that is whole.
func (t Tier) withKey(ctx context.Context, host remote.Host, node string, facts Facts) (Facts, error) {
	if len(t.dialled(node)) == 0 {
		return facts, nil
	}
	m := converge.Manifest{Owner: t.RecordOwner(), Items: []converge.Item{client, t.makeKey(node)}}
	observation, err := converge.Observe(ctx, host, m)
	if err != nil {
		return facts, err
	}
	plan := converge.Diff(m, observation)
	if plan.Refusal != nil {
		return facts, plan.Refusal
	}
	// The record stays as it is: with these alone it would take back all others.
	steps := slices.DeleteFunc(plan.Steps, func(step converge.Step) bool {
		return step.Effect.Kind != converge.EffectInstall && step.Effect.Kind != converge.EffectRun
	})
	if len(steps) == 0 {
		return facts, nil
	}
	if err := converge.Apply(ctx, host, m, steps); err != nil {
		return facts, err
	}
	return converge.Ask(ctx, host, t.factsNow(node))
}

// meet refuses hot trees that meet for the first time, have files that are not the
// same, and of which nobody said what is to become of them.
func (t Tier) meet(ctx context.Context, hosts map[string]remote.Host, facts map[string]Facts) error {
	known, hosts := true, maps.Clone(hosts)
	maps.DeleteFunc(hosts, func(node string, _ remote.Host) bool { return t.Nodes[node].Hot == "" })
	for node := range hosts {
		_, claimed := facts[node].Claims[t.Name]
		known = known && claimed
	}
	if known || t.Initial != "" {
		return nil
	}
	contents, err := each(hosts, func(node string) (content, error) { return converge.Ask(ctx, hosts[node], t.contents(node)) })
	if err != nil {
		return err
	}
	return t.clash(facts, contents)
}

// clash finds a tree that is new to the tier and differs from another one.
func (t Tier) clash(facts map[string]Facts, contents map[string]content) error {
	for _, node := range slices.Sorted(maps.Keys(contents)) {
		if _, claimed := facts[node].Claims[t.Name]; claimed || contents[node].empty {
			continue
		}
		for _, other := range slices.Sorted(maps.Keys(contents)) {
			if other != node && !contents[other].empty && contents[other].digest != contents[node].digest {
				return fmt.Errorf("%s on %s and %s on %s both have files, and not the same: nothing was touched. Say what is to become of them: initial = %q keeps all files and treats a path that differs as conflicts says, "+
					"initial = %q takes that node's version of a path that differs and keeps the other one beside it", t.Nodes[node].Hot, node, t.Nodes[other].Hot, other, Merge, From+other)
			}
		}
	}
	return nil
}

// adjust brings the manifests to all nodes at once.
func (t Tier) adjust(ctx context.Context, hosts map[string]remote.Host, facts map[string]Facts, keys map[string]string) error {
	heard, err := each(hosts, func(node string) (Heard, error) {
		observation, err := converge.Observe(ctx, hosts[node], t.Manifest(node, facts[node], keys))
		return Heard{Facts: facts[node], Observation: observation}, err
	})
	if err != nil {
		return err
	}
	operations, err := provision.Operations(t.Diagnose(heard, keys))
	if err != nil {
		return err
	}
	wanted := map[string]remote.Host{}
	for _, operation := range operations {
		if adjust, is := operation.(Adjust); is {
			wanted[adjust.Node] = hosts[adjust.Node]
		}
	}
	_, err = each(wanted, func(node string) (converge.Observation, error) {
		return converge.Converge(ctx, hosts[node], t.Manifest(node, facts[node], keys))
	})
	return err
}

// Hear asks one node's machine. keys are those that are remembered of the other
// nodes; its own is asked for. Where the tier cannot be on the machine as it is, Diagnose
// says so: an error here would stand in the way of every plan, the one that ends it, too.
func (t Tier) Hear(ctx context.Context, host remote.Host, node string, facts Facts, keys map[string]string) (Heard, error) {
	manifest := t.Manifest(node, facts, keys)
	if t.forms() == nil {
		manifest.Refusal = nil
	}
	observation, err := converge.Observe(ctx, host, manifest)
	return Heard{Facts: facts, Observation: observation}, err
}

// Know asks one node's machine for its facts.
func (t Tier) Know(ctx context.Context, host remote.Host, node string) (Facts, error) {
	return converge.Ask(ctx, host, t.facts(node))
}

// Foresee asks for what Know does, before the tier is there.
func (t Tier) Foresee(ctx context.Context, host remote.Host, node string) (Facts, error) {
	return converge.Ask(ctx, host, t.factsNow(node))
}

// each asks all nodes at once and says of each error whose it is.
func each[V any](hosts map[string]remote.Host, ask func(node string) (V, error)) (map[string]V, error) {
	answers, problems := map[string]V{}, []error{}
	var mu sync.Mutex
	var group sync.WaitGroup
	for node := range hosts {
		group.Go(func() {
			answer, err := ask(node)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				problems = append(problems, fmt.Errorf("node %s: %w", node, err))
				return
			}
			answers[node] = answer
		})
	}
	group.Wait()
	return answers, errors.Join(problems...)
}
