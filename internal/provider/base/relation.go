// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package base

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Relation are the attributes of what stands between machines.
type Relation struct {
	Common
	Name types.String `tfsdk:"name"`
}

func (r *Relation) relation() *Relation { return r } //nolint:unused // RelationModel asks for it

// Subject stands in for the model's own.
func (r *Relation) Subject() string { return r.Name.ValueString() }

// RelationModel is the model of what stands between machines.
type RelationModel[M any] interface {
	Model[M]
	relation() *Relation
	// Imported says that the state comes from an import, which knows the name
	// alone: the machines stand in the configuration.
	Imported() bool
}

// RelationKind is what stands between machines. Its name identifies it. It holds
// all its members, so it asks them all, with Hear.
type RelationKind[M any] interface {
	configure(data *Data)
	Traits() Traits
	Schema() schema.Schema
	Plan(ctx context.Context, change *Change[M])
	Observe(ctx context.Context, run *Run, model *M) Observed
	Converge(ctx context.Context, run *Run, before, model *M)
	Remove(ctx context.Context, run *Run, model *M)
	// CheckName says what is wrong with a name that was given for an import.
	CheckName(name string) error
}

// NewRelation makes the resource of what stands between machines.
func NewRelation[M any, P RelationModel[M]](kind RelationKind[M]) resource.Resource {
	return New[M, P](&relation[M, P]{RelationKind: kind})
}

// relation is a RelationKind as the frame takes it.
type relation[M any, P RelationModel[M]] struct {
	RelationKind[M]
	data *Data
}

func (r *relation[M, P]) configure(data *Data) {
	r.data = data
	r.RelationKind.configure(data)
}

func (r *relation[M, P]) Identity() map[string]identityschema.Attribute {
	return map[string]identityschema.Attribute{
		"name": identityschema.StringAttribute{RequiredForImport: true, Description: r.Traits().Name},
	}
}

func (r *relation[M, P]) Identify(model *M) map[string]any {
	return map[string]any{"name": P(model).relation().Name}
}

func (r *relation[M, P]) Plan(ctx context.Context, change *Change[M]) {
	plan := P(change.Plan).relation()
	plan.ID = plan.Name
	// The framework tells a plan nothing of what its attributes ask for.
	change.Replacing = change.State != nil && !plan.Name.Equal(P(change.State).relation().Name)
	if change.State == nil {
		r.planSuccession(plan.Name, true, change.Diagnostics)
	}
	r.RelationKind.Plan(ctx, change)
}

// PlanRemoval refuses what would be taken back and made at once.
func (r *relation[M, P]) PlanRemoval(_ context.Context, change *Change[M]) {
	r.planSuccession(P(change.State).relation().Name, false, change.Diagnostics)
}

// planSuccession refuses a plan that makes and takes back what has one name, where that does
// harm. Whichever is planned later says so.
func (r *relation[M, P]) planSuccession(name types.String, begins bool, diags *diag.Diagnostics) {
	thing := r.Traits().Type + " " + name.ValueString()
	if r.data == nil || name.IsUnknown() || r.Traits().Renaming == "" || !r.data.Succession.plan(thing, begins) {
		return
	}
	refuseSuccession(r.Traits(), thing, path.Root("name"), diags)
}

func (r *relation[M, P]) Observe(ctx context.Context, run *Run, model *M) Observed {
	if P(model).Imported() {
		return Observed{}
	}
	return r.RelationKind.Observe(ctx, run, model)
}

func (r *relation[M, P]) Converge(ctx context.Context, run *Run, before, model *M) {
	P(model).relation().ID = P(model).relation().Name
	if before == nil {
		before = new(M)
	}
	r.RelationKind.Converge(ctx, run, before, model)
}

// Remove refuses what was imported and never applied: its machines are not known, and
// nothing would be taken from them.
func (r *relation[M, P]) Remove(ctx context.Context, run *Run, model *M) {
	if P(model).Imported() {
		run.Diagnostics.AddError("Unable to "+run.Action+" "+P(model).Subject(), "It was imported and not applied since: its machines stand in the configuration alone, so nothing can be taken from them. "+
			"Apply it once as it is declared, then destroy it; or take it out of the state without touching a machine, by terraform state rm.")
		return
	}
	r.RelationKind.Remove(ctx, run, model)
}

// Find takes the name, as an id or as an identity. Nothing is contacted: the
// first apply compares each machine with the configuration.
func (r *relation[M, P]) Find(ctx context.Context, run *Run, asked Asked, model *M) {
	name := asked.ID
	if name == "" {
		name = asked.Text(ctx, run, "name")
	}
	if err := r.CheckName(name); err != nil {
		run.Diagnostics.AddError("Unable to Import", fmt.Sprintf("The import id %q is not a name: %v.", name, err))
		return
	}
	found := P(model).relation()
	found.ID, found.Name = types.StringValue(name), types.StringValue(name)
}

// Outcome is what one machine answered.
type Outcome[V any] struct {
	Value V
	Err   error
}

// Parallel asks for every key at once and waits for all: relations speak with
// all their machines in the time of the slowest, and one that fails hides
// nothing of the others.
func Parallel[V any](keys []string, ask func(key string) (V, error)) map[string]Outcome[V] {
	outcomes := make(map[string]Outcome[V], len(keys))
	var mu sync.Mutex
	var group sync.WaitGroup
	for _, key := range keys {
		group.Go(func() {
			value, err := ask(key)
			mu.Lock()
			defer mu.Unlock()
			outcomes[key] = Outcome[V]{value, err}
		})
	}
	group.Wait()
	return outcomes
}

// Reachable are the machines of targets that are not declared lost, by key.
func (d *Data) Reachable(targets map[string]remote.Target) map[string]remote.Host {
	hosts := map[string]remote.Host{}
	for key, target := range targets {
		if !d.Lost[target.Host] {
			hosts[key] = d.Hosts.Host(target)
		}
	}
	return hosts
}

// Hearing is what the machines of a relation answered.
type Hearing[V any] struct {
	// Answers by key, of those that gave one.
	Answers map[string]V
	// Drift has a line for each that did not.
	Drift []converge.Line
	// Lost counts those that are declared lost, Silent those that did not answer.
	Lost, Silent int
}

// Hear asks all machines of a relation at once. It reports an error that is not
// one of the connection; one that does not answer becomes a warning and a line.
func Hear[V any](ctx context.Context, d *Data, run *Run, subject string, targets map[string]remote.Target,
	ask func(ctx context.Context, key string, host remote.Host) (V, error),
) Hearing[V] {
	keys := slices.Sorted(maps.Keys(targets))
	outcomes := Parallel(keys, func(key string) (V, error) { return ask(ctx, key, d.Hosts.Host(targets[key])) })
	hearing := Hearing[V]{Answers: map[string]V{}}
	for _, key := range keys {
		outcome := outcomes[key]
		switch {
		case outcome.Err == nil:
			hearing.Answers[key] = outcome.Value
		case errors.Is(outcome.Err, remote.ErrLost):
			hearing.Lost++
			hearing.Drift = append(hearing.Drift, converge.Line{Subject: key, Code: converge.CodeLost, Text: targets[key].Host + " is declared lost"})
		default:
			observed := d.Unheard(run, subject+" on "+key, targets[key], outcome.Err)
			hearing.Silent += len(observed.Drift)
			for _, line := range observed.Drift {
				hearing.Drift = append(hearing.Drift, line.At(key))
			}
		}
	}
	return hearing
}
