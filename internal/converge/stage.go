// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package converge

import (
	"context"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// FactsFor is the stage before a manifest that depends on what its machine is: the
// version of a package, the memory, the architecture. It asks the question,
// brings the packages that the answer depends on where they are missing, and
// asks again. refuse says of each answer why it rules the manifest out, so that
// nothing is installed in vain; nil refuses nothing.
//
// It costs one round trip where the packages are there. It records nothing: the
// manifest has the packages, too. A refresh may go by values that were remembered
// instead; then a Check in the manifest says when they no longer hold.
func FactsFor[F any](ctx context.Context, host remote.Host, owner string, packages []Package, question Question[F], refuse func(F) error) (F, error) {
	m := Manifest{Owner: owner, Items: []Item{question}}
	for _, one := range packages {
		m.Items = append(m.Items, one)
	}
	for installed := false; ; installed = true {
		observation, err := Observe(ctx, host, m)
		if err != nil {
			var none F
			return none, err
		}
		facts, err := question.Answer(observation)
		if err == nil && refuse != nil {
			err = refuse(facts)
		}
		if err != nil {
			return facts, err
		}
		steps, err := installs(m, observation)
		if err != nil || len(steps) == 0 || installed {
			return facts, err
		}
		if err := Apply(ctx, host, m, steps); err != nil {
			return facts, err
		}
	}
}

// installs are the steps of a plan that install packages.
func installs(m Manifest, o Observation) ([]Step, error) {
	plan := Diff(m, o)
	var steps []Step
	for _, step := range plan.Steps {
		if step.Effect.Kind == EffectInstall {
			steps = append(steps, step)
		}
	}
	return steps, plan.Refusal
}
