// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filetier

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// undoing is how long it may take to take a creation back that failed.
const undoing = time.Minute

// Begin is Converge for a tier that Terraform does not know yet. Where it fails, the state
// has nothing of it, so what it made is taken back, unless files may have been carried:
// to forget those would make the next apply ask what is to become of trees that differ.
func (t Tier) Begin(ctx context.Context, hosts map[string]remote.Host) (map[string]string, error) {
	facts, err := t.ready(ctx, hosts)
	if err != nil {
		return nil, err
	}
	keys, met, err := t.bring(ctx, hosts, facts)
	switch {
	case err == nil:
		return keys, nil
	case t.undoes(facts, met, err):
		return nil, t.undo(ctx, hosts, err)
	}
	return nil, fmt.Errorf("%w\n\n%s", err, t.kept(slices.Sorted(maps.Keys(hosts))))
}

// undoes says whether a creation that failed is taken back, by what the machines were
// before it: not where the tier stood before, where its trees met, nor where somebody ended
// the run, who waits for nothing more.
func (t Tier) undoes(before map[string]Facts, met bool, failed error) bool {
	return !met && !errors.Is(failed, context.Canceled) && !errors.Is(failed, context.DeadlineExceeded) && !t.Stands(before)
}

// undo takes the tier from all hosts and adds to the reason what that left.
func (t Tier) undo(ctx context.Context, hosts map[string]remote.Host, failed error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoing)
	defer cancel()
	_, err := each(hosts, func(node string) (struct{}, error) {
		return struct{}{}, t.Leave(ctx, hosts[node], t.Nodes[node])
	})
	if err != nil {
		return fmt.Errorf("%w\n\nNo trees met, so what was made of the tier was taken back, and could not be on all nodes. There it stands, and is not in the state, until the next apply goes on with it:\n%s", failed, err.Error())
	}
	return fmt.Errorf("%w\n\nNo trees met, so what was made of the tier was taken back from all nodes; every file stayed. Mend the cause and apply again", failed)
}

// kept says what stands, and how to go on and to be rid of it.
func (t Tier) kept(nodes []string) string {
	return fmt.Sprintf("The tier is not in the state, since it was not made to its end, and what was made of it goes on running on %s. Mend the cause and apply again: that goes on with it as it stands. "+
		"To be rid of it, apply it without the nodes or pairs that fail, and destroy it then; every file stays", strings.Join(nodes, ", "))
}
