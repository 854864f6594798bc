// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package base

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Node are the attributes of what stands on one machine.
type Node struct {
	Common
	Connection types.Object `tfsdk:"ssh"`
}

func (n *Node) node() *Node { return n } //nolint:unused // NodeModel asks for it

// Target is the machine that it stands on, if all of the connection is known.
func (n *Node) Target() (remote.Target, bool) { return Target(n.Connection) }

// Address is the machine's host; unknown while the connection is, as that of a
// machine which is yet to be made.
func (n *Node) Address() types.String {
	if n.Connection.IsUnknown() {
		return types.StringUnknown()
	}
	return Member[types.String](n.Connection, "host")
}

// NodeModel is the model of what stands on one machine.
type NodeModel[M any] interface {
	Model[M]
	node() *Node
	// Key is the id, made of declared attributes; unknown while they are.
	Key() types.String
}

// NodeKind is what one machine has. Its hooks speak with that machine alone, and
// the frame knows what an error means: one that does not answer keeps its state,
// one that is declared lost leaves it, unless its Traits say that it is Elsewhere, too.
type NodeKind[M any] interface {
	configure(data *Data)
	Traits() Traits
	Schema() schema.Schema
	// Plan completes the plan: the id is there, and a lost machine is refused.
	Plan(ctx context.Context, change *Change[M])
	// Observe asks the machine and takes over into the model what was read.
	// Whatever reads (a refresh, a data source, an action) asks in this way.
	Observe(ctx context.Context, host remote.Host, model *M) (Observed, error)
	// Converge brings the machine to what the model declares, and takes over what
	// was read back. before is nil for something new. A model with a method Declared
	// is told before what was written, which is not what is filled in for it.
	Converge(ctx context.Context, host remote.Host, before, model *M) error
	// Remove takes back what was made.
	Remove(ctx context.Context, host remote.Host, model *M) error
	// Find reads back from the machine what is declared, for an import. name is
	// "" for a kind that has one a machine.
	Find(ctx context.Context, host remote.Host, name string, model *M) error
}

// NewNode makes the resource of what stands on one machine.
func NewNode[M any, P NodeModel[M]](kind NodeKind[M]) resource.Resource {
	return New[M, P](&node[M, P]{NodeKind: kind})
}

// node is a NodeKind as the frame takes it.
type node[M any, P NodeModel[M]] struct {
	NodeKind[M]
	data *Data
}

func (n *node[M, P]) configure(data *Data) {
	n.data = data
	n.NodeKind.configure(data)
}

func (n *node[M, P]) Schema() schema.Schema {
	described := n.NodeKind.Schema()
	described.Attributes["ssh"] = ConnectionAttribute()
	return described
}

func (n *node[M, P]) Identity() map[string]identityschema.Attribute {
	attributes := machineIdentity()
	if name := n.Traits().Name; name != "" {
		attributes["name"] = identityschema.StringAttribute{RequiredForImport: true, Description: name}
	}
	return attributes
}

func (n *node[M, P]) Identify(model *M) map[string]any {
	values := map[string]any{}
	for name := range machineIdentity() {
		values[name] = P(model).node().Connection.Attributes()[name]
	}
	if n.Traits().Name != "" {
		values["name"] = P(model).node().ID
	}
	return values
}

// Plan keeps the id known, so that a change of one node does not ripple through
// the whole site.
func (n *node[M, P]) Plan(ctx context.Context, change *Change[M]) {
	plan := P(change.Plan).node()
	plan.ID = P(change.Plan).Key()
	change.Target, change.Reachable = plan.Target()
	change.Same = change.State != nil && SameMachine(P(change.State).node().Connection, plan.Connection)
	if (change.State == nil || n.Traits().Elsewhere) && change.Reachable && n.data != nil {
		n.data.RefuseLost(change.Target, path.Root("ssh").AtName("host"), change.Diagnostics)
	}
	warnOfMissingKeys(plan.Connection, change.Diagnostics)
	// Of one that stands as it was, the refresh has said that it was not asked.
	if n.data != nil && n.data.HasKey != nil && (change.State == nil || !P(change.State).node().Connection.Equal(plan.Connection)) {
		refuseUnknownKeys(plan.Connection, n.data.HasKey, change.Diagnostics)
	}
	if change.State == nil {
		n.planSuccession(change.Plan, true, change.Diagnostics)
	}
	n.NodeKind.Plan(ctx, change)
}

// PlanRemoval refuses what would be taken back and made at once.
func (n *node[M, P]) PlanRemoval(_ context.Context, change *Change[M]) {
	n.planSuccession(change.State, false, change.Diagnostics)
}

// planSuccession refuses a plan that makes and takes back the same thing, where
// that does harm. Whichever is planned later says so.
func (n *node[M, P]) planSuccession(model *M, begins bool, diags *diag.Diagnostics) {
	thing, known := n.thing(model)
	if !known || n.data == nil || n.Traits().Renaming == "" || !n.data.Succession.plan(thing, begins) {
		return
	}
	refuseSuccession(n.Traits(), thing, path.Root("ssh").AtName("host"), diags)
}

// thing names what a model is of, whatever its name in Terraform; not known
// while the machine is not.
func (n *node[M, P]) thing(model *M) (string, bool) {
	target, known := P(model).node().Target()
	name := n.Traits().Type
	if placed, isPlaced := any(model).(interface{ Place() types.String }); isPlaced {
		known = known && !placed.Place().IsUnknown()
		name += " " + placed.Place().ValueString()
	}
	return name + " on " + target.Address(), known
}

func (n *node[M, P]) Observe(ctx context.Context, run *Run, model *M) Observed {
	host, ok := n.machine(run, model)
	if !ok {
		return Observed{}
	}
	observed, err := n.NodeKind.Observe(ctx, host, model)
	if err == nil {
		return observed
	}
	if errors.Is(err, remote.ErrLost) && n.Traits().Elsewhere {
		return Observed{Drift: []converge.Line{{Subject: host.Target().Host, Code: converge.CodeLost, Text: "is declared lost: take this out of the configuration, and what other machines have of it is removed"}}}
	}
	return n.data.Unheard(run, P(model).Subject(), host.Target(), err)
}

func (n *node[M, P]) Converge(ctx context.Context, run *Run, before, model *M) {
	P(model).node().ID = P(model).Key()
	host, ok := n.machine(run, model)
	if !ok {
		return
	}
	if thing, _ := n.thing(model); before == nil {
		if err := n.data.Succession.make(ctx, thing); err != nil {
			run.Fail(P(model).Subject(), err)
			return
		}
	}
	if declared, asks := any(model).(interface{ Declared(written *M) }); asks {
		declared.Declared(Written[M](ctx, run))
	}
	if err := n.NodeKind.Converge(ctx, host, before, model); err != nil {
		run.Fail(P(model).Subject(), err)
		return
	}
	n.warn(ctx, run, host, model)
}

// warn tells at the end of an apply what no apply mends, of a kind that has such: the next
// refresh tells of it again. What could not be found out is left to that, too.
func (n *node[M, P]) warn(ctx context.Context, run *Run, host remote.Host, model *M) {
	warns, is := n.NodeKind.(interface {
		Warn(ctx context.Context, host remote.Host, model *M) (title string, lines []converge.Line, err error)
	})
	if !is {
		return
	}
	title, lines, err := warns.Warn(ctx, host, model)
	switch {
	case err != nil:
		run.Diagnostics.AddWarning(title+" Was Not Found Out", fmt.Sprintf("%s is as declared. The next plan asks again: %v", P(model).Subject(), err))
	case len(lines) > 0:
		run.Diagnostics.AddWarning(title, P(model).Subject()+":\n"+strings.Join(converge.Texts(lines), ".\n")+".\n\nNo apply mends that. The next plan tells of it again.")
	}
}

// Remove has nothing to do on a machine that is declared lost, nor where this
// apply makes the same thing under another name.
func (n *node[M, P]) Remove(ctx context.Context, run *Run, model *M) {
	host, ok := n.machine(run, model)
	if !ok {
		return
	}
	thing, _ := n.thing(model)
	ended, heir := n.data.Succession.takeBack(thing)
	if heir {
		return
	}
	defer ended()
	if err := n.NodeKind.Remove(ctx, host, model); !errors.Is(err, remote.ErrLost) {
		run.Fail(P(model).Subject(), err)
	}
}

// Find takes "[user@]host[:port] HOST-KEY", with the name in front of it where
// there is one, or the same as an identity.
func (n *node[M, P]) Find(ctx context.Context, run *Run, asked Asked, model *M) {
	var name string
	var target remote.Target
	var err error
	named := n.Traits().Name != ""
	switch {
	case asked.ID == "" && named:
		name, target = asked.Text(ctx, run, "name"), asked.target(ctx, run)
	case asked.ID == "":
		target = asked.target(ctx, run)
	case named:
		name, target, err = ParseNode(asked.ID)
	default:
		target, err = ParseMachine(asked.ID)
	}
	if err == nil && target.Host == "" {
		err = errors.New("names no machine")
	}
	if err != nil {
		run.Diagnostics.AddError("Unable to Import", "The import id "+Sentence(err))
	}
	if run.Failed() {
		return
	}
	P(model).node().Connection = ConnectionFor(target)
	P(model).node().ID = types.StringValue(target.Host)
	if err := n.NodeKind.Find(ctx, n.data.Hosts.Host(target), name, model); err != nil {
		run.Fail(P(model).Subject(), err)
		return
	}
	P(model).node().ID = P(model).Key()
}

// machine is the host of a model whose connection must be known by now.
func (n *node[M, P]) machine(run *Run, model *M) (remote.Host, bool) {
	target, known := P(model).node().Target()
	if !known {
		run.Diagnostics.AddError("Unable to "+run.Action+" "+P(model).Subject(),
			"Its ssh is not known. This is a fault of the provider: please report it.")
		return nil, false
	}
	return n.data.Hosts.Host(target), true
}
