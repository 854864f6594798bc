// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package base

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
)

// Common are the attributes that every resource has. A model embeds it, or Node
// or Relation, which hold it.
type Common struct {
	ID       types.String   `tfsdk:"id"`
	Drift    types.List     `tfsdk:"drift"`
	Timeouts timeouts.Value `tfsdk:"timeouts"`
}

func (c *Common) common() *Common { return c }

// Model is what a resource's state holds, by pointer.
type Model[M any] interface {
	*M
	common() *Common
	// Subject names the resource in diagnostics ("Mesh Peer site/hk1").
	Subject() string
}

// Traits is what a frame has to know of a kind.
type Traits struct {
	// Type is the name without the provider's ("mesh_peer").
	Type string
	// ID describes the id attribute.
	ID string
	// Name describes the name by which a resource is found again; "" where the
	// machine alone identifies it.
	Name string
	// Renaming says what would happen where a plan destroys one and creates it
	// anew on the same machine or machines, under another name in Terraform; such a plan is
	// refused. "" where that does no harm.
	Renaming string
	// Elsewhere says that something of it stands on other machines, too. One whose own
	// machine is declared lost keeps its state until it is destroyed, which takes that
	// back. Only for what stands on one machine.
	Elsewhere bool
	// Drift is an example of a drift line ("unit mysql: inactive, want active").
	Drift string
	// Budgets bound each operation, unless the timeouts attribute does.
	Budgets Budgets
}

// Budgets are the default time limits of a resource's operations.
type Budgets struct{ Create, Read, Update, Delete time.Duration }

// Observed is what an observation means for the state.
type Observed struct {
	// Drift is what differs from the declaration, one line a deviation.
	Drift []converge.Line
	// Absent: whoever could know answered, and nothing of the resource is there,
	// or its machine is declared lost. It leaves the state.
	Absent bool
}

// Kind is what one resource is, beside its model. The hooks report what goes
// wrong to the run; a model that they were given is saved only if they did not.
type Kind[M any] interface {
	configure(data *Data)
	// Traits are constant.
	Traits() Traits
	// Schema has the kind's own attributes; the frame adds those that it fills.
	Schema() schema.Schema
	// Identity describes what finds the resource again, Identify says what that
	// is for a model, by attribute.
	Identity() map[string]identityschema.Attribute
	Identify(model *M) map[string]any
	// Plan says what is known before an apply, and refuses what cannot work.
	Plan(ctx context.Context, change *Change[M])
	// Observe asks and takes over into the model what was read.
	Observe(ctx context.Context, run *Run, model *M) Observed
	// Converge brings about what the model declares, and takes over what was
	// read back. before is what was, nil for something new.
	Converge(ctx context.Context, run *Run, before, model *M)
	// Remove takes it back.
	Remove(ctx context.Context, run *Run, model *M)
	// Find fills the model of something that stands, for an import.
	Find(ctx context.Context, run *Run, asked Asked, model *M)
}

// Discarder is a Kind that says in a plan what is lost when its resource is
// destroyed, or what stands against it.
type Discarder[M any] interface {
	// PlanRemoval is given a change without Config and Plan.
	PlanRemoval(ctx context.Context, change *Change[M])
}

// frame carries a kind through a resource's life.
type frame[M any, P Model[M]] struct {
	kind Kind[M]
}

// New makes a resource of a kind.
func New[M any, P Model[M]](kind Kind[M]) resource.Resource { return &frame[M, P]{kind} }

// Ensure the frame implements what Terraform is told it does.
var (
	_ resource.ResourceWithConfigure   = &frame[Relation, *Relation]{}
	_ resource.ResourceWithImportState = &frame[Relation, *Relation]{}
	_ resource.ResourceWithIdentity    = &frame[Relation, *Relation]{}
	_ resource.ResourceWithModifyPlan  = &frame[Relation, *Relation]{}
)

func (f *frame[M, P]) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_" + f.kind.Traits().Type
	// A machine may get another address.
	resp.ResourceBehavior.MutableIdentity = true
}

// Configure takes over the provider's data. Terraform also calls it before the
// provider block is known, without data; then nothing may be contacted.
func (f *frame[M, P]) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	if req.ProviderData == nil {
		return
	}
	data, ok := req.ProviderData.(*Data)
	if !ok {
		resp.Diagnostics.AddError("Unable to Configure Resource",
			fmt.Sprintf("The provider handed over %T instead of its data. This is a fault of the provider: please report it.", req.ProviderData))
		return
	}
	f.kind.configure(data)
}

func (f *frame[M, P]) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = identityschema.Schema{Attributes: f.kind.Identity()}
}

// Schema adds the attributes that the frame fills.
func (f *frame[M, P]) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	traits := f.kind.Traits()
	resp.Schema = f.kind.Schema()
	resp.Schema.Attributes["id"] = schema.StringAttribute{
		Computed: true, Description: traits.ID, PlanModifiers: []planmodifier.String{stringplanmodifier.UseStateForUnknown()},
	}
	resp.Schema.Attributes["drift"] = DriftAttribute(traits.Drift)
	resp.Schema.Attributes["timeouts"] = limits(timeouts.Attributes(ctx, timeouts.Opts{
		Create: true, CreateDescription: timeoutText("creation", traits.Budgets.Create),
		Read: true, ReadDescription: timeoutText("refresh", traits.Budgets.Read),
		Update: true, UpdateDescription: timeoutText("change", traits.Budgets.Update),
		Delete: true, DeleteDescription: timeoutText("removal", traits.Budgets.Delete),
	}))
}

// limits asks of the time-outs that each is more than nothing: what the library checks
// lets "0s" and "-5m" pass, with which no operation can end, and names no attribute.
func limits(attribute schema.Attribute) schema.Attribute {
	if group, isGroup := attribute.(schema.SingleNestedAttribute); isGroup {
		for name, description := range group.Attributes {
			group.Attributes[name] = Optional(description.GetDescription(), Duration())
		}
	}
	return attribute
}

func timeoutText(operation string, budget time.Duration) string {
	return fmt.Sprintf("Longest time for a %s, such as \"90s\" or \"1h30m\". Default %gm.", operation, budget.Minutes())
}

func (f *frame[M, P]) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	run := &Run{Action: "Plan", Diagnostics: &resp.Diagnostics, reader: req.Private}
	change := &Change[M]{Run: run}
	if !req.State.Raw.IsNull() {
		change.State = load[M](ctx, req.State.Get, run)
		change.drift = driftCodes(ctx, run, P(change.State).common().Drift)
	}
	if !req.Plan.Raw.IsNull() {
		change.Config, change.Plan = load[M](ctx, req.Config.Get, run), load[M](ctx, resp.Plan.Get, run)
	}
	discarder, discards := f.kind.(Discarder[M])
	switch {
	case run.Failed():
	case change.Plan != nil:
		f.kind.Plan(ctx, change)
		resp.RequiresReplace = append(resp.RequiresReplace, change.replaces...)
		if !run.Failed() {
			resp.Diagnostics.Append(resp.Plan.Set(ctx, change.Plan)...)
		}
	case discards && change.State != nil:
		discarder.PlanRemoval(ctx, change)
	}
}

func (f *frame[M, P]) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	run := &Run{Action: "Create", Diagnostics: &resp.Diagnostics, writer: resp.Private, written: req.Config.Get}
	plan := load[M](ctx, req.Plan.Get, run)
	run.checkpoint = func(ctx context.Context) { f.save(ctx, run, plan, &resp.State, resp.Identity) }
	f.apply(ctx, run, P(plan).common().Timeouts.Create, f.kind.Traits().Budgets.Create, nil, plan)
}

func (f *frame[M, P]) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	run := &Run{Action: "Update", Diagnostics: &resp.Diagnostics, reader: req.Private, writer: resp.Private, written: req.Config.Get}
	plan, state := load[M](ctx, req.Plan.Get, run), load[M](ctx, req.State.Get, run)
	run.checkpoint = func(ctx context.Context) { f.save(ctx, run, plan, &resp.State, resp.Identity) }
	f.apply(ctx, run, P(plan).common().Timeouts.Update, f.kind.Traits().Budgets.Update, state, plan)
}

// apply converges and saves what was read back.
func (f *frame[M, P]) apply(ctx context.Context, run *Run, given limit, budget time.Duration, before, plan *M) {
	within, cancel := deadline(ctx, run, given, budget)
	defer cancel()
	if run.Failed() {
		return
	}
	f.kind.Converge(within, run, before, plan)
	if run.Failed() {
		return
	}
	P(plan).common().Drift = Drift(nil)
	run.checkpoint(ctx)
}

func (f *frame[M, P]) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	run := &Run{Action: "Read", Diagnostics: &resp.Diagnostics, reader: req.Private, writer: resp.Private}
	state := load[M](ctx, req.State.Get, run)
	within, cancel := deadline(ctx, run, P(state).common().Timeouts.Read, f.kind.Traits().Budgets.Read)
	defer cancel()
	if run.Failed() {
		return
	}
	// Terraform asks for it also of what leaves the state.
	f.setIdentity(ctx, run, state, resp.Identity)
	observed := f.kind.Observe(within, run, state)
	switch {
	case run.Failed():
	case observed.Absent:
		resp.State.RemoveResource(ctx)
	default:
		P(state).common().Drift = Drift(observed.Drift)
		keepDrift(ctx, run, observed.Drift)
		f.save(ctx, run, state, &resp.State, nil)
	}
}

func (f *frame[M, P]) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	run := &Run{Action: "Delete", Diagnostics: &resp.Diagnostics, reader: req.Private}
	state := load[M](ctx, req.State.Get, run)
	within, cancel := deadline(ctx, run, P(state).common().Timeouts.Delete, f.kind.Traits().Budgets.Delete)
	defer cancel()
	if !run.Failed() {
		f.kind.Remove(within, run, state)
	}
}

// ImportState finds something that stands, by id or by identity.
func (f *frame[M, P]) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	run := &Run{Action: "Import", Diagnostics: &resp.Diagnostics, writer: resp.Private}
	empty(ctx, &resp.State)
	model := load[M](ctx, resp.State.Get, run)
	if run.Failed() {
		return
	}
	f.kind.Find(ctx, run, Asked{ID: req.ID, identity: req.Identity}, model)
	if !run.Failed() {
		f.save(ctx, run, model, &resp.State, resp.Identity)
	}
}

func (f *frame[M, P]) save(ctx context.Context, run *Run, model *M, state *tfsdk.State, identity *tfsdk.ResourceIdentity) {
	run.Diagnostics.Append(state.Set(ctx, model)...)
	f.setIdentity(ctx, run, model, identity)
}

// load reads a model. A Get that fails has told why, and gives an empty one.
func load[M any](ctx context.Context, get func(context.Context, any) diag.Diagnostics, run *Run) *M {
	model := new(M)
	run.Diagnostics.Append(get(ctx, model)...)
	return model
}
